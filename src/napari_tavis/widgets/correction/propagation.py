"""Which frames an object is propagated to, and from which masks. No Qt here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.masks import Mask
from napari_tavis.core.errors import CorrectionError

ROUNDING = 0.005  # seconds by which a time rounded to hundredths may be off


class Direction(StrEnum):
    BACKWARDS = "backwards"
    FORWARDS = "forwards"
    BOTH = "both ways"


@dataclass(frozen=True)
class Reach:
    """The frames that a correction may write."""

    every_frame: bool = False  # of the video; else the sampled ones
    first: int | None = None  # None: from the beginning
    last: int | None = None  # None: to the end

    def frames(self, session: AnnotationSession) -> list[int]:
        """Give the frames within reach, ascending."""
        candidates = range(session.frame_count) if self.every_frame else session.frame_indices
        return [int(frame) for frame in candidates if self.holds(int(frame))]

    def holds(self, frame: int) -> bool:
        """Whether a frame lies within the range."""
        after_first = self.first is None or frame >= self.first
        return after_first and (self.last is None or frame <= self.last)


class SessionMasks(Mapping[int, Mask]):
    """Masks of an object by frame, read from the session only when asked for."""

    def __init__(self, session: AnnotationSession, object_id: int, frames: Iterable[int]) -> None:
        self._session = session
        self._object_id = object_id
        self._frames = sorted(set(frames))

    def __getitem__(self, frame: int) -> Mask:
        if frame not in self._frames:
            raise KeyError(frame)
        return self._session.mask(self._object_id, frame)

    def __iter__(self) -> Iterator[int]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)


@dataclass(frozen=True)
class Plan:
    """What is propagated."""

    conditions: SessionMasks  # taken as true and never overwritten
    frames: list[int]  # to find the object in, ascending


def plan_propagation(
    session: AnnotationSession, object_id: int, current: int, direction: Direction, reach: Reach
) -> Plan:
    """Choose the conditions and the frames of a propagation.

    Conditions are the frame shown and every edited or accepted frame on the way. A checked
    frame without a mask is a condition too: it tells the model that the object is absent there.
    """
    if not session.mask(object_id, current).any():
        raise CorrectionError(
            "The object has no mask in this frame: paint or click it here first, then propagate."
        )
    checked = checked_frames(session, object_id)

    def on_the_way(frame: int) -> bool:
        return (frame > current and direction is not Direction.BACKWARDS) or (
            frame < current and direction is not Direction.FORWARDS
        )

    frames = [one for one in reach.frames(session) if on_the_way(one) and one not in checked]
    if not frames:
        raise CorrectionError(
            "No frame is left to propagate to: all of them are edited or accepted, "
            "or outside the chosen range."
        )
    on_way = [one for one in checked if on_the_way(one) and reach.holds(one)]
    return Plan(SessionMasks(session, object_id, [current, *on_way]), frames)


def checked_frames(session: AnnotationSession, object_id: int) -> set[int]:
    """Give the frames of an object that a person edited or accepted."""
    statuses = session.statuses(object_id)
    return {frame for frame, status in statuses.items() if status.by_person}


def frames_between(times: npt.NDArray[np.float64], start: float, stop: float) -> tuple[int, int]:
    """Give the first and the last frame shown between two times, in seconds.

    The times are rounded to hundredths, as a person types them. Where no frame is shown between
    them, the last index is smaller than the first.
    """
    first = int(np.searchsorted(times, start - ROUNDING))
    last = int(np.searchsorted(times, stop + ROUNDING, side="right")) - 1
    return first, last
