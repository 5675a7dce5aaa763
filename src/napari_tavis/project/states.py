"""How far the annotation of a video has come, as its session on disk says."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.objects import ObjectState
from napari_tavis.core.errors import TavisError


class QueueState(StrEnum):
    """How far the annotation of a video has come."""

    NEW = "new"
    """There is no session yet."""
    SEGMENTED = "segmented"
    """The model has proposed masks; nobody has changed or accepted anything."""
    IN_WORK = "in work"
    """A person has begun, or has gone on after an export."""
    DONE = "done"
    """A person has marked it done."""
    EXPORTED = "exported"
    """It is part of a dataset, and has not changed since."""
    BROKEN = "broken"
    """The video or its session cannot be read."""
    MISSING = "missing"
    """The video is not there any more."""

    @property
    def finished(self) -> bool:
        """Whether nothing is left to be done."""
        return self in (QueueState.DONE, QueueState.EXPORTED)

    @property
    def workable(self) -> bool:
        """Whether the video can be opened."""
        return self not in (QueueState.BROKEN, QueueState.MISSING)


def state_of(session: AnnotationSession) -> tuple[QueueState, str]:
    """Say how far a session has come.

    Parameters
    ----------
    session : AnnotationSession
        The session, open in any way.

    Returns
    -------
    state : QueueState
        From `SEGMENTED` to `EXPORTED`.
    why : str
        What else there is to know, a sentence; empty if there is nothing.
    """
    exports = session.exports
    current = [note for note in exports if not note.stale]
    if current:
        return QueueState.EXPORTED, f"Exported to {current[-1].root} as {current[-1].name}."
    why = f"Changed since it was exported to {exports[-1].root}." if exports else ""
    if session.done:
        return QueueState.DONE, why
    if exports or touched(session):
        return QueueState.IN_WORK, why
    return QueueState.SEGMENTED, why


def touched(session: AnnotationSession) -> bool:
    """Say whether a person has painted, accepted, named, added or rejected anything."""
    return any(
        item.named_by_person
        or item.state is ObjectState.REJECTED
        or any(status.by_person for status in session.statuses(item.object_id).values())
        for item in session.objects
    )


def look(path: Path, video: Path) -> tuple[QueueState, str]:
    """Read a session's state from the disk, without changing anything there.

    Parameters
    ----------
    path : Path
        The session's file.
    video : Path
        Its video.

    Returns
    -------
    state : QueueState
        `BROKEN` if the session cannot be read.
    why : str
        What is wrong, or what else there is to know.
    """
    try:
        session = AnnotationSession.open(path, video=video, read_only=True)
    except TavisError as error:
        return QueueState.BROKEN, str(error)
    try:
        state, why = state_of(session)
        return state, why or next(iter(session.warnings), "")
    finally:
        session.close()


def video_signature(video: Path) -> str | None:
    """Give a word that changes when a video file does; None where there is no file."""
    try:
        found = video.stat()
    except OSError:
        return None
    return f"{found.st_size}-{found.st_mtime_ns}"


def session_signature(path: Path) -> str:
    """Give a word that changes when a session is saved; empty where there is none.

    Only the file's size and time are looked at, so that hundreds of sessions take no time.
    """
    return video_signature(path) or ""
