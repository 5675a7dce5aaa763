"""The commands of the toy world: ``toy`` makes clips, ``toy-test`` measures on them.

The packages are imported where they are used: ``--help`` must not wait for torch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from napari_tavis.cli.annotation import Device
from napari_tavis.cli.console import terminal_task
from napari_tavis.core.boundary import require_writable

_Model = Annotated[
    str, typer.Option(help="'toy' (bundled), an installed model, or a checkpoint file.")
]
_Json = Annotated[Path, typer.Option("--json", help="File for the results.", dir_okay=False)]


def toy(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder to create.", file_okay=False)
    ],
    clips: Annotated[int, typer.Option(min=1, help="Number of clips.")],
    seed: Annotated[int, typer.Option(min=0, help="Which clips: each seed gives others.")],
    size: Annotated[
        int, typer.Option(min=32, help="Width and height of the videos, in pixels, even.")
    ] = 224,
    seconds: Annotated[
        float, typer.Option(help="Length of each clip, in seconds: 5, or 10 for v2.")
    ] = 5.0,
    camera: Annotated[
        Literal["colour", "thermal"],
        typer.Option(
            help="What films them; the bundled model has never seen pictures of the second."
        ),
    ] = "colour",
) -> None:
    """Make synthetic clips with sound and exact masks, as AVSBench data.

    For example:

        napari-tavis toy toy-data --clips 20 --seed 0
    """
    from napari_tavis.lab.toyworld import write_toy_dataset

    require_writable(directory)
    with terminal_task() as task:
        write_toy_dataset(
            directory,
            clips=clips,
            seed=seed,
            size=size,
            seconds=seconds,
            camera=camera,
            task=task,
        )
    print(directory)


def toy_test(
    model: _Model,
    clips: Annotated[int, typer.Option(min=1, help="Number of clips.")],
    seed: Annotated[int, typer.Option(min=0, help="Which clips: each seed gives others.")],
    json_file: _Json,
    size: Annotated[int, typer.Option(min=64, help="Width and height, in pixels.")] = 224,
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = "auto",
) -> None:
    """Measure a model on synthetic clips of seeds it never saw.

    For example:

        napari-tavis toy-test --model toy --clips 200 --seed 1 --json toy-test.json
    """
    from napari_tavis.engine import load_on_device
    from napari_tavis.lab.toyworld.evaluation import toy_test as measure
    from napari_tavis.lab.toyworld.hand_evaluation import hand_test

    require_writable(json_file)
    network = load_on_device(model, device)
    with terminal_task() as task:
        results = measure(network, clips, seed, size=size, task=task)
        results["by_hand"] = hand_test(network, clips, seed, size=size, task=task)
    write_results(json_file, {"model": model, **results})


def write_results(path: Path, results: dict[str, Any]) -> None:
    """Print results, and write them to a file.

    Parameters
    ----------
    path : Path
        The file.
    results : dict
        What JSON can hold; a number that is none becomes null.
    """
    from napari_tavis.core.atomic import write_atomically

    valid = json.loads(json.dumps(results), parse_constant=lambda _: None)  # NaN: no such case
    text = json.dumps(valid, indent=2)
    print(text)
    write_atomically(path, f"{text}\n".encode())
