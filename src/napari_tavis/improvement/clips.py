"""What a person has accepted, as an AVSBench tree to learn from.

Annotated videos are cut into clips of five seconds. A clip counts if its video is done or
exported, or if a person stands behind every mask of its objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_tavis.avsbench import export_session
from napari_tavis.avsbench.errors import DatasetError
from napari_tavis.avsbench.layout import Split, Subset, seconds
from napari_tavis.avsbench.plan import NOT_ACCEPTED, plan_clip
from napari_tavis.errors import TavisError
from napari_tavis.improvement.errors import ImprovementError
from napari_tavis.media import Clip, open_clip
from napari_tavis.project.sources import find_sources
from napari_tavis.project.states import state_of
from napari_tavis.session import AnnotationSession
from napari_tavis.tasks import CancelToken, Progress, no_progress

SUBSET: Subset = "v1m"
"""Clips of five seconds with a class for every pixel."""

LEAST_CLIPS = 5
HELD_OUT_EACH = 5
"""Every fifth video, or clip where there are fewer videos, is measured on and not learned from."""


@dataclass(frozen=True)
class AcceptedClip:
    """A stretch of a video of which a person stands behind every mask.

    Attributes
    ----------
    session : Path
        Directory of the session.
    start : float
        Where it begins, in seconds.
    """

    session: Path
    start: float


@dataclass(frozen=True)
class Accepted:
    """What there is to learn from.

    Attributes
    ----------
    clips : tuple of AcceptedClip
        In the order of the sessions.
    left_out : tuple of str
        Why sessions give fewer clips than they are long, one sentence each.
    """

    clips: tuple[AcceptedClip, ...]
    left_out: tuple[str, ...]

    @property
    def videos(self) -> int:
        """How many videos the clips are of."""
        return len({clip.session for clip in self.clips})

    def divide(self) -> dict[AcceptedClip, Split]:
        """Say which clips are learned from (``train``) and which are held out (``val``).

        All clips of a video go the same way, where there are enough videos: a model knows a video
        that it has learned from.

        Raises
        ------
        ImprovementError
            If there are too few clips.
        """
        if len(self.clips) < LEAST_CLIPS:
            raise ImprovementError(
                f"{len(self.clips)} clips of five seconds are accepted, too few to learn from: "
                f"correct and accept at least {LEAST_CLIPS}, or mark videos done."
                + "".join(f" {reason}" for reason in self.left_out[:3])
            )
        videos = list(dict.fromkeys(clip.session for clip in self.clips))
        whole = len(videos) >= HELD_OUT_EACH
        order = {video: number for number, video in enumerate(videos)}
        return {
            clip: "val"
            if (order[clip.session] if whole else number) % HELD_OUT_EACH == HELD_OUT_EACH - 1
            else "train"
            for number, clip in enumerate(self.clips)
        }


def find_accepted(
    sources: Sequence[Path], progress: Progress = no_progress, cancel: CancelToken | None = None
) -> Accepted:
    """Look through sessions for what a person has accepted.

    Parameters
    ----------
    sources : sequence of Path
        Folders, lists, videos and sessions.
    progress, cancel : optional
        Told of every session; looked at between two.

    Raises
    ------
    ProjectError
        If a path leads to nothing.
    Cancelled
        If asked for.
    """
    cancel = cancel or CancelToken()
    clips: list[AcceptedClip] = []
    left_out: list[str] = []
    sessions = find_sources(sources).sessions
    for done, directory in enumerate(sessions):
        cancel.check()
        progress(done, len(sessions), f"looking at {directory.stem}")
        try:
            starts, reason = _accepted_starts(directory, cancel)
        except TavisError as error:
            cancel.check()
            starts, reason = [], str(error)
        clips += [AcceptedClip(directory, start) for start in starts]
        left_out += [reason] if reason else []
    return Accepted(tuple(clips), tuple(left_out))


def _accepted_starts(directory: Path, cancel: CancelToken) -> tuple[list[float], str]:
    """Find where accepted clips of a session begin, and why others do not count."""
    session = AnnotationSession.open(directory, read_only=True)
    try:
        finished = state_of(session)[0].finished
        with open_clip(session.video, cancel=cancel) as video:
            length = seconds(SUBSET)
            starts = [float(start) for start in range(0, max(1, round(video.duration)), length)]
            reasons = {start: _obstacle(session, video, start, finished) for start in starts}
    finally:
        session.close()
    told = next((reason for reason in reasons.values() if reason), "")
    return [start for start in starts if not reasons[start]], told


def _obstacle(session: AnnotationSession, video: Clip, start: float, finished: bool) -> str:
    """Say why a stretch is nothing to learn from; empty if it is."""
    try:
        plan = plan_clip(
            session,
            video,
            SUBSET,
            "train",
            start=start,
            masks="objects" if finished else "accepted",
        )
    except DatasetError as error:
        return str(error)
    if any(planned.reason == NOT_ACCEPTED for planned in plan.objects):
        return f"{session.video.name} is not accepted whole from {start:g} s on."
    return ""


def write_clips(
    clips: dict[AcceptedClip, Split],
    root: Path,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> None:
    """Write clips as an AVSBench tree.

    Parameters
    ----------
    clips : dict of AcceptedClip to str
        The clips and their splits.
    root : Path
        Folder to write to; nothing is there yet.
    progress, cancel : optional
        Told of every clip; looked at throughout.

    Raises
    ------
    TavisError
        If a session has changed meanwhile, or the disk refuses.
    """
    for number, (clip, split) in enumerate(clips.items()):
        progress(number, len(clips), "reading the accepted clips")
        session = AnnotationSession.open(clip.session, read_only=True)
        try:
            export_session(
                session,
                root,
                SUBSET,
                split,
                name=f"clip{number:05d}",
                start=clip.start,
                masks="objects",
                cancel=cancel,
            )
        finally:
            session.close()
