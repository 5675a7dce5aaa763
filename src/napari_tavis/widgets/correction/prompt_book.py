"""Prompts that are not confirmed yet, by object and frame, and the masks they gave. No Qt here."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from napari_tavis.annotation.masks import Mask
from napari_tavis.annotation.prompts import Prompts

NO_PROMPTS = Prompts()
"""Nothing said yet."""


class Spot(NamedTuple):
    """An object in a frame."""

    object_id: int
    frame: int


class PromptBook:
    """Keeps what was clicked until it is confirmed or dropped, each click undoable.

    Nothing is lost by looking at another frame or object in between: prompts wait where they
    were made.
    """

    def __init__(self) -> None:
        self._steps: dict[Spot, list[Prompts]] = {}
        self._found: dict[Spot, tuple[Prompts, Mask]] = {}

    def prompts(self, spot: Spot) -> Prompts:
        """Give what is said now of an object in a frame."""
        steps = self._steps.get(spot)
        return steps[-1] if steps else NO_PROMPTS

    def put(self, spot: Spot, prompts: Prompts) -> None:
        """Say something new, undoable."""
        self._steps.setdefault(spot, []).append(prompts)
        self._forget_mask_of_nothing(spot)

    def undo(self, spot: Spot) -> bool:
        """Take the last thing said back; tell whether there was one."""
        steps = self._steps.get(spot)
        if not steps:
            return False
        steps.pop()
        self._forget_mask_of_nothing(spot)
        return True

    def drop(self, spot: Spot) -> None:
        """Forget all that was said of an object in a frame."""
        self._steps.pop(spot, None)
        self._found.pop(spot, None)

    def clear(self) -> None:
        """Forget everything."""
        self._steps.clear()
        self._found.clear()

    def take_mask(self, spot: Spot, prompts: Prompts, mask: Mask) -> None:
        """Keep the mask that some prompts gave; passed over where nothing is said any more."""
        if not self.prompts(spot).empty:
            self._found[spot] = (prompts, mask)

    def mask(self, spot: Spot) -> Mask | None:
        """Give the latest mask found; perhaps that of the prompts before the last click."""
        found = self._found.get(spot)
        return None if found is None else found[1]

    def is_answered(self, spot: Spot) -> bool:
        """Whether the mask is that of all that is said now."""
        found = self._found.get(spot)
        return found is not None and found[0] is self.prompts(spot)

    def frames(self, object_id: int) -> list[int]:
        """Give the frames in which something waits for an object, ascending."""
        spots = [spot for spot in self._steps if spot.object_id == object_id]
        return sorted(spot.frame for spot in spots if not self.prompts(spot).empty)

    def _forget_mask_of_nothing(self, spot: Spot) -> None:
        if self.prompts(spot).empty:
            self._found.pop(spot, None)


def with_point(prompts: Prompts, x: float, y: float, positive: bool, reach: float) -> Prompts:
    """Add a point; one clicked again is removed.

    Parameters
    ----------
    prompts : Prompts
        What is said so far.
    x, y : float
        Column and row of the click, in video pixels.
    positive : bool
        Whether the object is there.
    reach : float
        Distance in video pixels within which a click means an earlier point.
    """
    if prompts.points:
        distances = np.hypot(*(np.array(prompts.points) - (x, y)).T)
        nearest = int(distances.argmin())
        if distances[nearest] <= reach:
            return without_points(prompts, {nearest})
    return replace(prompts, points=(*prompts.points, (x, y)), labels=(*prompts.labels, positive))


def without_points(prompts: Prompts, indices: set[int]) -> Prompts:
    """Remove some points."""
    kept = [index for index in range(len(prompts.points)) if index not in indices]
    return replace(
        prompts,
        points=tuple(prompts.points[index] for index in kept),
        labels=tuple(prompts.labels[index] for index in kept),
    )


def with_box(
    prompts: Prompts, corner: tuple[float, float], opposite: tuple[float, float]
) -> Prompts:
    """Set the box from two opposite corners, ``(x, y)`` in video pixels."""
    (x0, x1), (y0, y1) = (sorted(pair) for pair in zip(corner, opposite, strict=True))
    return replace(prompts, box=(x0, y0, x1, y1))
