"""The command that leaves parts of TAViS out and measures what they are worth: ``ablate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_tavis.cli.console import terminal_task
from napari_tavis.core.boundary import require_writable

if TYPE_CHECKING:
    from napari_tavis.lab.training.ablation_study import Trial


def ablate(
    output: Annotated[
        Path,
        typer.Option(help="Folder of the study: its numbers, by row and seed.", file_okay=False),
    ],
    config: Annotated[
        str, typer.Option(help="toy, or what `train` takes: s4_224, ms3_224 ... or a YAML file.")
    ] = "toy",
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...", help="Settings that override the configuration's."
        ),
    ] = None,
    table: Annotated[
        list[int] | None, typer.Option(help="A table of the paper: 1, 2, 4 or 5. Repeatable.")
    ] = None,
    row: Annotated[list[str] | None, typer.Option(help="A row by name. Repeatable.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds.")] = 3,
    clips: Annotated[
        Path | None,
        typer.Option(
            help="toy only: clips/128 of a `train` run, instead of rendering clips.",
            file_okay=False,
        ),
    ] = None,
    sam_start: Annotated[
        str | None, typer.Option(help="Except with toy: the model that the row sam starts from.")
    ] = None,
    smoke: Annotated[
        bool,
        typer.Option(
            "--smoke", help="toy only: run a few steps, to see whether everything works here."
        ),
    ] = False,
) -> None:
    """Train TAViS with parts left out, and print the paper's tables with the scores beside.

    Without --table and --row: table 1. Stop it with Ctrl+C and run it again to go on; with the
    same folder later tables reuse the rows that are there. Rows: paper, no-ibqd, no-tbas, no-tbhp,
    no-a2t, no-i2t, with-a2i, a2i-alone, no-text, mlp-text, no-vision, sam.

    For example:

        napari-tavis ablate --config toy --output runs/ablation --table 1 --seeds 3
        napari-tavis ablate --config toy --output runs/longer --table 1 steps=1000
        napari-tavis ablate --config s4_224 --output runs/s4 --seeds 1 data.root=AVSBench
    """
    from napari_tavis.lab.training.ablation_rows import choose_rows, tables
    from napari_tavis.lab.training.configurations import needs_training_extra

    with needs_training_extra():
        from napari_tavis.lab.training.ablation_study import run_study

    require_writable(output)
    chosen = choose_rows(table or ([] if row else [1]), row or [])
    if config == "toy":
        trial = _toy_trial(output, clips, smoke, settings or [])
    else:
        trial = _dataset_trial(output, config, settings or [], sam_start)
    with terminal_task() as task:
        results = run_study(output, chosen, range(seeds), trial, task=task)
    print(tables(results))


def _toy_trial(output: Path, clips: Path | None, smoke: bool, settings: list[str]) -> Trial:
    """Give the way to train rows on the toy world."""
    from napari_tavis.core.errors import TrainingError
    from napari_tavis.lab.training.ablation_study import ToyTrial
    from napari_tavis.lab.training.configurations import read_settings
    from napari_tavis.lab.training.settings import ABLATION_SMOKE, ToyAblation

    if smoke and settings:
        raise TrainingError(f"--smoke has settings of its own: leave out {settings[0]}.")
    chosen = ABLATION_SMOKE if smoke else ToyAblation()
    if settings:
        chosen = read_settings(ToyAblation, settings)
    return ToyTrial(chosen, output / "clips", clips)


def _dataset_trial(output: Path, config: str, settings: list[str], sam_start: str | None) -> Trial:
    """Give the way to train rows on a dataset."""
    from napari_tavis.core.errors import TrainingError
    from napari_tavis.lab.training.ablation_study import DatasetTrial
    from napari_tavis.lab.training.configurations import read_configuration
    from napari_tavis.lab.training.settings import TrainConfig

    chosen = read_configuration(config, settings)
    if not isinstance(chosen, TrainConfig):
        raise TrainingError(f"{config} is no configuration of a dataset; try --config toy.")
    return DatasetTrial(chosen, output / "runs", sam_start)
