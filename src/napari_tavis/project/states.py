"""How far the annotation of a video has come, as its session on disk says."""

from __future__ import annotations

from contextlib import closing
from enum import StrEnum
from pathlib import Path

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.objects import ObjectState, SessionObject
from napari_tavis.core.errors import TavisError


class QueueState(StrEnum):
    """How far the annotation of a video has come."""

    NEW = "new"  # no session yet
    # the model has proposed masks; nobody has changed or accepted anything
    SEGMENTED = "segmented"
    IN_WORK = "in work"  # a person has begun, or has gone on after an export
    DONE = "done"  # a person has marked it done
    EXPORTED = "exported"  # part of a dataset, and unchanged since
    BROKEN = "broken"  # the video or its session cannot be read
    MISSING = "missing"  # the video does not exist any more

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self in (QueueState.DONE, QueueState.EXPORTED)

    @property
    def workable(self) -> bool:
        """Whether the video can be opened."""
        return self not in (QueueState.BROKEN, QueueState.MISSING)


def state_of(session: AnnotationSession) -> tuple[QueueState, str]:
    """Return how far a session has come, `SEGMENTED` to `EXPORTED`, and what else to know.

    The latter is a sentence, or empty.
    """
    exports = session.exports
    current = [note for note in exports if not note.stale]
    if current:
        return QueueState.EXPORTED, f"Exported to {current[-1].root} as {current[-1].name}."
    why = f"Changed since it was exported to {exports[-1].root}." if exports else ""
    if session.done:
        return QueueState.DONE, why
    if exports or session_touched(session):
        return QueueState.IN_WORK, why
    return QueueState.SEGMENTED, why


def session_touched(session: AnnotationSession) -> bool:
    """Say whether a person has painted, accepted, named, added or rejected anything."""
    return any(
        item.state is ObjectState.REJECTED or object_touched(session, item)
        for item in session.objects
    )


def object_touched(session: AnnotationSession, item: SessionObject) -> bool:
    statuses = session.statuses(item.object_id).values()
    return item.named_by_person or any(status.by_person for status in statuses)


def read_state(path: Path, video: Path) -> tuple[QueueState, str]:
    """Read a session's state from the disk, and what else to know, without changing anything.

    The state is `BROKEN` if the session cannot be read; then the sentence says why.
    """
    try:
        session = AnnotationSession.open(path, video=video, read_only=True)
    except TavisError as error:
        return QueueState.BROKEN, str(error)
    with closing(session):
        state, why = state_of(session)
        return state, why or next(iter(session.warnings), "")


def file_signature(path: Path | None) -> str:
    """Return a word that changes when a video or a session does; empty where there is no file.

    It is made of the file's size and time, so that hundreds of files take no time.
    """
    try:
        found = None if path is None else path.stat()
    except OSError:
        found = None
    return "" if found is None else f"{found.st_size}-{found.st_mtime_ns}"
