"""How far two people agree who annotated one video, each in a session of their own.

Compared are frames that both have finished: where a person edited or accepted an object, and all
sampled frames of a session that is marked done. Objects are matched one to one so that their
masks overlap most in total; then the overlap and the classes of the matched ones are told.
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
from napari_tavis.project.clip_statistics import annotated_objects

_FRAMES_COMPARED = 300
"""At most, spread evenly over those that could be: bounded for a video annotated throughout."""
_SAME_OBJECT = 0.1
"""Mean IoU below which two objects are not taken for one."""


@dataclass(frozen=True)
class MatchedObject:
    """One object as two people annotated it.

    Parameters
    ----------
    first_class, second_class : str
        The class each gave it.
    iou : float
        Mean IoU of their masks over the frames in which either has one, 0 to 1.
    """

    first_class: str
    second_class: str
    iou: float


@dataclass(frozen=True)
class Agreement:
    """How far two sessions of one video agree.

    Parameters
    ----------
    video : str
        Name of the video.
    first, second : Path
        The sessions' directories.
    frames : int
        Frames that were compared.
    matched : tuple of MatchedObject
        The objects that both have.
    first_only, second_only : tuple of str
        The classes of the objects that only one of them has in those frames.
    foreground_iou : float or None
        Mean over the frames of the IoU of all objects together, 1 where neither has any: the
        agreement on where something sounds, whatever it is. None where nothing was compared.
    why : str
        Why nothing was compared, a sentence; empty where something was.
    """

    video: str
    first: Path
    second: Path
    frames: int = 0
    matched: tuple[MatchedObject, ...] = ()
    first_only: tuple[str, ...] = ()
    second_only: tuple[str, ...] = ()
    foreground_iou: float | None = None
    why: str = ""

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
    """Compare two sessions of one video.

    Parameters
    ----------
    first, second : AnnotationSession
        The sessions.
    task : Task, optional
        Stops the work when cancelled.

    Raises
    ------
    Cancelled
        If asked for.
    """
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
    """Give the frames of which a person has said how they are."""
    done = set(session.frame_indices.tolist()) if session.done else set()
    return done | {
        frame
        for item in annotated_objects(session)
        for frame, record in item.frames.items()
        if record.status.by_person
    }


def class_kappa(matched: Sequence[MatchedObject]) -> float | None:
    """Compute Cohen's kappa of the classes that two people gave to the same objects.

    Parameters
    ----------
    matched : sequence of MatchedObject
        The objects, of any number of videos.

    Returns
    -------
    float or None
        1 for full agreement, 0 for that of chance; None without objects, or where all have one
        class, so that chance alone would agree.

    Notes
    -----
    Source: Cohen, A coefficient of agreement for nominal scales, 1960.
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
    """Gathers the overlap of every pair of objects, and of all of them together, by frame."""

    def __init__(self, rows: int, columns: int) -> None:
        self.foreground = 0.0
        self._sum = np.zeros((rows, columns))
        self._seen = np.zeros((rows, columns))

    def add(self, ours: list[Mask | None], theirs: list[Mask | None]) -> None:
        """Take in a frame; None for an object that is not there."""
        for row, mine in enumerate(ours):
            for column, other in enumerate(theirs):
                if mine is not None or other is not None:
                    self._seen[row, column] += 1
                if mine is not None and other is not None:
                    self._sum[row, column] += _iou(mine, other)
        mine, other = _union(ours), _union(theirs)
        if mine is not None and other is not None:
            self.foreground += _iou(mine, other)
        else:
            self.foreground += float(mine is None and other is None)

    def mean(self) -> npt.NDArray[np.float64]:
        """Give the mean IoU of every pair over the frames in which either is there."""
        return self._sum / np.maximum(self._seen, 1)


def _objects(session: AnnotationSession, frames: Sequence[int]) -> list[SessionObject]:
    """Give the objects that have a mask in some of the frames."""
    return [
        item
        for item in annotated_objects(session)
        if any(at in item.frames and not item.frames[at].empty for at in frames)
    ]


def _mask(session: AnnotationSession, item: SessionObject, frame: int) -> Mask | None:
    """Give an object's mask in a frame, or None where it is empty."""
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
