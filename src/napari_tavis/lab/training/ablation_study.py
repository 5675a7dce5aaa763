"""The paper's ablations: all rows for all seeds, one after the other; what is done is kept.

A row is trained and measured on the toy world, in minutes, or on a dataset, as the paper does it:
hours, on a GPU.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, get_args

from napari_tavis.core.atomic import write_atomically
from napari_tavis.core.errors import TrainingError
from napari_tavis.core.files import MEGABYTE, read_json
from napari_tavis.core.tasks import Task
from napari_tavis.datasets.avsbench import open_dataset
from napari_tavis.datasets.avsbench.layout import Subset
from napari_tavis.lab.evaluation.evaluator import SCORES_ONLY, evaluate
from napari_tavis.lab.toyworld.evaluation import toy_test
from napari_tavis.lab.training.ablation_rows import Results, Row
from napari_tavis.lab.training.dataset_recipe import DatasetRecipe
from napari_tavis.lab.training.row_recipe import load_start, train_row
from napari_tavis.lab.training.run_folder import claim_folder
from napari_tavis.lab.training.settings import ToyAblation, TrainConfig
from napari_tavis.lab.training.toy_clips import ToyClips, open_toy_clips, render_toy_clips
from napari_tavis.lab.training.trainer import Trainer
from napari_tavis.model import TAViS, load_model

DATASET_MEASURES = ("M_J", "M_F", "M_F_logits")


class Trial(Protocol):
    """A way to train and measure a row: on the toy world, or on a dataset."""

    @property
    def recipe(self) -> Mapping[str, Any]:
        """What the numbers depend on besides row and seed; ready for JSON."""

    def measure(self, row: Row, seed: int, task: Task) -> dict[str, float]:
        """Train a row with a seed, and measure it on unseen clips."""


def run_study(
    output: Path,
    rows: Sequence[Row],
    seeds: Sequence[int],
    trial: Trial,
    *,
    task: Task | None = None,
) -> Results:
    """Train and measure every row with every seed, or go on with a study that was stopped.

    A table is complete for one seed before the next one begins. The folder has a file per row and
    seed, written when it is done; measures of earlier runs in it are included. Raises
    `TrainingError` if it holds a study with another recipe, or cannot be written.
    """
    task = task or Task()
    claim_folder(output, trial.recipe)
    for seed in seeds:
        for row in rows:
            kept = _file(output, row, seed)
            if not kept.exists():
                measured = trial.measure(row, seed, task)
                write_atomically(kept, f"{json.dumps(measured, indent=2)}\n".encode())
    return {
        row.name: {seed: read_json(_file(output, row, seed), most=MEGABYTE) for seed in seeds}
        for row in rows
    }


def _file(output: Path, row: Row, seed: int) -> Path:
    return output / f"{row.name}-{seed}.json"


class ToyTrial:
    """The same short training for every row, measured by `toy_test`.

    Clips are rendered to the folder, unless there is one of clips that were rendered before;
    without any of the right size in it, `TrainingError` is raised.
    """

    def __init__(self, settings: ToyAblation, folder: Path, clips: Path | None = None) -> None:
        self._folder = folder
        self._opened: ToyClips | None = None
        if clips is not None:
            self._opened = open_toy_clips(clips, settings.image_size)
            settings = replace(settings, clips=len(self._opened))
        self._settings = settings

    @property
    def recipe(self) -> Mapping[str, Any]:
        return asdict(self._settings)

    @cached_property
    def _start(self) -> TAViS:
        return load_start(self._settings)

    def measure(self, row: Row, seed: int, task: Task) -> dict[str, float]:
        """Train a row with a seed, and give what `toy_test` measures, frames being independent.

        Cancelled, the row starts again next time.
        """
        settings = self._settings
        if self._opened is None:
            self._opened = render_toy_clips(
                self._folder, settings.clips, size=settings.image_size, task=task
            )
        model = train_row(row, settings, seed, self._start, self._opened, task)
        measured: dict[str, float] = toy_test(
            model,
            settings.test_clips,
            settings.test_seed,
            size=settings.image_size,
            protocols=("independent",),
            task=task,
        )["independent"]
        return measured


class DatasetTrial:
    """A whole training run for every row, its best checkpoint measured on the test split.

    A row changes the configuration's switches, loss and seed; the one on SAM starts from
    ``sam_start``. Runs are kept in the folder and go on where they were stopped. Raises
    `TrainingError` if the configuration's subset has no test split of its own.
    """

    def __init__(self, config: TrainConfig, folder: Path, sam_start: str | None = None) -> None:
        if config.data.subset not in get_args(Subset):
            raise TrainingError(
                f"An ablation measures on one subset, and {config.data.subset!r} is not one: set "
                f"data.subset to one of {', '.join(get_args(Subset))}."
            )
        self._config, self._folder, self._sam_start = config, folder, sam_start

    @property
    def recipe(self) -> Mapping[str, Any]:
        """The configuration as plain values; the start on SAM concerns one row, which keeps it."""
        return asdict(self._config)

    def row_config(self, row: Row, seed: int) -> TrainConfig:
        """Give the training run of a row with a seed.

        Raises `TrainingError` if the row is on SAM, and there is no start on SAM.
        """
        model = replace(self._config.model, switches=row.switches)
        if row.segmenter == "sam":
            if self._sam_start is None:
                raise TrainingError(
                    "The row 'sam' starts from a model on SAM: install one (napari-tavis weights "
                    "import SAM IMAGEBIND --name NAME) and give it as --sam-start NAME."
                )
            model = replace(model, start=self._sam_start)
        protocol = "independent" if row.segmenter == "sam" else self._config.protocol
        return replace(
            self._config,
            model=model,
            loss=row.losses,
            seed=self._config.seed + seed,
            protocol=protocol,
        )

    def measure(self, row: Row, seed: int, task: Task) -> dict[str, float]:
        """Train a row with a seed, and give M_J and M_F of its best checkpoint."""
        recipe = DatasetRecipe(self.row_config(row, seed))
        trainer = Trainer(recipe, self._folder / f"{row.name}-{seed}", task=task)
        trainer.run(task)
        model = load_model(trainer.best, str(trainer.accelerator.device))
        clips = open_dataset(self._config.data.root, self._config.data.subset, "test")
        scores = evaluate(
            model,
            clips,
            options=SCORES_ONLY,
            task=task,
        )
        return {name: float(scores.summary[name]) for name in DATASET_MEASURES}
