"""Statistics of sessions: frames, classes, and how much people changed, per clip and in all."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np

from napari_tavis.annotation import AnnotationSession, FrameStatus
from napari_tavis.annotation.masks import Mask
from napari_tavis.annotation.objects import ObjectState, SessionObject
from napari_tavis.core.errors import TavisError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.project.agreement import Agreement, MatchedObject, agree, class_kappa
from napari_tavis.project.states import QueueState, object_touched, state_of

EMPTY = "empty"  # a sampled frame in which no object has a status


@dataclass(frozen=True)
class Change:
    """How much a person changed of what the model proposed.

    Only masks that a person has edited or accepted are compared; what nobody has looked at yet
    says nothing about the model.
    """

    masks: int = 0  # how many were compared
    iou_sum: float = 0.0  # of their IoUs with the proposals; an erased mask counts 0
    unchanged: int = 0  # how many equal the proposal, pixel for pixel
    removed: int = 0  # how many were erased
    added: int = 0  # masks painted where the model had proposed nothing; not compared

    @property
    def mean_iou(self) -> float | None:
        """Mean IoU of masks and proposals, 0 to 1; None where nothing was compared."""
        return self.iou_sum / self.masks if self.masks else None

    def __add__(self, other: Change) -> Change:
        return Change(
            self.masks + other.masks,
            self.iou_sum + other.iou_sum,
            self.unchanged + other.unchanged,
            self.removed + other.removed,
            self.added + other.added,
        )


@dataclass(frozen=True)
class ClassStatistics:
    """Counts of one class."""

    clips: int = 0  # in which it occurs
    objects: int = 0
    masks: int = 0  # that are not empty, over all frames
    change: Change = field(default_factory=Change)

    def __add__(self, other: ClassStatistics) -> ClassStatistics:
        return ClassStatistics(
            self.clips + other.clips,
            self.objects + other.objects,
            self.masks + other.masks,
            self.change + other.change,
        )


@dataclass(frozen=True)
class ClipStatistics:
    """Statistics of one clip. Rejected and background objects are left out.

    The scene mask counts where a person works on it, or where there is nothing else.
    """

    video: Path
    session: Path  # the session's file
    fingerprint: str  # identifies the video by its content
    state: QueueState
    # sampled frames by the least finished status of their objects, or `EMPTY`
    frames: Mapping[str, int]
    masks: Mapping[FrameStatus, int]  # one per object and frame, erased ones too
    classes: Mapping[str, ClassStatistics]  # by class name; the scene mask is no class
    rejected: int  # objects that a person rejected
    seconds: float  # how long people worked on it
    change: Change


def describe_session(session: AnnotationSession, *, task: Task | None = None) -> ClipStatistics:
    """Compute the statistics of one session; raises `Cancelled` if the task is cancelled."""
    task = task or Task()
    items = worked_on(session)
    classes: dict[str, ClassStatistics] = {}
    changed = Change()
    for item in items:
        task.check()
        change = change_of(session, item)
        changed += change
        if item.kind == "object":
            masks = sum(not record.empty for record in item.frames.values())
            before = classes.get(item.class_name, ClassStatistics(clips=1))
            classes[item.class_name] = before + ClassStatistics(0, 1, masks, change)
    return ClipStatistics(
        video=session.video,
        session=session.path,
        fingerprint=session.identity.fingerprint,
        state=state_of(session)[0],
        frames=_count_frames(session, items),
        masks=Counter(record.status for item in items for record in item.frames.values()),
        classes=classes,
        rejected=sum(item.state is ObjectState.REJECTED for item in session.objects),
        seconds=session.worked_seconds,
        change=changed,
    )


def worked_on(session: AnnotationSession) -> list[SessionObject]:
    """Return what a person works on: the objects, the scene mask, or both.

    Someone annotating sources leaves the scene mask alone, and vice versa: what is left alone
    should not make every frame look unfinished.
    """
    objects = session.active_objects
    scene = [item for item in session.objects if item.takes_part and item.kind == "scene"]
    touched = [item for item in (*objects, *scene) if object_touched(session, item)]
    if not objects or (touched and not any(item.kind == "object" for item in touched)):
        return scene
    return objects + [item for item in scene if item in touched]


def change_of(session: AnnotationSession, item: SessionObject) -> Change:
    """Compare an object's masks that a person edited or accepted with what the model proposed."""
    total = Change()
    for frame, record in list(item.frames.items()):
        if not record.status.by_person:
            continue
        if not record.empty and record.proposed == record.mask:  # told by digest, without decoding
            total += Change(masks=1, iou_sum=1.0, unchanged=1)
            continue
        mask = session.mask(item.object_id, frame)
        proposed = session.proposal_mask(item.object_id, frame)
        total += _compare(mask, proposed)
    return total


def _compare(mask: Mask, proposed: Mask | None) -> Change:
    if proposed is None or not proposed.any():
        return Change(added=int(mask.any()))
    union = np.count_nonzero(mask | proposed)
    shared = np.count_nonzero(mask & proposed)
    return Change(
        masks=1,
        iou_sum=shared / union,
        unchanged=int(shared == union),
        removed=int(not mask.any()),
    )


# from the least finished to the most
_ORDER = (FrameStatus.PROPOSED, FrameStatus.EDITED, FrameStatus.ACCEPTED)


def _count_frames(session: AnnotationSession, items: list[SessionObject]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for frame in session.frame_indices.tolist():
        found = {item.frames[frame].status for item in items if frame in item.frames}
        counts[next((str(status) for status in _ORDER if status in found), EMPTY)] += 1
    return dict(counts)


@dataclass(frozen=True)
class WorkTime:
    """How long people worked, in minutes. Clips that nobody worked on are left out."""

    clips: int = 0
    total: float = 0.0
    mean: float = 0.0
    median: float = 0.0


@dataclass(frozen=True)
class Statistics:
    """Statistics of a set of videos."""

    clips: tuple[ClipStatistics, ...] = ()  # one per session
    unsegmented: tuple[Path, ...] = ()  # videos without a session
    agreements: tuple[Agreement, ...] = ()  # one per pair of sessions of the same video
    problems: tuple[str, ...] = ()  # what could not be read, a sentence each

    @property
    def clips_by_state(self) -> Mapping[QueueState, int]:
        """How many clips are in each state; states without any are left out."""
        counts = Counter(clip.state for clip in self.clips)
        if self.unsegmented:
            counts[QueueState.NEW] += len(self.unsegmented)
        return counts

    @property
    def frames_by_status(self) -> Mapping[str, int]:
        """Sampled frames by status; see `ClipStatistics.frames`."""
        return sum((Counter(clip.frames) for clip in self.clips), Counter())

    @property
    def masks_by_status(self) -> Mapping[FrameStatus, int]:
        """Masks by status; see `ClipStatistics.masks`."""
        return sum((Counter(clip.masks) for clip in self.clips), Counter())

    @property
    def classes(self) -> Mapping[str, ClassStatistics]:
        """Counts by class name, the class with the most masks first."""
        found: dict[str, ClassStatistics] = defaultdict(ClassStatistics)
        for clip in self.clips:
            for name, counted in clip.classes.items():
                found[name] += counted
        return dict(sorted(found.items(), key=lambda entry: (-entry[1].masks, entry[0])))

    @property
    def change(self) -> Change:
        return sum((clip.change for clip in self.clips), Change())

    @property
    def rejected(self) -> int:
        return sum(clip.rejected for clip in self.clips)

    @property
    def time(self) -> WorkTime:
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
        return class_kappa(self.matched)


def collect(
    sessions: Sequence[str | os.PathLike[str] | AnnotationSession],
    *,
    unsegmented: Sequence[Path] = (),
    task: Task | None = None,
) -> Statistics:
    """Compute the statistics of sessions; nothing is written, and few are in memory at a time.

    `sessions` are session files, their videos, or open sessions; one given twice counts once, and
    two of the same video are compared. Videos without a session are only counted. A session that
    cannot be read is left out, and is one of the problems. Raises `Cancelled` if the task is
    cancelled.
    """
    task = task or Task()
    clips: list[ClipStatistics] = []
    problems: list[str] = []
    # By resolved path, so that a session reached through a link counts once.
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
    """Compare every two sessions of the same video."""
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
    """Open a session for reading; one that is open already stays open."""
    if isinstance(one, AnnotationSession):
        yield one
        return
    with closing(AnnotationSession.open(one, read_only=True)) as session:
        yield session
