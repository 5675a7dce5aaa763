"""Rows of an ablation on AVSBench, as the paper trains them: hours each, on a GPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

from napari_tavis.core.errors import TrainingError
from napari_tavis.core.tasks import CancelToken, Progress
from napari_tavis.datasets.avsbench import open_dataset
from napari_tavis.datasets.avsbench.layout import Subset
from napari_tavis.lab.evaluation.evaluator import SCORES_ONLY, evaluate
from napari_tavis.lab.training.ablation.rows import Row
from napari_tavis.lab.training.experiments.config import TrainConfig
from napari_tavis.lab.training.experiments.trainer import Trainer
from napari_tavis.model import load_model

MEASURES = ("M_J", "M_F", "M_F_logits")


class DatasetTrial:
    """A whole training run for every row, its best checkpoint measured on the test split.

    Parameters
    ----------
    config : TrainConfig
        The training run; a row changes its switches, its loss and its seed.
    folder : Path
        Where the runs are kept, which go on where they were stopped.
    sam_start : str, optional
        The model that the row on SAM starts from.

    Raises
    ------
    TrainingError
        If the configuration's subset has no test split of its own.
    """

    def __init__(self, config: TrainConfig, folder: Path, sam_start: str | None = None) -> None:
        if config.data.subset not in get_args(Subset):
            raise TrainingError(
                f"An ablation measures on one subset, and {config.data.subset!r} is none: set "
                f"data.subset to one of {', '.join(get_args(Subset))}."
            )
        self._config, self._folder, self._sam_start = config, folder, sam_start

    @property
    def recipe(self) -> Mapping[str, Any]:
        """The configuration as plain values; the start on SAM concerns one row, which keeps it."""
        return asdict(self._config)

    def row_config(self, row: Row, seed: int) -> TrainConfig:
        """Give the training run of a row with a seed.

        Raises
        ------
        TrainingError
            If the row is on SAM, and there is no start on SAM.
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

    def measure(
        self, row: Row, seed: int, progress: Progress, cancel: CancelToken
    ) -> dict[str, float]:
        """Train a row with a seed, and give M_J and M_F of its best checkpoint."""
        config = self.row_config(row, seed)
        run = self._folder / f"{row.name}-{seed}"
        trainer = Trainer(config, run, progress=progress, cancel=cancel)
        best = trainer.run(progress, cancel)
        model = load_model(best, str(trainer.accelerator.device))
        clips = open_dataset(config.data.root, config.data.subset, "test")
        scores = evaluate(model, clips, options=SCORES_ONLY, task=cancel.part(progress))
        return {name: float(scores.summary[name]) for name in MEASURES}
