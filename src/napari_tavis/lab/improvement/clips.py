"""What a person has accepted, as an AVSBench tree to learn from.

Annotated videos are cut into clips of five seconds. As in an export, a clip counts if a person
stands for every label in it.
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

# what is learned from: five seconds with a class for every pixel; the folder follows
CLIPS = ExportRequest(Path("clips"), subset="v1m", masks="objects")

LEAST_CLIPS = 5
# every fifth video, or the shortest of fewer, is measured on and not learned from
HELD_OUT_EACH = 5


@dataclass(frozen=True)
class AcceptedClip:
    """A stretch of a video of which a person stands behind every mask."""

    session: Path  # its file
    start: float  # in seconds
    fingerprint: str = ""  # by which the very video file is recognised, wherever it is

    @property
    def video(self) -> str:
        """What stands for the video: the same for every copy of it."""
        return self.fingerprint or str(self.session)


@dataclass(frozen=True)
class Accepted:
    """What there is to learn from."""

    clips: tuple[AcceptedClip, ...]  # in the order of the sessions
    left_out: tuple[str, ...]  # why sessions give fewer clips than they are long, one sentence each

    @property
    def videos(self) -> int:
        """How many videos the clips are of."""
        return len({clip.video for clip in self.clips})

    def divide(self) -> dict[AcceptedClip, Split]:
        """Decide which clips are learned from (``train``) and which are held out (``val``).

        All clips of a video go the same way, whichever sessions they are of: a model knows a video
        that it has learned from. Raises `ImprovementError` if there are too few clips, or all of
        them are of one video.
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
    """Look through folders, lists, videos and sessions for what a person has accepted.

    Raises `ProjectError` if a path leads to nothing.
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
            task.check()  # the error may be what the cancel led to
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
    first = next((reason for reason in reasons.values() if reason), "")
    accepted = [start for start in starts if not reasons[start]]
    return [AcceptedClip(directory, start, fingerprint) for start in accepted], first


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
    """Write clips with their splits as an AVSBench tree, to a folder that is not there yet.

    Raises `TavisError` if a session has changed meanwhile, or the disk refuses.
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
