"""The command that leaves parts of TAViS out and measures what they are worth: ``ablate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_tavis.cli.console import cancel_on_interrupt, progress_bar


def ablate(
    output: Annotated[
        Path, typer.Option(help="Folder of the study: its numbers, by row and seed.")
    ],
    config: Annotated[str, typer.Option(help="What to train on: 'toy'.")] = "toy",
    table: Annotated[
        list[int] | None, typer.Option(help="A table of the paper: 1, 2, 4 or 5. Repeatable.")
    ] = None,
    row: Annotated[list[str] | None, typer.Option(help="A row by name. Repeatable.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds.")] = 3,
    clips: Annotated[
        Path | None,
        typer.Option(help="clips/128 of a `train` run, to render none.", file_okay=False),
    ] = None,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="A few steps only: does everything run here?")
    ] = False,
) -> None:
    """Train TAViS with parts left out, and print the paper's tables with the scores beside.

    Without --table and --row: table 1. Stop it with Ctrl+C and run it again to go on; with the
    same folder later tables reuse the rows that are there. Rows: paper, no-ibqd, no-tbas, no-tbhp,
    no-a2t, no-i2t, with-a2i, a2i-alone, no-text, mlp-text, no-vision, sam.

    For example:

        napari-tavis ablate --config toy --output runs/ablation --table 1 --seeds 3
    """
    from napari_tavis.training.ablation.recipe import SMOKE, ToyAblation
    from napari_tavis.training.ablation.report import tables
    from napari_tavis.training.ablation.rows import choose_rows
    from napari_tavis.training.ablation.study import run_study
    from napari_tavis.training.errors import TrainingError

    if config != "toy":
        raise TrainingError(f"Ablations run with --config toy; there is no {config!r}.")
    chosen = choose_rows(table or ([] if row else [1]), row or [])
    with progress_bar() as progress, cancel_on_interrupt() as cancel:
        results = run_study(
            output,
            chosen,
            range(seeds),
            recipe=SMOKE if smoke else ToyAblation(),
            clips=clips,
            progress=progress,
            cancel=cancel,
        )
    print(tables(results))
