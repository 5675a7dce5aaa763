"""How far two people agree who annotated the same video, each in a session of their own.

Frames that both have finished are compared: those in which a person edited or accepted an object,
and all sampled frames of a session that is marked done. Objects are matched one to one so that the
total overlap of their masks is largest; the matched ones are compared by overlap and class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.masks import Mask
from napari_tavis.annotation.objects import SessionObject
from napari_tavis.core.tasks import Task

# at most, spread evenly, so that a long video with many finished frames stays quick
_FRAMES_COMPARED = 300
_SAME_OBJECT = 0.1  # mean IoU below which two objects are not matched


@dataclass(frozen=True)
class MatchedObject:
    """One object as two people annotated it."""

    first_class: str
    second_class: str
    iou: float  # mean IoU of their masks over the frames in which either has one, 0 to 1


@dataclass(frozen=True)
class Agreement:
    """How far two sessions of one video agree."""

    video: str  # file name
    first: Path
    second: Path
    frames: int = 0  # how many were compared
    matched: tuple[MatchedObject, ...] = ()
    # class names of the objects that only the first has in those frames
    first_only: tuple[str, ...] = ()
    second_only: tuple[str, ...] = ()
    # Mean over the frames of the IoU of all objects together, 1 where neither has any: the
    # agreement on where something sounds, whatever it is. None where nothing was compared.
    foreground_iou: float | None = None
    why: str = ""  # why nothing was compared, a sentence; empty otherwise

    @property
    def object_iou(self) -> float | None:
        """Mean IoU of the matched objects; None where there are none."""
        return float(np.mean([one.iou for one in self.matched])) if self.matched else None

    @property
    def class_share(self) -> float | None:
        """Share of the matched objects that both gave the same class; None without any."""
        if not self.matched:
            return None
        return sum(one.first_class == one.second_class for one in self.matched) / len(self.matched)


def agree(
    first: AnnotationSession, second: AnnotationSession, *, task: Task | None = None
) -> Agreement:
    """Compare two sessions of one video; raises `Cancelled` if the task is cancelled."""
    task = task or Task()
    about = (first.video.name, first.path, second.path)
    if first.frame_size != second.frame_size:
        return Agreement(*about, why="The two sessions were made at different frame sizes.")
    shared = sorted(finished_frames(first) & finished_frames(second))
    if not shared:
        why = "No frame is finished in both: accept or edit objects, or mark both done."
        return Agreement(*about, why=why)
    frames = shared[:: -(-len(shared) // _FRAMES_COMPARED)]
    ours, theirs = _objects(first, frames), _objects(second, frames)
    table = _Overlaps(len(ours), len(theirs))
    for frame in frames:
        task.check()
        table.add(
            [_mask(first, one, frame) for one in ours],
            [_mask(second, one, frame) for one in theirs],
        )
    overlaps = table.mean()
    pairs = _match(overlaps)
    return Agreement(
        *about,
        frames=len(frames),
        matched=tuple(
            MatchedObject(ours[row].class_name, theirs[column].class_name, overlaps[row, column])
            for row, column in pairs
        ),
        first_only=_others(ours, [row for row, _ in pairs]),
        second_only=_others(theirs, [column for _, column in pairs]),
        foreground_iou=table.foreground / len(frames),
    )


def finished_frames(session: AnnotationSession) -> set[int]:
    """Return the frames that a person has checked: edited, accepted, or marked done."""
    done = set(session.frame_indices.tolist()) if session.done else set()
    return done | {
        frame
        for item in session.active_objects
        for frame, record in item.frames.items()
        if record.status.by_person
    }


def class_kappa(matched: Sequence[MatchedObject]) -> float | None:
    """Compute Cohen's kappa of the classes that two people gave to the same objects.

    1 is full agreement, 0 that of chance. None without objects, or where all have one class, so
    that chance alone would agree. Source: Cohen, A coefficient of agreement for nominal scales,
    1960.
    """
    if not matched:
        return None
    count = len(matched)
    ours = Counter(one.first_class for one in matched)
    theirs = Counter(one.second_class for one in matched)
    seen = sum(one.first_class == one.second_class for one in matched) / count
    chance = sum(ours[name] * theirs[name] for name in ours) / count**2
    return (seen - chance) / (1 - chance) if chance < 1 else None


class _Overlaps:
    """The overlap of every pair of objects, and of all of them together, summed over frames."""

    def __init__(self, rows: int, columns: int) -> None:
        self.foreground = 0.0
        self._sum = np.zeros((rows, columns))
        self._seen = np.zeros((rows, columns))

    def add(self, ours: list[Mask | None], theirs: list[Mask | None]) -> None:
        """Add a frame; None stands for an object without a mask in it."""
        for row, mine in enumerate(ours):
            for column, other in enumerate(theirs):
                if mine is not None or other is not None:
                    self._seen[row, column] += 1
                if mine is not None and other is not None:
                    self._sum[row, column] += _iou(mine, other)
        mine, other = _union(ours), _union(theirs)
        if mine is not None and other is not None:
            self.foreground += _iou(mine, other)
        else:  # agreed where neither has anything, disagreed where one has
            self.foreground += float(mine is None and other is None)

    def mean(self) -> npt.NDArray[np.float64]:
        """Return the mean IoU of every pair over the frames in which either has a mask."""
        return self._sum / np.maximum(self._seen, 1)


def _objects(session: AnnotationSession, frames: Sequence[int]) -> list[SessionObject]:
    """Return the objects that have a mask in some of the frames."""
    return [
        item
        for item in session.active_objects
        if any(at in item.frames and not item.frames[at].empty for at in frames)
    ]


def _mask(session: AnnotationSession, item: SessionObject, frame: int) -> Mask | None:
    record = item.frames.get(frame)
    if record is None or record.empty:
        return None
    mask = session.mask(item.object_id, frame)
    return mask if mask.any() else None


def _union(masks: list[Mask | None]) -> Mask | None:
    there = [mask for mask in masks if mask is not None]
    return np.logical_or.reduce(there) if there else None


def _iou(first: Mask, second: Mask) -> float:
    return float(np.count_nonzero(first & second) / np.count_nonzero(first | second))


def _match(overlaps: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    rows, columns = linear_sum_assignment(overlaps, maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row, column) for row, column in pairs if overlaps[row, column] >= _SAME_OBJECT]


def _others(items: Sequence[SessionObject], matched: Sequence[int]) -> tuple[str, ...]:
    return tuple(item.class_name for at, item in enumerate(items) if at not in matched)
