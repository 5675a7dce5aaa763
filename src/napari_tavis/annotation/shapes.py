"""Repairing masks by their shape alone: what lies between two, holes, islands."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_tavis.annotation.masks import Mask

ISLAND_SHARE = 0.1  # of the area of the largest part, below which a part is an island

_TOUCHING = np.ones((3, 3), dtype=bool)  # pixels that meet at a corner belong together


def interpolate_masks(first: Mask, last: Mask, share: float) -> Mask:
    """Give the mask between two masks, (H, W), of an object, at a share of the way, 0 to 1.

    The object moves in a straight line from centroid to centroid. On the way its outline changes
    from the one to the other: the two masks, moved to the place in between, are turned into
    signed distances from their outlines, and these are averaged (Raya and Udupa, *Shape-based
    interpolation of multidimensional objects*, 1990). Where one mask is empty, the nearer of the
    two is given. Masks of different sizes, or any other share, are a `ValueError`.
    """
    if first.shape != last.shape:
        raise ValueError(f"masks of {first.shape} and {last.shape}")
    if not 0 <= share <= 1:
        raise ValueError(f"a share of {share}, which is not between 0 and 1")
    if not (first.any() and last.any()):
        return np.array(first if share < 0.5 else last, dtype=bool)
    begin, end = _Part(first), _Part(last)
    centre = (1 - share) * begin.centroid + share * end.centroid
    corners = [part.corner + np.round(centre - part.centroid).astype(int) for part in (begin, end)]
    low = np.minimum(*corners) - 1
    far = [corner + part.pixels.shape for corner, part in zip(corners, (begin, end), strict=True)]
    size = np.maximum(*far) + 1 - low
    inside = (1 - share) * begin.distances(corners[0] - low, size)
    inside += share * end.distances(corners[1] - low, size)
    return _place(inside > 0, low, first.shape)


def fill_holes(mask: Mask) -> Mask:
    """Fill what a mask encloses; what touches the picture's edge is not a hole."""
    result = np.array(mask, dtype=bool)
    if result.any():
        box = _bounding_box(result)
        result[box] = ndimage.binary_fill_holes(result[box])
    return result


def remove_islands(mask: Mask, smallest: float = ISLAND_SHARE) -> Mask:
    """Remove the parts of a mask that are smaller than a share of the largest one.

    With a share of 1 only that one is left.
    """
    result = np.array(mask, dtype=bool)
    if result.any():
        box = _bounding_box(result)
        parts, _ = ndimage.label(result[box], structure=_TOUCHING)
        areas = np.bincount(parts.ravel())
        areas[0] = 0
        result[box] &= (areas >= smallest * areas.max())[parts]
    return result


class _Part:
    """The part of a mask that its bounding box holds; `corner` is its upper left (row, column)."""

    def __init__(self, mask: Mask) -> None:
        box = _bounding_box(mask)
        self.pixels = mask[box]
        self.corner = np.array([side.start for side in box])
        self.centroid = self.corner + np.array(ndimage.center_of_mass(self.pixels))

    def distances(self, corner: npt.NDArray[np.int_], size: npt.NDArray[np.int_]) -> npt.NDArray:
        """Give signed distances from the outline, positive inside, on a canvas ``[h, w]``."""
        canvas = _place(self.pixels, corner, tuple(size))
        inside: npt.NDArray = ndimage.distance_transform_edt(canvas)
        return inside - ndimage.distance_transform_edt(~canvas)


def _bounding_box(mask: Mask) -> tuple[slice, slice]:
    """Give the rows and columns of what is inside a mask that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _place(pixels: Mask, corner: npt.NDArray[np.int_], size: tuple[int, ...]) -> Mask:
    """Put pixels on an empty canvas, as far as they lie on it."""
    canvas = np.zeros(size, dtype=bool)
    low = np.maximum(corner, 0)
    high = np.minimum(corner + pixels.shape, size)
    if np.all(low < high):
        source = tuple(slice(a, b) for a, b in zip(low - corner, high - corner, strict=True))
        target = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        canvas[target] = pixels[source]
    return canvas
