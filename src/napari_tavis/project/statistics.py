"""What has become of a set of videos: counted, and as plain data for a file."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from napari_tavis.annotation import AnnotationSession, FrameStatus
from napari_tavis.core.errors import TavisError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.project.agreement import Agreement, MatchedObject, agree, class_kappa
from napari_tavis.project.clip_statistics import (
    Change,
    ClassStatistics,
    ClipStatistics,
    describe_session,
)
from napari_tavis.project.states import QueueState


@dataclass(frozen=True)
class WorkTime:
    """How long people worked. Clips that nobody worked on are left out.

    Parameters
    ----------
    clips : int
        Clips that somebody worked on.
    total, mean, median : float
        Minutes: in all, and per clip.
    """

    clips: int = 0
    total: float = 0.0
    mean: float = 0.0
    median: float = 0.0


@dataclass(frozen=True)
class Statistics:
    """What has become of a set of videos.

    Parameters
    ----------
    clips : tuple of ClipStatistics
        One for each session.
    unsegmented : tuple of Path
        Videos without a session.
    agreements : tuple of Agreement
        One for each two sessions of the same video.
    problems : tuple of str
        What could not be read, a sentence each.
    """

    clips: tuple[ClipStatistics, ...] = ()
    unsegmented: tuple[Path, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def clips_by_state(self) -> Mapping[QueueState, int]:
        """How many clips are in each state; states without any are left out."""
        counts = Counter(clip.state for clip in self.clips)
        if self.unsegmented:
            counts[QueueState.NEW] += len(self.unsegmented)
        return counts

    @property
    def frames_by_status(self) -> Mapping[str, int]:
        """How many sampled frames there are by status; see `ClipStatistics.frames`."""
        return sum((Counter(clip.frames) for clip in self.clips), Counter())

    @property
    def masks_by_status(self) -> Mapping[FrameStatus, int]:
        """How many masks there are by status; see `ClipStatistics.masks`."""
        return sum((Counter(clip.masks) for clip in self.clips), Counter())

    @property
    def classes(self) -> Mapping[str, ClassStatistics]:
        """What there is of each class, the one with the most masks first."""
        found: dict[str, ClassStatistics] = defaultdict(ClassStatistics)
        for clip in self.clips:
            for name, counted in clip.classes.items():
                found[name] += counted
        return dict(sorted(found.items(), key=lambda entry: (-entry[1].masks, entry[0])))

    @property
    def change(self) -> Change:
        """How much people changed of what the model proposed."""
        return sum((clip.change for clip in self.clips), Change())

    @property
    def rejected(self) -> int:
        """Objects that people rejected."""
        return sum(clip.rejected for clip in self.clips)

    @property
    def time(self) -> WorkTime:
        """How long people worked."""
        minutes = [clip.seconds / 60 for clip in self.clips if clip.seconds > 0]
        if not minutes:
            return WorkTime()
        median = float(np.median(minutes))
        return WorkTime(len(minutes), sum(minutes), sum(minutes) / len(minutes), median)

    @property
    def matched(self) -> tuple[MatchedObject, ...]:
        """The objects that two people annotated, of all videos."""
        return tuple(one for agreement in self.agreements for one in agreement.matched)

    @property
    def class_kappa(self) -> float | None:
        """Cohen's kappa of the classes of `matched`; see `agreement.class_kappa`."""
        return class_kappa(self.matched)


def collect(
    sessions: Sequence[str | os.PathLike[str] | AnnotationSession],
    *,
    unsegmented: Sequence[Path] = (),
    task: Task | None = None,
) -> Statistics:
    """Gather the statistics of sessions; nothing is written, and few are in memory at a time.

    Parameters
    ----------
    sessions : sequence of path or AnnotationSession
        Session directories, their videos, or open sessions. What is given twice counts once; two
        sessions of the same video are compared.
    unsegmented : sequence of Path
        Videos that have no session yet; they are only counted.
    task : Task, optional
        Told how far it is; stops the work when cancelled.

    Returns
    -------
    Statistics
        A session that cannot be read is one of its problems, and left out.

    Raises
    ------
    Cancelled
        If asked for.
    """
    task = task or Task()
    clips: list[ClipStatistics] = []
    problems: list[str] = []
    known: dict[Path, str | os.PathLike[str] | AnnotationSession] = {}
    for done, one in enumerate(sessions, start=1):
        try:
            with _opened(one) as session:
                place = Path(os.path.realpath(session.path))
                if place not in known:
                    known[place] = one
                    clips.append(describe_session(session, task=task))
        except Cancelled:
            raise
        except TavisError as error:
            problems.append(str(error))
        task.report(done, len(sessions), "reading the sessions")
    agreements = _compare_all(clips, list(known.values()), task)
    return Statistics(tuple(clips), tuple(unsegmented), agreements, tuple(problems))


def _compare_all(
    clips: Sequence[ClipStatistics],
    sessions: Sequence[str | os.PathLike[str] | AnnotationSession],
    task: Task,
) -> tuple[Agreement, ...]:
    """Compare every two sessions of one video."""
    of_video: dict[str, list[int]] = defaultdict(list)
    for at, clip in enumerate(clips):
        of_video[clip.fingerprint].append(at)
    pairs = [pair for group in of_video.values() for pair in combinations(group, 2)]
    found = []
    for done, (first, second) in enumerate(pairs, start=1):
        with _opened(sessions[first]) as ours, _opened(sessions[second]) as theirs:
            found.append(agree(ours, theirs, task=task))
        task.report(done, len(pairs), "comparing two people's sessions")
    return tuple(found)


@contextmanager
def _opened(one: str | os.PathLike[str] | AnnotationSession) -> Iterator[AnnotationSession]:
    """Open a session for reading; one that is open already stays so."""
    if isinstance(one, AnnotationSession):
        yield one
        return
    session = AnnotationSession.open(one, read_only=True)
    try:
        yield session
    finally:
        session.close()
