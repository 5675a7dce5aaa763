"""The command that measures a model on AVSBench trees: ``evaluate``.

The packages are imported where they are used: ``--help`` must not wait for torch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from napari_tavis.cli.annotation import Device, Split
from napari_tavis.cli.console import say, terminal_task
from napari_tavis.cli.experiments import write_results
from napari_tavis.core.boundary import require_writable
from napari_tavis.core.files import shown

if TYPE_CHECKING:
    from napari_tavis.lab.evaluation.clips import EvaluationClips

MeasuredSubset: TypeAlias = Literal[
    "s4", "ms3", "v1s", "v1m", "v2", "avss", "ov", "ov-unseen", "ov-all"
]


def evaluate(
    data: Annotated[
        Path,
        typer.Option(help="An AVSBench folder, e.g. an export.", exists=True, file_okay=False),
    ],
    model: Annotated[
        str, typer.Option(help="'toy' (bundled), an installed model, or a checkpoint file.")
    ],
    subset: Annotated[
        MeasuredSubset, typer.Option(help="'avss': v1s, v1m and v2; 'ov': with --classes.")
    ] = "v1m",
    split: Annotated[Split, typer.Option(help="The split to measure on.")] = "test",
    protocol: Annotated[
        Literal["independent", "memory"],
        typer.Option(help="Each frame by itself, as the authors do, or with memory."),
    ] = "independent",
    report: Annotated[
        Path | None,
        typer.Option(help="Folder for a report: JSON, Markdown, HTML, pictures.", file_okay=False),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="File for the results.", dir_okay=False)
    ] = None,
    zero_shot: Annotated[
        bool | None,
        typer.Option(
            "--zero-shot/--no-zero-shot",
            help="Judge classes by sight too: five more vision passes. On with --report.",
        ),
    ] = None,
    robustness: Annotated[
        bool | None,
        typer.Option(
            "--robustness/--no-robustness",
            help="Test silence, noise and off-screen sounds: three more runs. On with --report.",
        ),
    ] = None,
    examples: Annotated[
        int, typer.Option(min=0, help="How many best and worst clips the report shows.")
    ] = 3,
    size: Annotated[
        int,
        typer.Option(min=0, help="Pixels per side to resize labels to; 0 for their own size."),
    ] = 224,
    classes: Annotated[
        Path | None,
        typer.Option(help="Seen and unseen classes, for 'ov'.", exists=True, dir_okay=False),
    ] = None,
    semantic: Annotated[
        Path | None,
        typer.Option(
            help="Folder of AVSBench-semantic, which knows the classes of s4 and ms3.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = "auto",
) -> None:
    """Measure a model on an AVSBench folder, with the metrics of AVSBench.

    For example:

        napari-tavis evaluate --data data --model toy --subset v1m --split test --report report
    """
    from napari_tavis.engine import load_on_device
    from napari_tavis.lab.evaluation import EvaluationOptions, Source, write_report
    from napari_tavis.lab.evaluation import evaluate as measure
    from napari_tavis.lab.evaluation.report import check_report_packages

    for place in (report, json_file):
        if place is not None:
            require_writable(place)
    if report is not None:
        check_report_packages()
    clips = _open(data, subset, split, semantic, classes)
    network = load_on_device(model, device)
    options = EvaluationOptions(
        protocol=protocol,
        zero_shot=report is not None if zero_shot is None else zero_shot,
        robustness=report is not None if robustness is None else robustness,
        examples=examples if report is not None else 0,
        size=size or None,
        groups=_groups(classes),
    )
    named = Path(model).name if Path(model).is_file() else model
    source = Source(named, subset, split, shown(data.resolve().name))
    with terminal_task() as task:
        scores = measure(network, clips, options=options, source=source, task=task)
    if report is not None:
        page = write_report(scores, report)
        say(f"Report: {page}")
    if json_file is not None:
        write_results(json_file, scores.headline())
    else:
        print(json.dumps(scores.headline(), indent=2))


def _open(
    data: Path, subset: MeasuredSubset, split: Split, semantic: Path | None, classes: Path | None
) -> EvaluationClips:
    """Open a split, all of whose files have to be there."""
    from napari_tavis.datasets.avsbench import MissingFilesError
    from napari_tavis.lab.evaluation.clips import EvaluationClips
    from napari_tavis.lab.training.samples import open_split

    readers = open_split(data, subset, split, 224, semantic=semantic, classes=classes).readers
    missing = [path for reader in readers for path in reader.missing_files()]
    if missing:
        raise MissingFilesError(tuple(missing), str(readers[0].tree))
    return EvaluationClips(*readers)


def _groups(classes: Path | None) -> dict[str, tuple[str, ...]]:
    """Read which classes are seen in training and which are not."""
    from napari_tavis.lab.training.open_vocabulary import read_class_split

    if classes is None:
        return {}
    split = read_class_split(classes)
    return {"seen": split.seen, "unseen": split.unseen}
