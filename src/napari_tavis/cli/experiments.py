"""The commands that make data, train and measure: ``toy``, ``toy-test``, ``train``, ``evaluate``.

The packages are imported where they are used: ``--help`` must not wait for torch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_tavis.cli.annotation import Split, Subset
from napari_tavis.cli.console import progress_bar

_Model = Annotated[str, typer.Option(help="'toy' (bundled) or a checkpoint file.")]
_Json = Annotated[Path, typer.Option("--json", help="File for the results.", dir_okay=False)]


def toy(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="The dataset's folder.", file_okay=False)
    ],
    clips: Annotated[int, typer.Option(min=1, help="Number of clips.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first clip.")],
    size: Annotated[
        int, typer.Option(min=64, help="Width and height of the videos, in pixels.")
    ] = 224,
    seconds: Annotated[float, typer.Option(min=5, help="Length of each clip, in seconds.")] = 5.0,
) -> None:
    """Make synthetic clips with sound and exact masks, as AVSBench data.

    For example:

        napari-tavis toy toy-data --clips 20 --seed 0
    """
    from napari_tavis.toyworld import write_toy_dataset

    with progress_bar() as progress:
        write_toy_dataset(
            directory, clips=clips, seed=seed, size=size, seconds=seconds, progress=progress
        )
    print(directory)


def toy_test(
    model: _Model,
    clips: Annotated[int, typer.Option(min=1, help="Number of clips.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first clip.")],
    json_file: _Json,
) -> None:
    """Measure a model on synthetic clips of seeds it never saw.

    For example:

        napari-tavis toy-test --model toy --clips 200 --seed 1000000 --json toy-test.json
    """
    from napari_tavis.toyworld import evaluation

    with progress_bar() as progress:
        results = evaluation.toy_test(model, clips, seed, progress)
    _write_results(json_file, results)


def train(
    output: Annotated[Path, typer.Option(help="The checkpoint file to write.", dir_okay=False)],
    seed: Annotated[int, typer.Option(min=0, help="Seed of weights and data.")] = 0,
) -> None:
    """Train the toy model on synthetic clips that are made as it goes.

    For example:

        napari-tavis train --output toy.safetensors
    """
    from napari_tavis.training.train import train_toy

    with progress_bar() as progress:
        train_toy(output, seed=seed, progress=progress)
    print(output)


def evaluate(
    data: Annotated[
        Path, typer.Option(help="An AVSBench folder, e.g. an export.", file_okay=False)
    ],
    model: _Model,
    json_file: _Json,
    subset: Annotated[Subset, typer.Option(help="The subset to measure on.")] = Subset.v1m,
    split: Annotated[Split, typer.Option(help="The split to measure on.")] = Split.test,
    protocol: Annotated[
        str, typer.Option(help="'memory' (frames in order) or 'independent'.")
    ] = "memory",
) -> None:
    """Measure a model on an AVSBench folder, with the metrics of AVSBench.

    For example:

        napari-tavis evaluate --data data --model toy --json results.json --subset v1m --split test
    """
    from napari_tavis.training.evaluate import evaluate_dataset

    with progress_bar() as progress:
        results = evaluate_dataset(
            data,
            model,
            subset=subset.value,
            split=split.value,
            protocol=protocol,
            progress=progress,
        )
    _write_results(json_file, results)


def _write_results(path: Path, results: dict[str, Any]) -> None:
    """Print results, and write them so that the file is whole or not there."""
    text = json.dumps(results, indent=2)
    print(text)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text(text + "\n", encoding="utf-8")
    unfinished.replace(path)
