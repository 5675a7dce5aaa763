"""All rows of an ablation for all seeds, one after the other; what is done is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from napari_tavis.core.atomic import write_atomically
from napari_tavis.core.files import MEGABYTE, read_json
from napari_tavis.core.tasks import CancelToken, Progress, no_progress
from napari_tavis.lab.training.ablation.rows import Row
from napari_tavis.lab.training.run_folder import claim_folder

Results = dict[str, dict[int, dict[str, float]]]
"""What was measured, by row, seed and name of the measure."""


class Trial(Protocol):
    """A way to train and measure a row: on the toy world, or on a dataset."""

    @property
    def recipe(self) -> Mapping[str, Any]:
        """What the numbers depend on besides row and seed; ready for JSON."""

    def measure(
        self, row: Row, seed: int, progress: Progress, cancel: CancelToken
    ) -> dict[str, float]:
        """Train a row with a seed, and measure it on unseen clips."""


def run_study(
    output: Path,
    rows: Sequence[Row],
    seeds: Sequence[int],
    trial: Trial,
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Results:
    """Train and measure every row with every seed, or go on with a study that was stopped.

    Parameters
    ----------
    output : Path
        Folder of the study: a file per row and seed, written when it is done.
    rows : sequence of Row
        What to compare.
    seeds : sequence of int
        A table is complete for one seed before the next one begins.
    trial : Trial
        How to train and measure.
    progress : Progress, optional
        Told of every step.
    cancel : CancelToken, optional
        Stops the study.

    Returns
    -------
    dict
        The measures by row and seed, those of earlier runs in the folder included.

    Raises
    ------
    TrainingError
        If the folder holds a study with another recipe, or cannot be written.
    """
    cancel = cancel or CancelToken()
    claim_folder(output, trial.recipe)
    for seed in seeds:
        for row in rows:
            kept = _file(output, row, seed)
            if not kept.exists():
                measured = trial.measure(row, seed, progress, cancel)
                write_atomically(kept, f"{json.dumps(measured, indent=2)}\n".encode())
    return {
        row.name: {seed: read_json(_file(output, row, seed), most=MEGABYTE) for seed in seeds}
        for row in rows
    }


def _file(output: Path, row: Row, seed: int) -> Path:
    """Name the file of a row's measures with a seed."""
    return output / f"{row.name}-{seed}.json"
