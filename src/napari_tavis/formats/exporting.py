"""One call that writes a session in any format, checks it, and notes it in the session."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from napari_tavis.avsbench import Violation, export_session
from napari_tavis.formats.checks import check_export
from napari_tavis.formats.coco import write_coco
from napari_tavis.formats.davis import write_davis
from napari_tavis.formats.overlay import write_overlay
from napari_tavis.formats.preview import preview_export, replaced_clip, with_known_mapping
from napari_tavis.formats.request import ExportRequest
from napari_tavis.formats.tracks import session_tracks
from napari_tavis.media import Clip, open_clip
from napari_tavis.session import AnnotationSession
from napari_tavis.tasks import CancelToken, Progress, no_progress

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
    """

    request: ExportRequest
    name: str
    place: Path
    violations: tuple[Violation, ...]


def export(
    session: AnnotationSession,
    request: ExportRequest,
    *,
    clip: Clip | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
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
    progress : Progress
        Told of every step.
    cancel : CancelToken, optional
        Stops the export, which then leaves nothing behind.

    Returns
    -------
    ExportResult

    Raises
    ------
    TavisError
        If it cannot be written as asked. Nothing was written then.
    """
    cancel = cancel or CancelToken()
    request = with_known_mapping(request)
    with (
        nullcontext(clip)
        if clip
        else open_clip(session.video, cache_bytes=_CACHE_BYTES, cancel=cancel)
    ) as video:
        preview = preview_export(session, video, request)
        if request.replace_own and preview.there == "own":
            request = replace(request, overwrite=True)
        if request.format == "avsbench":
            place = export_session(
                session,
                request.root,
                request.subset,
                request.split,
                name=request.name or None,
                start=request.start,
                masks=request.masks,
                category=request.category,
                mapping=request.mapping,
                licence=request.licence,
                replaced=replaced_clip(request),
                overwrite=request.overwrite,
                video=video,
                progress=progress,
                cancel=cancel,
            )
        else:
            place = _write_video(session, request, preview.name, video, progress, cancel)
    progress(0, 0, "checking")
    found = check_export(request, preview.name, progress=progress, cancel=cancel)
    return ExportResult(request, preview.name, place, tuple(found))


def _write_video(
    session: AnnotationSession,
    request: ExportRequest,
    name: str,
    clip: Clip,
    progress: Progress,
    cancel: CancelToken,
) -> Path:
    tracks = session_tracks(session, request.objects_alone)
    if request.format == "overlay":
        return write_overlay(
            request.root,
            name,
            tracks,
            clip,
            overwrite=request.overwrite,
            progress=progress,
            cancel=cancel,
        )
    write = write_coco if request.format == "coco" else write_davis
    return write(
        request.root,
        request.split,
        name,
        tracks,
        clip,
        licence=request.licence,
        masks=request.objects_alone,
        overwrite=request.overwrite,
        progress=progress,
        cancel=cancel,
    )


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
