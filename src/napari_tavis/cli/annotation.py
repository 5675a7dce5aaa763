"""The commands that annotate: ``demo``, ``annotate``, ``export``, ``import`` and ``validate``.

The packages are imported where they are used: ``--help`` must not wait for torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from napari_tavis.cli.console import say, tell_failure, terminal_task
from napari_tavis.core.boundary import require_writable
from napari_tavis.core.errors import TavisError

_USER_ERROR = 2
_VIOLATIONS = 1


# As the packages have them, which load numpy; `tests/unit/exchange/test_formats.py` compares.
Subset: TypeAlias = Literal["s4", "ms3", "v1s", "v1m", "v2"]
Split: TypeAlias = Literal["train", "val", "test"]
Format: TypeAlias = Literal["avsbench", "coco", "davis", "youtube-vos", "overlay"]
Masks: TypeAlias = Literal["scene", "objects", "accepted"]
Device: TypeAlias = Literal["auto", "cuda", "mps", "cpu"]
Precision: TypeAlias = Literal["auto", "float32", "bfloat16", "float16"]


def demo(
    output: Annotated[
        Path, typer.Option(help="Folder for everything the demo writes.", file_okay=False)
    ] = Path("tavis-demo"),
    gui: Annotated[
        bool, typer.Option("--gui/--no-gui", help="Open napari on the result at the end.")
    ] = True,
) -> None:
    """See the whole way once, on a small synthetic clip: video, masks, AVSBench data.

    Makes a clip of five seconds with sound, segments what sounds in it with the bundled toy
    model, writes overlay pictures and an AVSBench folder, checks that folder, and opens napari
    on the result where there is a display. Takes under a minute on a CPU.
    """
    from napari_tavis.lab import demo as demonstration

    require_writable(output)
    with terminal_task() as task:
        result = demonstration.run_demo(output, task=task)
    print(result.summary())
    if not gui:
        return
    from napari_tavis.core.display import display_problem

    problem = display_problem()
    if problem is not None:
        say(f"napari was not opened: {problem}.")
        return
    from napari_tavis.widgets.launch import open_session

    open_session(result.annotation.session.path)


def annotate(
    videos: Annotated[list[Path], typer.Argument(metavar="VIDEO...", help="Video files.")],
    output: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the sessions and pictures; beside each video by default.",
            file_okay=False,
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            help="'toy' (bundled, a demonstration), an installed model, or a checkpoint file."
        ),
    ] = "toy",
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = "auto",
    fps: Annotated[
        float, typer.Option(min=0.01, help="Frames to segment per second of video.")
    ] = 1.0,
    vocabulary: Annotated[
        str | None,
        typer.Option(help="Class names, comma-separated; any words. AVSBench's 70 by default."),
    ] = None,
    precision: Annotated[
        Precision,
        typer.Option(
            help="Number format of matrix products. 'auto': half precision on NVIDIA GPUs; "
            "'bfloat16' is faster on CPUs that support it, and changes masks slightly."
        ),
    ] = "auto",
) -> None:
    """Segment what sounds in videos, as sessions that napari and 'export' can open.

    Writes VIDEO.tavis (the session: masks, classes, what was edited) and VIDEO.overlays (one
    picture per segmented frame) for every video. Running it again replaces the model's masks
    and keeps every frame that a person edited or accepted. Without --output, both are kept in
    your data folder where nothing can be written beside the video, and found there again.

    For example:

        napari-tavis annotate street.mp4 --output work
        napari-tavis annotate *.mp4 --fps 2 --vocabulary "dog,siren,church bell" --device cuda

    A video that fails does not stop the others; the exit code is 2 then.
    """
    from napari_tavis.cli.weights import show_licences
    from napari_tavis.core.vocabulary import parse_vocabulary
    from napari_tavis.engine import EngineOptions, LocalEngine
    from napari_tavis.project.annotating import annotate_video, session_paths
    from napari_tavis.weights.licences import licences_of_file

    paths = session_paths(videos, output)
    if output is not None:
        require_writable(output)
    words = () if vocabulary is None else parse_vocabulary(vocabulary)
    options = EngineOptions(
        model=model, device=device, fps=fps, vocabulary=words, precision=precision
    )
    show_licences(licences_of_file(model))
    engine = LocalEngine()
    engine.load(options)
    failed = 0
    for video, path in zip(videos, paths, strict=True):
        try:
            with terminal_task() as task:
                result = annotate_video(
                    video, engine, path, options, may_move=output is None, task=task
                )
        except Exception as error:
            tell_failure(error)
            failed += 1
        else:
            for warning in result.warnings:
                say(f"warning: {video.name}: {warning}")
            print(result.summary())
    _end(failed, len(videos), "videos")


def export(
    sessions: Annotated[
        list[Path],
        typer.Argument(metavar="SESSION...", help="VIDEO.tavis files, or their videos."),
    ],
    dataset: Annotated[
        Path | None,
        typer.Option(
            help="The dataset's folder; for overlay videos, the folder to put them in.",
            file_okay=False,
        ),
    ] = None,
    format: Annotated[
        Format,
        typer.Option(
            help="avsbench; coco (RLE, with tracks); davis (DAVIS 2017) and youtube-vos (indexed "
            "PNG); overlay (mp4 with sound)."
        ),
    ] = "avsbench",
    subset: Annotated[
        Subset | None,
        typer.Option(
            help="s4, ms3: AVSBench-object (5 s). v1s, v1m: -semantic (5 s). v2: -semantic (10 s)."
        ),
    ] = None,
    split: Annotated[
        Split | None,
        typer.Option(help="The split that the clips are added to; not needed for overlays."),
    ] = None,
    start: Annotated[
        float, typer.Option(min=0, help="Where AVSBench's clip begins in the video, in seconds.")
    ] = 0.0,
    name: Annotated[
        str | None, typer.Option(help="Name of the clip; by default, that of the video.")
    ] = None,
    category: Annotated[
        str, typer.Option(help="Category of an s4 clip; by default, the class that sounds.")
    ] = "",
    masks: Annotated[
        Masks,
        typer.Option(
            help="scene: the scene mask (s4, ms3). objects: all objects. accepted: only those "
            "whose masks a person has all edited or accepted."
        ),
    ] = "scene",
    map: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CLASS=CLASS",
            help="What a class that AVSBench lacks becomes; 'rain=' leaves it out. Repeatable.",
        ),
    ] = None,
    licence: Annotated[
        str, typer.Option(help="Licence, author or address, kept with the dataset.")
    ] = "",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace clips of the same name.")
    ] = False,
    include_proposals: Annotated[
        bool,
        typer.Option(
            "--include-proposals",
            help="Also write frames that nobody edited or accepted. Without it they are counted "
            "and refused; an overlay, a picture of the work, always shows them.",
        ),
    ] = False,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Replace what was exported from each session before and has changed since, "
            "with the same settings. No other option is needed.",
        ),
    ] = False,
) -> None:
    """Write sessions as AVSBench data, COCO, DAVIS, YouTube-VOS or overlay videos.

    Clips are appended to the dataset. A clip of AVSBench is a stretch of 5 s (10 s in v2) of the
    video, all of it annotated; the other formats hold the whole video. Only what a person has
    checked is written: every frame edited or accepted, unless --include-proposals says
    otherwise. Rejected objects and the background are never written.

    For example:

        napari-tavis export work/*.tavis --dataset data --subset v1m --split train
        napari-tavis export work/*.tavis --dataset data --subset v1m --split train --map "rain="
        napari-tavis export work/*.tavis --dataset coco --format coco --split train
        napari-tavis export work/*.tavis --again

    A session that fails does not stop the others, but the exit code is then 2.
    """
    from napari_tavis.cli.exporting import export_sessions, make_request

    if name is not None and len(sessions) > 1:
        raise TavisError("--name names one clip: give one session with it.")
    request = None
    if not again:
        request = make_request(
            dataset=dataset,
            format=format,
            subset=subset,
            split=split,
            start=start,
            name=name or "",
            category=category,
            masks=masks,
            mapping=map or [],
            licence=licence,
            overwrite=overwrite,
            include_proposals=include_proposals,
        )
    failed = export_sessions(sessions, request)
    _end(failed, len(sessions), "sessions")


def import_dataset(
    dataset: Annotated[
        Path,
        typer.Argument(
            metavar="DATASET",
            help="An AVSBench folder, or a json file: COCO with videos (TAO, CocoVID), COCO of "
            "images (CVAT, Label Studio), YouTube-VIS.",
        ),
    ],
    output: Annotated[
        Path, typer.Option(help="Folder for the videos and their sessions.", file_okay=False)
    ],
    subset: Annotated[
        Subset | None, typer.Option(help="Import only this subset of AVSBench.")
    ] = None,
    split: Annotated[
        Split | None, typer.Option(help="Of a folder with several, take this split only.")
    ] = None,
    videos: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a json file's videos. Needed where the file lists images only: they "
            "are matched by the images' folders (street/000012.jpg belongs to street.mp4).",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    first_frame: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=1,
            help="How a json file numbers the first frame, 0 or 1. By default its numbers "
            "decide, or those of its other videos: a frame 0, frames from 1 to exactly as many as "
            "the video has, or their times. If none does, 1 as the lowest number is refused, and "
            "any other is counted from 0.",
        ),
    ] = None,
    partial: Annotated[
        bool,
        typer.Option(
            "--partial",
            help="Import a video even if some of its annotations cannot be used, and list these. "
            "Frames with one of them are not accepted.",
        ),
    ] = False,
) -> None:
    """Turn a dataset into videos with sessions, so that its masks can be corrected in napari.

    The masks count as accepted. Files already in the output folder are left alone. Corrected
    clips of AVSBench go back to their places with 'napari-tavis export OUTPUT/... --again'.

    In a json file, annotations of one track ('track_id', 'instance_id' or 'attributes.track_id',
    within a video and category) are one object; those without a track are objects of their own.
    Frames are identified by 'frame_index', 'frame_id', or the number at the end of the image's
    name. A box without a mask becomes an object to outline. A crowd ('iscrowd') is one object.

    For example:

        napari-tavis import data --output work --subset v1m --split test
        napari-tavis import coco/annotations/train.json --output work
        napari-tavis import cvat/annotations/instances_default.json --output work --videos clips

    A video is imported only if all its annotations can be used (see --partial); otherwise nothing
    of it is written, and each annotation left out is named with the reason. It does not stop the
    others; the exit code is 2 then. An option that does not apply to the dataset is refused.
    """
    from napari_tavis.exchange.importing import import_dataset as make_sessions

    require_writable(output)
    with terminal_task() as task:
        report = make_sessions(
            dataset,
            output,
            subset=subset,
            split=split,
            videos=videos,
            first_frame=first_frame,
            partial=partial,
            task=task,
        )
    for video in report.videos:
        print(video)
    for sentence in report.notes:
        say(f"note: {sentence}")
    for sentence in report.skipped:
        say(f"{'left' if partial and not report.failed else 'error'}: {sentence}")
    say(report.summary())
    _end(report.failed, len(report.videos) + report.failed, "videos")


def validate(
    directory: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="The dataset's folder.", exists=True, file_okay=False),
    ],
) -> None:
    """Check an AVSBench folder, listing every violation with its path.

    The exit code is 0 if there is none, 1 otherwise.
    """
    from napari_tavis.datasets.avsbench import validate as find_violations

    with terminal_task() as task:
        violations = find_violations(directory, task=task)
    for violation in violations:
        print(f"{violation.path}: {violation.message}")
    if violations:
        say(f"{len(violations)} violations in {directory}.")
        raise typer.Exit(_VIOLATIONS)
    print(f"{directory}: no violations")


def _end(failed: int, count: int, what: str) -> None:
    """End a command that goes on after failures, each reported when it happened."""
    if failed and count > 1:
        say(f"{failed} of {count} {what} failed.")
    if failed:
        raise typer.Exit(_USER_ERROR)
