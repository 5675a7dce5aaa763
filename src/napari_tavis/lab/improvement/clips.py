"""What a person has accepted, as an AVSBench tree to learn from.

Annotated videos are cut into clips of five seconds. A clip counts as it does for an export: if a
person stands for every label in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_tavis.annotation import AnnotationSession
from napari_tavis.core.errors import DatasetError, ImprovementError, TavisError
from napari_tavis.core.tasks import Task
from napari_tavis.datasets.avsbench.layout import seconds
from napari_tavis.datasets.names import Split
from napari_tavis.exchange.avsbench import plan_clip
from napari_tavis.exchange.exporting import export
from napari_tavis.exchange.format import ExportRequest
from napari_tavis.media import Clip, open_clip
from napari_tavis.project.listing import find_sources

CLIPS = ExportRequest(Path("clips"), subset="v1m", masks="objects")
"""What is learned from: five seconds with a class for every pixel. The folder follows."""

LEAST_CLIPS = 5
HELD_OUT_EACH = 5
"""Every fifth video, or the shortest one of fewer, is measured on and not learned from."""


@dataclass(frozen=True)
class AcceptedClip:
    """A stretch of a video of which a person stands behind every mask.

    Attributes
    ----------
    session : Path
        Directory of the session.
    start : float
        Where it begins, in seconds.
    fingerprint : str
        By which the very video file is recognised, wherever it lies.
    """

    session: Path
    start: float
    fingerprint: str = ""

    @property
    def video(self) -> str:
        """What stands for the video: the same for every copy of it."""
        return self.fingerprint or str(self.session)


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
        return len({clip.video for clip in self.clips})

    def divide(self) -> dict[AcceptedClip, Split]:
        """Say which clips are learned from (``train``) and which are held out (``val``).

        All clips of a video go the same way, whichever sessions they are of: a model knows a
        video that it has learned from.

        Raises
        ------
        ImprovementError
            If there are too few clips, or all of them are of one video.
        """
        if len(self.clips) < LEAST_CLIPS:
            raise ImprovementError(
                f"{len(self.clips)} clips of five seconds are accepted, too few to learn from: "
                f"correct and accept at least {LEAST_CLIPS}."
                + "".join(f" {reason}" for reason in self.left_out[:3])
            )
        counts = Counter(clip.video for clip in self.clips)
        if len(counts) < 2:
            raise ImprovementError(
                f"All {len(self.clips)} accepted clips are of one video, so there is nothing to "
                "measure a model on that has learned from it: correct and accept a clip of another."
                + "".join(f" {reason}" for reason in self.left_out[:3])
            )
        if len(counts) < HELD_OUT_EACH:
            held_out = {min(counts, key=lambda video: counts[video])}
        else:
            held_out = set(list(counts)[HELD_OUT_EACH - 1 :: HELD_OUT_EACH])
        return {clip: "val" if clip.video in held_out else "train" for clip in self.clips}


def find_accepted(sources: Sequence[Path], task: Task | None = None) -> Accepted:
    """Look through sessions for what a person has accepted.

    Parameters
    ----------
    sources : sequence of Path
        Folders, lists, videos and sessions.
    task : Task, optional
        Told how far it is; stops the work when cancelled.

    Raises
    ------
    ProjectError
        If a path leads to nothing.
    Cancelled
        If asked for.
    """
    task = task or Task()
    clips: list[AcceptedClip] = []
    left_out: list[str] = []
    sessions = find_sources(sources).sessions
    for done, directory in enumerate(sessions):
        task.check()
        task.report(done, len(sessions), f"looking at {directory.stem}")
        try:
            found, reason = _accepted_clips(directory, task)
        except TavisError as error:
            task.check()
            found, reason = [], str(error)
        clips += found
        left_out += [reason] if reason else []
    return Accepted(tuple(clips), tuple(left_out))


def _accepted_clips(directory: Path, task: Task) -> tuple[list[AcceptedClip], str]:
    """Find the accepted clips of a session, and why others do not count."""
    session = AnnotationSession.open(directory, read_only=True)
    try:
        fingerprint = session.identity.fingerprint
        with open_clip(session.video, task=task.part()) as video:
            length = seconds(CLIPS.subset)
            starts = [float(start) for start in range(0, max(1, round(video.duration)), length)]
            reasons = {start: _obstacle(session, video, start) for start in starts}
    finally:
        session.close()
    told = next((reason for reason in reasons.values() if reason), "")
    accepted = [start for start in starts if not reasons[start]]
    return [AcceptedClip(directory, start, fingerprint) for start in accepted], told


def _obstacle(session: AnnotationSession, video: Clip, start: float) -> str:
    """Say why a stretch is nothing to learn from; empty if it is."""
    try:
        plan = plan_clip(session, video, replace(CLIPS, start=start))
    except DatasetError as error:
        return str(error)
    if plan.unchecked:
        return (
            f"{session.video.name} is not accepted whole from {start:g} s on: nobody has checked "
            f"{len(plan.unchecked)} of {len(plan.labelled)} frames."
        )
    return ""


def write_clips(
    clips: dict[AcceptedClip, Split],
    root: Path,
    task: Task | None = None,
) -> None:
    """Write clips as an AVSBench tree.

    Parameters
    ----------
    clips : dict of AcceptedClip to str
        The clips and their splits.
    root : Path
        Folder to write to; nothing is there yet.
    task : Task, optional
        Told how far it is; stops the work when cancelled.

    Raises
    ------
    TavisError
        If a session has changed meanwhile, or the disk refuses.
    """
    task = task or Task()
    for number, (clip, split) in enumerate(clips.items()):
        task.report(number, len(clips), "reading the accepted clips")
        session = AnnotationSession.open(clip.session, read_only=True)
        try:
            name = f"clip{number:05d}"
            request = replace(CLIPS, root=root, split=split, name=name, start=clip.start)
            export(session, request, check=False, task=task.part())
        finally:
            session.close()
