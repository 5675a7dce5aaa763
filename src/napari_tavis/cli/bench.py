"""The command that measures what a model costs: ``bench``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from napari_tavis.cli.annotation import Device, Precision
from napari_tavis.cli.console import terminal_task
from napari_tavis.core.boundary import require_writable


def bench(
    model: Annotated[
        str,
        typer.Option(help="'toy', a checkpoint file, or 'large': random weights of its shape."),
    ] = "large",
    image_size: Annotated[
        int | None, typer.Option(min=32, help="Pixels per side; the model's own by default.")
    ] = None,
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = "auto",
    frames: Annotated[int, typer.Option(min=1, help="Frames of the clip.")] = 5,
    repeats: Annotated[int, typer.Option(min=1, help="Passes to take the median of.")] = 3,
    protocol: Annotated[
        Literal["memory", "independent"] | None,
        typer.Option(
            help="With memory of earlier frames, or each frame by itself.",
            show_default="memory, if the model has one",
        ),
    ] = None,
    precision: Annotated[
        Precision,
        typer.Option(help="Number format of matrix products; 'auto' is what annotate uses."),
    ] = "auto",
    channels_last: Annotated[
        bool, typer.Option("--channels-last", help="Try another layout of images in memory.")
    ] = False,
    compiled: Annotated[
        bool, typer.Option("--compile", help="Compile the encoders first, which takes minutes.")
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="File for the results.", dir_okay=False)
    ] = None,
) -> None:
    """Measure operations, time and memory of a model on this machine, part by part.

    Random weights of the 'large' model take 2.8 GB of the temporary folder while it runs.

    For example:

        napari-tavis bench --model large --device cuda --frames 10 --json bench.json
    """
    from napari_tavis.core.atomic import write_atomically
    from napari_tavis.lab.benchmark import Options, format_report, measure

    if json_file is not None:
        require_writable(json_file)
    options = Options(
        model=model,
        image_size=image_size,
        device=device,
        frames=frames,
        repeats=repeats,
        protocol=protocol,
        precision=precision,
        channels_last=channels_last,
        compiled=compiled,
    )
    with terminal_task() as task:
        report = measure(options, task=task)
    print(format_report(report))
    if json_file is not None:
        text = json.dumps(report.as_dict(), indent=2)
        write_atomically(json_file, f"{text}\n".encode())
