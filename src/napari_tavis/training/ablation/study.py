"""All rows of an ablation for all seeds, one after the other; what is done is kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from napari_tavis.session.atomic import write_atomically
from napari_tavis.tasks import CancelToken, Progress, no_progress
from napari_tavis.toyworld.evaluation import toy_test
from napari_tavis.training.ablation.recipe import ToyAblation
from napari_tavis.training.ablation.rows import Row
from napari_tavis.training.ablation.short_training import train_row
from napari_tavis.training.ablation.start import load_start
from napari_tavis.training.errors import TrainingError
from napari_tavis.training.toy_clips import open_toy_clips, render_toy_clips

RECIPE = "recipe.json"

Results = dict[str, dict[int, dict[str, Any]]]
"""What `toy_test` measured, by row and seed."""


def run_study(
    output: Path,
    rows: Sequence[Row],
    seeds: Sequence[int],
    *,
    recipe: ToyAblation | None = None,
    clips: Path | None = None,
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
    recipe : ToyAblation, optional
        How to train and measure.
    clips : Path, optional
        Folder of training clips that were rendered before; rendered into `output` by default.
    progress : Progress, optional
        Told of every step.
    cancel : CancelToken, optional
        Stops the study; the row at hand begins anew next time.

    Returns
    -------
    dict
        The measures by row and seed, those of earlier runs in the folder included.

    Raises
    ------
    TrainingError
        If the folder holds a study with another recipe, or there are no such clips.
    """
    recipe, cancel = recipe or ToyAblation(), cancel or CancelToken()
    store = open_toy_clips(clips, recipe.image_size) if clips else None
    recipe = recipe if store is None else replace(recipe, clips=len(store))
    _claim(output, recipe)
    missing = [
        (seed, row) for seed in seeds for row in rows if not _file(output, row, seed).exists()
    ]
    if missing:
        store = store or render_toy_clips(
            output / "clips", recipe.clips, size=recipe.image_size, progress=progress
        )
        start = load_start(recipe)
        for seed, row in missing:
            model = train_row(row, recipe, seed, start, store, progress, cancel)
            measured = toy_test(
                model,
                recipe.test_clips,
                recipe.test_seed,
                size=recipe.image_size,
                protocols=("independent",),
                progress=progress,
                cancel=cancel,
            )
            text = json.dumps(measured["independent"], indent=2)
            write_atomically(_file(output, row, seed), f"{text}\n".encode())
    return {
        row.name: {seed: json.loads(_file(output, row, seed).read_text()) for seed in seeds}
        for row in rows
    }


def _file(output: Path, row: Row, seed: int) -> Path:
    """Name the file of a row's measures with a seed."""
    return output / f"{row.name}-{seed}.json"


def _claim(output: Path, recipe: ToyAblation) -> None:
    """Write down how the folder's numbers come about, or make sure that they came about so."""
    output.mkdir(parents=True, exist_ok=True)
    card, text = output / RECIPE, json.dumps(asdict(recipe), indent=2) + "\n"
    if card.is_file() and card.read_text() != text:
        raise TrainingError(
            f"{output} holds an ablation with other settings: choose another folder, or remove it."
        )
    write_atomically(card, text.encode())
