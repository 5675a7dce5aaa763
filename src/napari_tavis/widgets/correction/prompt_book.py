"""Prompts not confirmed yet, by object and frame, and the masks they gave. No Qt here."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from napari_tavis.annotation.masks import Mask
from napari_tavis.annotation.prompts import Prompts

NO_PROMPTS = Prompts()


class Spot(NamedTuple):
    """An object in a frame."""

    object_id: int
    frame: int


class PromptBook:
    """Keeps prompts until they are confirmed or dropped; each click can be undone.

    Nothing is lost by going to another frame or object in between: prompts wait where they were
    made.
    """

    def __init__(self) -> None:
        self._steps: dict[Spot, list[Prompts]] = {}  # the prompts after each click
        self._found: dict[Spot, tuple[Prompts, Mask]] = {}  # the mask, and what it answers

    def prompts(self, spot: Spot) -> Prompts:
        steps = self._steps.get(spot)
        return steps[-1] if steps else NO_PROMPTS

    def put(self, spot: Spot, prompts: Prompts) -> None:
        """Replace the prompts of an object in a frame, as a step to undo."""
        self._steps.setdefault(spot, []).append(prompts)
        self._forget_mask_of_nothing(spot)

    def undo(self, spot: Spot) -> bool:
        """Take the last click, box or mask back; return whether there was one."""
        steps = self._steps.get(spot)
        if not steps:
            return False
        steps.pop()
        self._forget_mask_of_nothing(spot)
        return True

    def drop(self, spot: Spot) -> None:
        self._steps.pop(spot, None)
        self._found.pop(spot, None)

    def clear(self) -> None:
        self._steps.clear()
        self._found.clear()

    def take_mask(self, spot: Spot, prompts: Prompts, mask: Mask) -> None:
        """Keep the mask that some prompts gave, unless all prompts were taken back meanwhile."""
        if not self.prompts(spot).empty:
            self._found[spot] = (prompts, mask)

    def mask(self, spot: Spot) -> Mask | None:
        """Give the latest mask found, which may still be that of earlier prompts."""
        found = self._found.get(spot)
        return None if found is None else found[1]

    def is_answered(self, spot: Spot) -> bool:
        """Whether the mask belongs to the prompts as they are now."""
        found = self._found.get(spot)
        # By identity: prompts that were undone and clicked again are asked for again.
        return found is not None and found[0] is self.prompts(spot)

    def frames(self, object_id: int) -> list[int]:
        """Give the frames in which prompts of an object wait, ascending."""
        spots = [spot for spot in self._steps if spot.object_id == object_id]
        return sorted(spot.frame for spot in spots if not self.prompts(spot).empty)

    def _forget_mask_of_nothing(self, spot: Spot) -> None:
        if self.prompts(spot).empty:
            self._found.pop(spot, None)


def with_point(prompts: Prompts, x: float, y: float, positive: bool, reach: float) -> Prompts:
    """Add a point at column x and row y, or remove the one that lies within reach (pixels)."""
    if prompts.points:
        distances = np.hypot(*(np.array(prompts.points) - (x, y)).T)
        nearest = int(distances.argmin())
        if distances[nearest] <= reach:
            return without_points(prompts, {nearest})
    return replace(prompts, points=(*prompts.points, (x, y)), labels=(*prompts.labels, positive))


def without_points(prompts: Prompts, indices: set[int]) -> Prompts:
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
