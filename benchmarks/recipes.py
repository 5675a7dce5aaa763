"""Learn a few steps by each recipe with fixed seeds, and print every step's loss as JSON.

    python benchmarks/recipes.py > losses.json
    python benchmarks/recipes.py --compare before.json after.json

The toy world gives the clips, the bundled model the weights to begin with; all runs on one thread
of the CPU, a minute or two in all. Two states of the code that train alike print the same numbers
but for rounding. ``--compare`` sets two such outputs side by side.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file

from napari_tavis.lab.toyworld.dataset import write_toy_dataset
from napari_tavis.lab.training.ablation_rows import ROWS as EVERY_ROW
from napari_tavis.lab.training.configurations import read_configuration
from napari_tavis.lab.training.dataset_recipe import DatasetRecipe
from napari_tavis.lab.training.row_recipe import RowRecipe, load_start
from napari_tavis.lab.training.run_folder import read_log
from napari_tavis.lab.training.settings import TOY_SMOKE, ToyAblation, TrainConfig
from napari_tavis.lab.training.toy_clips import render_toy_clips
from napari_tavis.lab.training.toy_recipe import train_toy
from napari_tavis.lab.training.trainer import Trainer

Losses = dict[str, list[float]]

SIZE = 64
ROWS = ("paper", "no-tbhp", "with-a2i")
DATASET_RECIPES = {
    "paper (s4_224)": ("s4_224", "v1s", ["model.start=toy"]),
    "paper (ms3_224)": ("ms3_224", "v1m", ["model.start=toy"]),
    "paper, in parts": ("ms3_224", "v1m", ["model.start=toy", "optimizer.accumulation=2"]),
    "finetune": ("finetune", "v1m", []),
    "finetune_toy": ("finetune_toy", "v1m", []),
}


def main() -> None:
    """Learn and print, or compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compare", nargs=2, type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.compare:
        compare(*(json.loads(file.read_text()) for file in options.compare))
        return
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["NAPARI_TAVIS_HOME"] = str(folder / "home")
        losses = {**learn_datasets(folder), "toy": learn_toy(folder), **learn_rows(folder)}
    print(json.dumps(losses, indent=1))


def compare(before: Losses, after: Losses) -> None:
    """Print both in columns, and the largest relative difference of each recipe."""
    for recipe in before:
        pairs = list(zip(before[recipe], after[recipe], strict=True))
        largest = max(abs(old - new) / abs(old) for old, new in pairs)
        print(f"{recipe}: largest relative difference {largest:.1e}")
        for step, (old, new) in enumerate(pairs[:-1], start=1):
            print(f"  step {step:2d}  {old:14.6g}  {new:14.6g}")
        print(f"  weights  {pairs[-1][0]:14.9g}  {pairs[-1][1]:14.9g}")


def norm(weights: dict[str, torch.Tensor]) -> float:
    """Sum up a network in one number: the norm of all its weights."""
    return float(torch.stack([w.double().square().sum() for w in weights.values()]).sum().sqrt())


def losses_of(run: Path) -> list[float]:
    """Give the loss of every step, as the log of a run has it."""
    return [entry["loss"] for entry in read_log(run / "log.jsonl") if entry["kind"] == "step"]


def learn_datasets(folder: Path) -> Losses:
    """Learn from AVSBench trees as the paper does, and as fine-tuning does."""
    write_toy_dataset(folder / "data", clips=10, seed=3, size=SIZE)
    common = f"data.root={folder / 'data'} data.holdout=0.2 data.batch=2 data.workers=0"
    common += f" model.image_size={SIZE} epochs=4 patience=null device=cpu pictures=0 seed=4"
    losses = {}
    for number, (name, (configuration, subset, own)) in enumerate(DATASET_RECIPES.items()):
        settings = [*common.split(), f"data.subset={subset}", *own]
        config = read_configuration(configuration, settings)
        assert isinstance(config, TrainConfig)
        run = folder / str(number)
        Trainer(DatasetRecipe(config), run).run()
        losses[name] = [*losses_of(run), norm(load_file(run / "last.safetensors"))]
    return losses


def learn_toy(folder: Path) -> list[float]:
    """Learn as the bundled model did, in a few steps of each kind of stage."""
    checkpoint = train_toy(folder / "toy", config=TOY_SMOKE, seed=4)
    return [*losses_of(folder / "toy"), norm(load_file(checkpoint))]


def learn_rows(folder: Path) -> Losses:
    """Learn some rows of the paper's ablations on the toy world."""
    settings = ToyAblation(clips=8, steps=6, batch=2, warm_up=3, test_clips=1)
    clips = render_toy_clips(folder / "clips", settings.clips, size=settings.image_size, workers=1)
    losses: Losses = {}
    for name in ROWS:
        trainer = Trainer(
            RowRecipe(EVERY_ROW[name], settings, 4, load_start(settings), clips), folder / name
        )
        trainer.run()
        weights = norm(trainer.model.state_dict())
        losses[f"ablation, {name}"] = [*losses_of(folder / name), weights]
    return losses


if __name__ == "__main__":
    main()
