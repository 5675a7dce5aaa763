"""A video opened with the session beside it, in a job's thread; and a session begun without one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_tavis.annotation import AnnotationSession, find_session, holds_session
from napari_tavis.annotation.proposals import Proposals
from napari_tavis.core.errors import TavisError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.engine import sample_frames
from napari_tavis.media import Clip, open_clip


@dataclass(frozen=True)
class OpenedVideo:
    """A video, and what was annotated in it before.

    Parameters
    ----------
    clip : Clip
        The open clip.
    session : AnnotationSession or None
        The session found beside the video.
    warnings : tuple of str
        What the user should know, one sentence each.
    blocked : bool
        Whether there is a session that cannot be read, and must be moved away or mended first.
    """

    clip: Clip
    session: AnnotationSession | None
    warnings: tuple[str, ...] = ()
    blocked: bool = False

    def close(self, *, keep_clip: bool = False) -> None:
        """Let go of it, where nobody wants it any more."""
        if self.session is not None:
            self.session.close()
        if not keep_clip:
            self.clip.close()


def open_video(path: Path, clip: Clip | None, session_path: Path | None, task: Task) -> OpenedVideo:
    """Open a video and the session beside it, if there is one.

    Parameters
    ----------
    path : Path
        The video file.
    clip : Clip or None
        The clip, if it is open already.
    session_path : Path or None
        The session's file; None for found by the video.
    task : Task
        The job.
    """
    task.report(0, 0, f"opening {path.name}")
    shown, clip = clip, clip or open_clip(path, task=task)
    opened = _with_session(clip, path, session_path)
    if task.cancelled:  # nobody takes it
        opened.close(keep_clip=shown is not None)
        raise Cancelled
    return opened


def _with_session(clip: Clip, path: Path, session_path: Path | None) -> OpenedVideo:
    """Open the session of a clip, if there is one."""
    session_path = session_path or find_session(path)
    if session_path is None or not holds_session(session_path):
        return OpenedVideo(clip, None)
    try:
        session = AnnotationSession.open(session_path, video=path, may_move=True)
    except TavisError as error:
        return OpenedVideo(clip, None, (str(error),), blocked=True)
    return OpenedVideo(clip, session, tuple(session.warnings))


def empty_session(clip: Clip, fps: float) -> AnnotationSession:
    """Start a session without proposals, for a person to paint in.

    Parameters
    ----------
    clip : Clip
        The open video.
    fps : float
        Sampled frames per second.
    """
    samples = sample_frames(clip, fps)
    nothing = Proposals(samples.indices, samples.times, clip.size, [], frame_count=len(clip.times))
    return AnnotationSession.create(clip.path, nothing, may_move=True)
