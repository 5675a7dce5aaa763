"""What has become of one clip: its frames, its classes, and how much of it a person changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from napari_tavis.annotation import AnnotationSession, FrameStatus
from napari_tavis.annotation.masks import Mask
from napari_tavis.annotation.objects import ObjectState, SessionObject
from napari_tavis.core.tasks import Task
from napari_tavis.project.states import QueueState, state_of

EMPTY = "empty"
"""A sampled frame in which no object has a status."""


@dataclass(frozen=True)
class Change:
    """How much a person changed of what the model proposed.

    Only masks that a person has edited or accepted are compared; what nobody has looked at yet
    says nothing about the model.

    Parameters
    ----------
    masks : int
        Masks that were compared.
    iou_sum : float
        Sum of their IoUs with the proposals; a mask that was rubbed out counts 0.
    unchanged : int
        How many of them are the proposals, pixel for pixel.
    removed : int
        How many of them were rubbed out.
    added : int
        Masks that a person painted where the model had proposed nothing; not compared.
    """

    masks: int = 0
    iou_sum: float = 0.0
    unchanged: int = 0
    removed: int = 0
    added: int = 0

    @property
    def mean_iou(self) -> float | None:
        """Mean IoU of masks and proposals, 0 to 1; None where nothing was compared."""
        return self.iou_sum / self.masks if self.masks else None

    def __add__(self, other: Change) -> Change:
        """Take two counts together."""
        return Change(
            self.masks + other.masks,
            self.iou_sum + other.iou_sum,
            self.unchanged + other.unchanged,
            self.removed + other.removed,
            self.added + other.added,
        )


@dataclass(frozen=True)
class ClassStatistics:
    """What there is of one class.

    Parameters
    ----------
    clips : int
        Clips in which it occurs.
    objects : int
        Objects of the class.
    masks : int
        Their masks that are not empty, over all frames.
    change : Change
        How much of them a person changed.
    """

    clips: int = 0
    objects: int = 0
    masks: int = 0
    change: Change = field(default_factory=Change)

    def __add__(self, other: ClassStatistics) -> ClassStatistics:
        """Take two counts together."""
        return ClassStatistics(
            self.clips + other.clips,
            self.objects + other.objects,
            self.masks + other.masks,
            self.change + other.change,
        )


@dataclass(frozen=True)
class ClipStatistics:
    """What has become of one clip. Rejected and background objects are left out.

    The scene mask counts where a person works on it, or where there is nothing else.

    Parameters
    ----------
    video : Path
        The video.
    session : Path
        The session's directory.
    fingerprint : str
        What the video is recognised by.
    state : QueueState
        How far it has come.
    frames : mapping of str to int
        Sampled frames by how far the least finished of their objects has come: a `FrameStatus`,
        or `EMPTY`.
    masks : mapping of FrameStatus to int
        Masks, one an object and frame, by status; a mask rubbed out is one, too.
    classes : mapping of str to ClassStatistics
        By class name; the scene mask is no class.
    rejected : int
        Objects that a person rejected.
    seconds : float
        How long a person worked on it.
    change : Change
        How much of it a person changed.
    """

    video: Path
    session: Path
    fingerprint: str
    state: QueueState
    frames: Mapping[str, int]
    masks: Mapping[FrameStatus, int]
    classes: Mapping[str, ClassStatistics]
    rejected: int
    seconds: float
    change: Change


def describe_session(session: AnnotationSession, *, task: Task | None = None) -> ClipStatistics:
    """Gather the statistics of one session.

    Parameters
    ----------
    session : AnnotationSession
        The session.
    task : Task, optional
        Stops the work when cancelled.

    Raises
    ------
    Cancelled
        If asked for.
    """
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


def annotated_objects(session: AnnotationSession) -> list[SessionObject]:
    """Give the objects that take part, without the scene mask."""
    return [item for item in session.objects if item.takes_part and item.kind == "object"]


def worked_on(session: AnnotationSession) -> list[SessionObject]:
    """Give what a person works on: the objects, the scene mask, or both.

    Whoever annotates sources leaves the scene mask alone, and the other way round: what is left
    alone shall not make every frame look unfinished.
    """
    objects = annotated_objects(session)
    scene = [item for item in session.objects if item.takes_part and item.kind == "scene"]
    touched = [item for item in (*objects, *scene) if _touched(session, item)]
    if not objects or (touched and not any(item.kind == "object" for item in touched)):
        return scene
    return objects + [item for item in scene if item in touched]


def _touched(session: AnnotationSession, item: SessionObject) -> bool:
    statuses = session.statuses(item.object_id).values()
    return item.named_by_person or any(status.by_person for status in statuses)


def change_of(session: AnnotationSession, item: SessionObject) -> Change:
    """Compare an object's masks that a person stands behind with what the model proposed."""
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


_ORDER = (FrameStatus.PROPOSED, FrameStatus.EDITED, FrameStatus.ACCEPTED)
"""From the least finished to the most."""


def _count_frames(session: AnnotationSession, items: list[SessionObject]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for frame in session.frame_indices.tolist():
        found = {item.frames[frame].status for item in items if frame in item.frames}
        counts[next((str(status) for status in _ORDER if status in found), EMPTY)] += 1
    return dict(counts)
