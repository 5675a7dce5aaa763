"""The command about a set of videos: ``stats``.

The packages are imported where they are used: ``--help`` must not wait for numpy.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_tavis.cli.console import say, terminal_task
from napari_tavis.core.boundary import require_writable

if TYPE_CHECKING:
    from napari_tavis.project.statistics import Statistics


def stats(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="Folders, lists of videos, videos, or VIDEO.tavis sessions."
        ),
    ],
    json_file: Annotated[
        Path | None, typer.Option("--json", help="File for the numbers.", dir_okay=False)
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive/--flat", help="Include subfolders.")
    ] = True,
) -> None:
    """Count clips and frames by status, classes, time, changes, and agreement of two people.

    Changes are given as the IoU of the masks that a person edited or accepted with what the model
    had proposed there. If there are two sessions of one video, such as those of two people in
    two folders, they are compared. Nothing is written except the JSON file.

    For example:

        napari-tavis stats videos
        napari-tavis stats videos-of-anna videos-of-ben --json stats.json
    """
    from napari_tavis.core.errors import ProjectError
    from napari_tavis.project.listing import find_sources
    from napari_tavis.project.report import write_json
    from napari_tavis.project.statistics import collect

    if json_file is not None:
        require_writable(json_file)
    sources = find_sources(paths, recursive=recursive)
    if not (sources.sessions or sources.unsegmented):
        raise ProjectError("No video or session was found in what you gave.")
    with terminal_task() as task:
        found = collect(sources.sessions, unsegmented=sources.unsegmented, task=task)
    for problem in found.problems:
        say(f"warning: {problem}")
    if not (found.clips or found.unsegmented):
        raise ProjectError("None of the sessions could be read.")
    _print(found)
    if json_file is not None:
        write_json(json_file, found)


def _print(found: Statistics) -> None:
    from napari_tavis.project import report

    print(report.clips_in_words(found))
    print(report.frames_in_words(found))
    print(f"time: {report.time_in_words(found)}")
    print(f"changes: {report.change_in_words(found.change)}")
    if found.rejected:
        print(f"rejected: {report.count(found.rejected, 'object')}")
    if found.classes:
        width = max(len("class"), *(len(name) for name in found.classes))
        print(f"\n{'class':{width}}  clips  objects   masks  IoU with proposals")
        for name, one in found.classes.items():
            iou = one.change.mean_iou
            shown = "-" if iou is None else f"{iou:.3f}"
            print(f"{name:{width}}  {one.clips:5}  {one.objects:7}  {one.masks:6}  {shown}")
    for agreement in found.agreements:
        print(f"\n{agreement.video}: {agreement.first} and {agreement.second}")
        print(f"  {report.agreement_in_words(agreement)}")
    if found.class_kappa is not None:
        print(f"\nCohen's kappa of the classes: {found.class_kappa:.3f}")
