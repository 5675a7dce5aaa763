"""The commands that measure: ``evaluate`` and ``bench``, and ``toy`` and ``toy-test``.

The packages are imported where they are used: ``--help`` must not wait for torch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from napari_tavis.cli.annotation import Device, Split
from napari_tavis.cli.console import say, terminal_task
from napari_tavis.core.boundary import require_writable
from napari_tavis.core.files import shown

if TYPE_CHECKING:
    from napari_tavis.lab.evaluation.clips import EvaluationClips


from typing import Any

from napari_tavis.cli.annotation import Precision

_Model = Annotated[
    str, typer.Option(help="'toy' (bundled), an installed model, or a checkpoint file.")
]
_Json = Annotated[Path, typer.Option("--json", help="File for the results.", dir_okay=False)]
MeasuredSubset: TypeAlias = Literal[
    "s4", "ms3", "v1s", "v1m", "v2", "avss", "ov", "ov-unseen", "ov-all"
]


def evaluate(
    data: Annotated[
        Path,
        typer.Option(help="An AVSBench folder, e.g. an export.", exists=True, file_okay=False),
    ],
    model: _Model,
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
        _print_results(json_file, scores.headline())
    else:
        print(json.dumps(scores.headline(), indent=2))


def _open(
    data: Path, subset: MeasuredSubset, split: Split, semantic: Path | None, classes: Path | None
) -> EvaluationClips:
    """Open a split, all of whose files must exist."""
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
    _print_results(json_file, {"model": model, **results})


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
        _write(json_file, json.dumps(report.as_dict(), indent=2))


def _print_results(path: Path, results: dict[str, Any]) -> None:
    """Print results as JSON, and write them to a file; NaN becomes null."""
    valid = json.loads(json.dumps(results), parse_constant=lambda _: None)
    text = json.dumps(valid, indent=2)
    print(text)
    _write(path, text)


def _write(path: Path, text: str) -> None:
    from napari_tavis.core.atomic import write_atomically

    write_atomically(path, f"{text}\n".encode())
