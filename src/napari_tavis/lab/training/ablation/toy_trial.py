"""Rows of an ablation on the toy world: minutes each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from napari_tavis.core.tasks import CancelToken, Progress, no_progress
from napari_tavis.lab.toyworld.evaluation import toy_test
from napari_tavis.lab.training.ablation.recipe import ToyAblation
from napari_tavis.lab.training.ablation.rows import Row
from napari_tavis.lab.training.ablation.short_training import train_row
from napari_tavis.lab.training.ablation.start import load_start
from napari_tavis.lab.training.toy_clips import ToyClips, open_toy_clips, render_toy_clips
from napari_tavis.model import TAViS


class ToyTrial:
    """The same short training for every row, measured by `toy_test`.

    Parameters
    ----------
    recipe : ToyAblation
        How to train and measure.
    folder : Path
        Where training clips are rendered to.
    clips : Path, optional
        Folder of training clips that were rendered before, to render none.

    Raises
    ------
    TrainingError
        If there are no such clips.
    """

    def __init__(self, recipe: ToyAblation, folder: Path, clips: Path | None = None) -> None:
        self._folder = folder
        self._opened: ToyClips | None = None
        if clips is not None:
            self._opened = open_toy_clips(clips, recipe.image_size)
            recipe = replace(recipe, clips=len(self._opened))
        self._recipe = recipe

    @property
    def recipe(self) -> Mapping[str, Any]:
        """The recipe as plain values."""
        return asdict(self._recipe)

    @cached_property
    def _start(self) -> TAViS:
        return load_start(self._recipe)

    def measure(
        self,
        row: Row,
        seed: int,
        progress: Progress = no_progress,
        cancel: CancelToken | None = None,
    ) -> dict[str, float]:
        """Train a row with a seed, and give what `toy_test` says, frames being independent.

        Stopped by `cancel`, the row begins anew next time.
        """
        recipe, cancel = self._recipe, cancel or CancelToken()
        if self._opened is None:
            self._opened = render_toy_clips(
                self._folder, recipe.clips, size=recipe.image_size, progress=progress
            )
        model = train_row(row, recipe, seed, self._start, self._opened, progress, cancel)
        measured: dict[str, float] = toy_test(
            model,
            recipe.test_clips,
            recipe.test_seed,
            size=recipe.image_size,
            protocols=("independent",),
            task=cancel.part(progress),
        )["independent"]
        return measured
