"""Writing sessions: the formats, and the functions that write a session, check it, and note it."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from napari_tavis.annotation import AnnotationSession, ExportNote
from napari_tavis.core.tasks import Task
from napari_tavis.datasets.avsbench.layout import SUBSETS
from napari_tavis.datasets.coco import CocoVideos
from napari_tavis.datasets.davis import Davis
from napari_tavis.datasets.files import Violation
from napari_tavis.datasets.names import check_text
from napari_tavis.datasets.overlay_video import OverlayVideos
from napari_tavis.datasets.youtube_vos import YouTubeVos
from napari_tavis.exchange.avsbench import AVSBench
from napari_tavis.exchange.format import ExportPlan, ExportRequest, Format, check_place, gone
from napari_tavis.exchange.whole_videos import WholeVideos
from napari_tavis.media import Clip, open_clip

# by their keys, which sessions note
FORMATS: dict[str, Format] = {
    format.key: format
    for format in (
        *(AVSBench(subset) for subset in SUBSETS),
        WholeVideos("coco", "COCO (RLE, tracks)", CocoVideos()),
        WholeVideos("davis", "DAVIS 2017", Davis()),
        WholeVideos("youtube-vos", "YouTube-VOS", YouTubeVos()),
        WholeVideos("overlay", "Overlay video (mp4)", OverlayVideos(), truth=False),
    )
}

_CACHE_BYTES = 32 << 20  # frames are read once, in order: few need to be kept


@dataclass(frozen=True)
class ExportResult:
    """What an export wrote."""

    request: ExportRequest  # with what the dataset knew of classes
    name: str  # of the clip in the dataset
    place: Path  # the folder or file
    violations: tuple[Violation, ...]  # what checking it found; empty if all is well
    notes: tuple[str, ...] = ()  # what a person should know, a sentence each
    edits: int = 0  # `AnnotationSession.edits` of what was written


def plan_export(session: AnnotationSession, clip: Clip, request: ExportRequest) -> ExportPlan:
    """Work out what an export will write; see `Format.plan`."""
    check_place(request.root)
    return FORMATS[request.key].plan(session, clip, request)


def export(
    session: AnnotationSession,
    request: ExportRequest,
    *,
    clip: Clip | None = None,
    check: bool = True,
    task: Task | None = None,
) -> ExportResult:
    """Write a session, or a stretch of it, and check what was written.

    Parameters
    ----------
    session : AnnotationSession
        The annotation. It is not changed; `note_export` records the export in it.
    request : ExportRequest
        Where and how.
    clip : Clip, optional
        Its video, if it is open already.
    check : bool
        Whether to check what was written; someone writing many clips checks them together.
    task : Task, optional
        Receives the progress; stops the work when cancelled.

    Returns
    -------
    ExportResult
        What was written and where, and what checking it found.

    Raises
    ------
    UnmappedClassError
        If objects have classes that the dataset lacks, and the request does not map them.
    UncheckedFramesError
        If nobody has checked the labels of a frame, and proposals are not to be included.
    TavisError
        If it cannot be written as asked. Nothing was written then.
    """
    task = task or Task()
    edits = session.edits
    check_place(request.root)  # before the video is opened, which takes longer
    check_text(request.licence, "licence")
    with (
        nullcontext(clip)
        if clip
        else open_clip(session.video, cache_bytes=_CACHE_BYTES, task=task.part())
    ) as video:
        plan = plan_export(session, video, request)
        if not request.include_proposals:
            plan.refuse_unchecked()
        overwrite = request.overwrite or (request.replace_own and plan.existing == "own")
        place, notes = plan.write(overwrite, task)
    found: list[Violation] = []
    if check:
        task.report(0, 0, "checking")
        format = FORMATS[request.key]
        # What is written stays written: it is told and noted, also if the task is cancelled now.
        found = format.check(request.root, request.split, plan.name, Task(task.report))
    all_notes = (*plan.notes, *notes)
    return ExportResult(plan.request, plan.name, place, tuple(found), all_notes, edits)


def note_export(session: AnnotationSession, result: ExportResult) -> None:
    """Note in a session that it was exported, so that later changes to it are noticed.

    A session that is open read-only stays as it is.
    """
    if not session.read_only:
        request = result.request
        session.note_export(request.root.absolute(), request.key, result.name, result.edits)


def changed_exports(session: AnnotationSession) -> tuple[ExportNote, ...]:
    """Return the exports of a session that it has changed since."""
    return tuple(note for note in session.exports if note.stale)


def rewrite_request(note: ExportNote) -> ExportRequest:
    """Make the request that rewrites the clip of an export, or import, with its settings.

    Raises `DatasetError` if the dataset, or the clip in it, does not exist any more.
    """
    format = FORMATS.get(note.format)
    if format is None:
        raise gone(Path(note.root), note.name)
    return format.rewrite_request(Path(note.root), note.name)
