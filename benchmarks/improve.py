"""What twenty corrected clips are worth: a camera that the shipped model has never seen through.

Draws 20 toy videos of a thermal camera, corrected as a person would leave them, has the model
improved as *Improve the model* does it (16 to learn from, 4 held out), and measures the model
before and after on 50 unseen clips of that camera and on the toy world's own test clips (seed 1).
``M_J`` is that of ``napari-tavis toy-test``: the scene mask over frames in which something sounds.

    python benchmarks/improve.py --json docs/results/improve.json
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

from napari_tavis.core.tasks import Task
from napari_tavis.datasets.avsbench.metrics import MJ
from napari_tavis.lab.improvement.finetuning import improve
from napari_tavis.lab.improvement.request import ImprovementRequest
from napari_tavis.lab.toyworld import clip_seed, render_clip, sample_scene
from napari_tavis.lab.toyworld.scene import Camera
from napari_tavis.media import log_mel
from napari_tavis.model import TAViS, load_model
from napari_tavis.weights.store import Store

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from corrected_videos import write_corrected_videos

CORRECTED_SEED, UNSEEN_SEED, OLD_SEED = 11, 12, 1


def scene_iou(model: TAViS, camera: Camera, clips: int, seed: int) -> float:
    """Measure ``M_J`` on clips of a camera."""
    score = MJ()
    for index in range(clips):
        clip = render_clip(replace(sample_scene(clip_seed(seed, index)), camera=camera))
        found = model.segment(clip.frames, log_mel(clip.waveform, clip.starts), "independent")
        logits = found.resized(clip.frames.shape[1:3]).mask_logits[:, -1].numpy()
        for frame, truth in enumerate(clip.scene_mask):
            if truth.any():
                score.add(logits[frame, None], truth[None])
        print(f"\r{camera} clip {index + 1} of {clips}", end="", flush=True)
    print(f"\r{camera}: M_J {score.value:.4f} on {clips} clips")
    return round(score.value, 4)


def measure(model: TAViS, unseen: int, old: int) -> dict[str, float]:
    """Measure a model on the new camera and on the old one."""
    return {
        "thermal": scene_iou(model, "thermal", unseen, UNSEEN_SEED),
        "colour": scene_iou(model, "colour", old, OLD_SEED),
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="toy")
    parser.add_argument("--corrected", type=int, default=20)
    parser.add_argument("--unseen", type=int, default=50)
    parser.add_argument("--old", type=int, default=200)
    parser.add_argument("--json", type=Path)
    parser.add_argument("settings", nargs="*", help="key=value, instead of finetune's")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        videos, store = Path(folder) / "videos", Store(Path(folder) / "home")
        write_corrected_videos(videos, asked.corrected, CORRECTED_SEED, camera="thermal")
        began = time.monotonic()
        request = ImprovementRequest((str(videos),), asked.model, "improved", tuple(asked.settings))
        found = improve(request, store=store, task=Task(lambda *news: print(*news, flush=True)))
        minutes = (time.monotonic() - began) / 60
        print(found)
        old = load_model(asked.model, device="cpu")
        new = load_model(store.path(found.name), device="cpu") if found.name else old
        before, after = measure(old, asked.unseen, asked.old), measure(new, asked.unseen, asked.old)
    results = {
        "corrected": asked.corrected,
        "unseen": asked.unseen,
        "old": asked.old,
        "settings": asked.settings,
        "held_out": {name: asdict(found)[name] for name in ("before", "after", "held_out")},
        "minutes": round(minutes, 1),
        "before": before,
        "after": after,
    }
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=2) + "\n")
    for name in before:
        change = after[name] - before[name]
        print(f"{name}: M_J {before[name]:.3f} before, {after[name]:.3f} after ({change:+.3f})")


if __name__ == "__main__":
    main()
