"""Write the toy model's card, and the results in the README, from what the commands printed.

python scripts/toy_card.py RUN TOY_TEST_JSON

RUN is the folder of ``napari-tavis train --output RUN``; what should be known of the run beyond its
settings stands in its ``notes.md``, if there is one. TOY_TEST_JSON is the file written by
``napari-tavis toy-test --json``. No number is written by hand.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CARD = ROOT / "src" / "napari_tavis" / "toyworld" / "checkpoints" / "toy.md"
README = ROOT / "README.md"
BEGIN, END = "<!-- toy results: begin -->", "<!-- toy results: end -->"

MEASURES = {
    "M_J": ("0.78", "scene mask, mean IoU over frames in which something sounds"),
    "M_F": ("0.86", "scene mask, maximal F over the same frames"),
    "found": ("0.72", "sounding objects covered (IoU > 0.5) by a query of the right class"),
    "class_accuracy": ("0.93", "covered objects whose class is right, of 70"),
    "silence_clean": ("0.98", "frames with under 2 % mask when the sound is silenced"),
    "swap_follows": ("0.92", "silent objects that the mask moves to when they are played"),
    "M_J_all": ("", "as AVSBench counts it, empty frames included"),
    "M_F_all": ("", "as AVSBench counts it, a clip being a batch"),
}

BY_HAND = {
    "click": "one click, at the point farthest inside the object",
    "corrected": "after three more clicks, each where the mask is most wrong",
    "box": "the tight box",
    "next_frame": "followed from its true mask, one second on",
    "last_frame": "followed, four seconds on",
}


def by_hand_table(results: dict[str, Any]) -> str:
    """Give the mean IoU of what is prompted by hand as a Markdown table."""
    found = results["by_hand"]
    rows = ["| prompt | mean IoU | meaning |", "| --- | --- | --- |"]
    rows += [f"| {name} | {found[name]:.3f} | {meaning} |" for name, meaning in BY_HAND.items()]
    return "\n".join(rows)


def results_table(results: dict[str, Any]) -> str:
    """Give the measures of both protocols as a Markdown table."""
    rows = [
        "| measure | asked | independent | memory | meaning |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, (asked, meaning) in MEASURES.items():
        values = [f"{results[protocol][name]:.3f}" for protocol in ("independent", "memory")]
        rows.append(f"| {name} | {asked} | {' | '.join(values)} | {meaning} |")
    return "\n".join(rows) + _shortfall(results)


def _shortfall(results: dict[str, Any]) -> str:
    """Name the measures that are lower than asked, by either protocol."""
    short = [
        name
        for name, (asked, _) in MEASURES.items()
        if asked and min(results[way][name] for way in ("independent", "memory")) < float(asked)
    ]
    if not short:
        return ""
    return (
        f"\n\nLower than asked: {', '.join(short)}. "
        "The model was still improving when its training ended."
    )


def card(recipe: dict[str, Any], notes: str, results: dict[str, Any]) -> str:
    """Give the card's text."""
    stages = "\n".join(
        f"| {stage['name']} | {stage['steps']} | {stage['image_size']} "
        f"| {stage['clips']} x {stage['frames']} | {stage['protocol']} "
        f"| {'yes' if stage['prompts'] else ''} |"
        for stage in recipe["stages"]
    )
    steps = sum(stage["steps"] for stage in recipe["stages"])
    clips = ", ".join(f"{count} at {size} pixels" for size, count in recipe["clips"].items())
    counts = results["independent"]
    counted = (
        f"{counts['sounding_objects']} sounding objects, "
        f"{counts['silent_frames']} silenced frames, {counts['swaps']} swaps"
    )
    command = f"toy-test --model toy --clips {results['clips']} --seed {results['seed']}"
    return f"""# The toy model

A demonstration: TAViS in a small size, trained from nothing on drawn scenes with synthesised
sounds. It knows ten classes and has never seen a real video.

- Weights: `toy.safetensors`, float16, averaged over the training steps.
- Trained by `napari-tavis train --output RUN`, seed {recipe["seed"]}, {steps} steps:

| stage | steps | pixels | clips x frames | protocol | prompts by hand |
| --- | --- | --- | --- | --- | --- |
{stages}

- Training clips: {clips}, of seeds that no test uses; no further data.
- Its picture encoder (ImageBind's part) is hardly trained: classes come from the sound, and the
  zero-shot setting, which asks the picture as well, means nothing with this model.
{notes}
## Measured

By `napari-tavis {command} --json FILE`, on unseen seeds:
{counted}.

{results_table(results)}

Prompted by hand, {results["by_hand"]["objects"]} objects, sounding or not:

{by_hand_table(results)}
"""


def main() -> None:
    """Write both files."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    recipe = json.loads((Path(sys.argv[1]) / "config.json").read_text())
    notes = Path(sys.argv[1]) / "notes.md"
    results = json.loads(Path(sys.argv[2]).read_text())
    CARD.write_text(card(recipe, notes.read_text() if notes.is_file() else "", results))
    text = README.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    README.write_text(f"{before}{BEGIN}\n{results_table(results)}\n{END}{after}")


if __name__ == "__main__":
    main()
