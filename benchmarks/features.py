"""Measure what keeping ImageBind's features saves an epoch: prints a table, and JSON if asked.

    python benchmarks/features.py [--model toy] [--size 224] [--clips 8] [--json FILE]
    python benchmarks/features.py --random large --clips 1 --frames 1 --repeats 1
    python benchmarks/features.py --count large

Clips of the toy world are read, learned from as the paper learns (what is frozen, all losses), and
validated on, with ImageBind's features computed each time and with features that are kept.
``--random`` takes the paper's network, or any other, with random weights: they cost the same. The
times are processor time of one thread, which other programs on the machine do not change much.
``--count`` counts the operations instead, which takes no weights, no clips and no memory.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from napari_tavis.core.tasks import Task
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.lab.benchmark.measure import write_random_checkpoint
from napari_tavis.lab.toyworld.dataset import write_toy_dataset
from napari_tavis.lab.training.batches import Batch
from napari_tavis.lab.training.dataset_recipe import Objective
from napari_tavis.lab.training.frozen_features import FrozenFeatureStore
from napari_tavis.lab.training.losses import LossSwitches
from napari_tavis.lab.training.samples import collate, open_split
from napari_tavis.lab.training.settings import TRAINED
from napari_tavis.lab.training.starting import freeze
from napari_tavis.model import TAViS, load_model
from napari_tavis.model.alignment import class_prompt
from napari_tavis.model.config import preset_config
from napari_tavis.model.features import FrozenFeatures

Results = dict[str, float | str]


def main() -> None:
    """Measure, and print."""
    options = parse()
    torch.set_num_threads(1)
    results = count(options.count, options.size) if options.count else time_clips(options)
    for name, value in results.items():
        print(f"{name:64s} {value if isinstance(value, str) else round(value, 4)}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def time_clips(options: argparse.Namespace) -> Results:
    """Measure on clips of the toy world."""
    with tempfile.TemporaryDirectory() as folder:
        model = open_model(options, Path(folder))
        root = write_toy_dataset(Path(folder) / "data", options.clips, seed=0, size=options.size)
        return measure(model, root, Path(folder) / "features", options)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="toy", help="an installed model or a file")
    parser.add_argument("--random", metavar="PRESET", help="random weights of a preset instead")
    parser.add_argument("--count", metavar="PRESET", help="count operations of a preset instead")
    parser.add_argument("--size", type=int, default=224, help="pixels per side")
    parser.add_argument(
        "--clips", type=int, default=8, help="toy clips, of which most are to learn from"
    )
    parser.add_argument("--frames", type=int, default=5, help="frames to learn from at once")
    parser.add_argument("--repeats", type=int, default=3, help="steps of each kind")
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    return parser.parse_args()


def count(preset: str, size: int) -> Results:
    """Count the operations that a frame costs, on tensors without memory."""
    model = TAViS.without_weights(preset_config(preset, size))
    freeze(model, TRAINED)
    images = torch.zeros(1, 1, 3, size, size, device="meta")
    mel = torch.zeros(1, 1, 1, 128, 204, device="meta")
    with torch.no_grad():
        kept = model.encode_frozen(images[0], mel[0])

    def gflop(frozen: FrozenFeatures | None, learns: bool, regions: bool) -> float:
        counter = FlopCounterMode(display=False)
        with counter, torch.set_grad_enabled(learns):
            found = model(images, mel, "independent", frozen)
            every = [found.candidate_logits, found.audio_embedding, found.pseudo_text]
            if regions:
                every.append(model.region_embedding(images, found.mask_logits[:, :, :-1]))
            if learns:
                torch.stack([part.sum() for part in every]).sum().backward()
        return counter.get_total_flops() / 1e9

    results: Results = {"network": f"{preset}, {size} pixels"}
    for what, learns, regions in (
        ("validating", False, False),
        ("learning without L_i2t", True, False),
        ("learning", True, True),
    ):
        all_of_it, rest = gflop(None, learns, regions), gflop(kept, learns, regions)
        results[f"{what}, features computed, GFLOP per frame"] = all_of_it
        results[f"{what}, features kept, GFLOP per frame"] = rest
        results[f"{what}: fewer by the factor"] = all_of_it / rest
    return results


def open_model(options: argparse.Namespace, folder: Path) -> TAViS:
    """Load the network, frozen as the paper freezes it."""
    source = options.model
    if options.random:
        source = folder / "random.safetensors"
        write_random_checkpoint(options.random, source, Task())
    model = load_model(source, image_size=options.size)
    print(freeze(model, TRAINED))
    return model


def measure(model: TAViS, root: Path, folder: Path, options: argparse.Namespace) -> Results:
    """Time reading, computing what is frozen, learning and validating."""
    cache = FrozenFeatureStore(folder, model)
    plain, kept = (
        open_split(root, "avss", "train", model.image_size, features=features)
        for features in (None, cache)
    )
    filling = processor_seconds(lambda: cache.fill(model, kept, batch_size=1))
    frames = sum(kept.frames)
    results: Results = {
        "network": f"{options.random or options.model}, {model.image_size} pixels",
        "computing and keeping features once, s per frame": filling / frames,
        "their room on disk, MB per frame": cache.nbytes / frames / 1e6,
    }
    for name, dataset in (("computed", plain), ("kept", kept)):
        reading = processor_seconds(lambda: [dataset[index] for index in range(len(dataset))])  # noqa: B023
        results[f"reading clips, features {name}, s per frame"] = reading / frames
    objective = make_objective(model)
    with_all = first_frames(collate([kept[0]]), options.frames)
    batches = {"computed": Batch(**{**vars(with_all), "features": None}), "kept": with_all}
    for what, work in (("learning", learn), ("validating", validate)):
        times: dict[str, list[float]] = {name: [] for name in batches}
        for _ in range(options.repeats):  # in turn, so that both meet the same machine
            for name, batch in batches.items():
                seconds = processor_seconds(lambda: work(objective, batch))  # noqa: B023
                times[name].append(seconds / options.frames)
        medians = {name: statistics.median(values) for name, values in times.items()}
        for name, value in medians.items():
            results[f"{what}, features {name}, s per frame"] = value
        results[f"{what}: an epoch is faster, with reading, by the factor"] = (
            medians["computed"] + float(results["reading clips, features computed, s per frame"])
        ) / (medians["kept"] + float(results["reading clips, features kept, s per frame"]))
    return results


def first_frames(batch: Batch, count: int) -> Batch:
    """Cut the clip of a batch of one to its first frames."""
    assert batch.features is not None
    cut = {
        name: value[:, :count]
        for name, value in vars(batch).items()
        if name in ("images", "mel", "visible", "heard", "scene", "labelled")
    }
    return Batch(**{**vars(batch), **cut, "features": batch.features.rows(slice(0, count))})


def make_objective(model: TAViS) -> Objective:
    """Give the network with the paper's loss."""
    with torch.no_grad():
        found = model.text_features([class_prompt(name) for name in AVSBENCH_CLASSES])
    return Objective(model, found, LossSwitches(), "independent")


def learn(objective: Objective, batch: Batch) -> None:
    """Take a step, the change of the weights aside."""
    objective.zero_grad(set_to_none=True)
    terms = objective(batch)
    torch.stack([term.sum() for term in terms.values()]).sum().backward()


@torch.no_grad()
def validate(objective: Objective, batch: Batch) -> None:
    """Find the masks."""
    objective.model(batch.images, batch.mel, "independent", batch.features)


def processor_seconds(work: Callable[[], object]) -> float:
    """Time some work."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
