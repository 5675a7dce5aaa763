"""One call that writes a session in any format, checks it, and notes it in the session."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from napari_tavis.annotation import AnnotationSession
from napari_tavis.core.tasks import Task
from napari_tavis.datasets.avsbench import Violation, validate
from napari_tavis.datasets.avsbench.names import check_text
from napari_tavis.exchange.avsbench import write_plan
from napari_tavis.exchange.preview import preview_export, with_known_mapping
from napari_tavis.exchange.registry import VIDEO_FORMATS
from napari_tavis.exchange.request import ExportRequest, check_place
from napari_tavis.media import Clip, open_clip

_CACHE_BYTES = 32 << 20
"""Frames are read once, in their order: few need to be kept."""


@dataclass(frozen=True)
class ExportResult:
    """What an export wrote.

    Attributes
    ----------
    request : ExportRequest
        As what.
    name : str
        Name of the clip in the dataset.
    place : Path
        The folder or file.
    violations : tuple of Violation
        What the check of it found; empty if all is well.
    notes : tuple of str
        What a person should know of it, a sentence each.
    """

    request: ExportRequest
    name: str
    place: Path
    violations: tuple[Violation, ...]
    notes: tuple[str, ...] = ()


def export(
    session: AnnotationSession,
    request: ExportRequest,
    *,
    clip: Clip | None = None,
    task: Task | None = None,
) -> ExportResult:
    """Write a session, or a stretch of it, and check what was written.

    Parameters
    ----------
    session : AnnotationSession
        The annotation. It is not changed; `note_export` tells it.
    request : ExportRequest
        Where and how.
    clip : Clip, optional
        Its video, if it is open already.
    task : Task, optional
        Told how far it is; stops the work when cancelled,
        and the export then leaves nothing behind.

    Returns
    -------
    ExportResult

    Raises
    ------
    TavisError
        If it cannot be written as asked. Nothing was written then.
    """
    task = task or Task()
    check_place(request.root)
    check_text(request.licence, "licence")
    request = with_known_mapping(request)
    with (
        nullcontext(clip)
        if clip
        else open_clip(session.video, cache_bytes=_CACHE_BYTES, task=task.part())
    ) as video:
        preview = preview_export(session, video, request)
        if not request.include_proposals:
            preview.refuse_unchecked(session, video)
        overwrite = request.overwrite or (request.replace_own and preview.there == "own")
        notes = list(preview.notes)
        if preview.export is not None:
            export = replace(preview.export, overwrite=overwrite)
            notes += VIDEO_FORMATS[request.format].write(export, task)
            place = preview.place
        else:
            assert preview.plan is not None  # it is one or the other
            place = write_plan(
                session,
                preview.plan,
                video,
                request.root,
                licence=request.licence,
                overwrite=overwrite,
                include_proposals=request.include_proposals,
                task=task,
            )
    task.report(0, 0, "checking")
    found = check_export(request, preview.name, task=task)
    return ExportResult(request, preview.name, place, tuple(found), tuple(notes))


def check_export(
    request: ExportRequest,
    name: str,
    *,
    task: Task | None = None,
) -> list[Violation]:
    """Check a clip that was exported, and the lists of its dataset.

    Returns
    -------
    list of Violation
        Empty if all is well.
    """
    if request.format == "avsbench":
        return validate(request.root, names={name}, task=task)
    return list(VIDEO_FORMATS[request.format].check(request.root, request.split, name))


def note_export(session: AnnotationSession, result: ExportResult) -> None:
    """Note in a session that it was exported, so that a later change of it is seen.

    A session that may only be read stays as it is.

    Parameters
    ----------
    session : AnnotationSession
        The session.
    result : ExportResult
        What `export` wrote of it.
    """
    if not session.read_only:
        request = result.request
        session.note_export(request.root.absolute(), request.note_format, result.name)
