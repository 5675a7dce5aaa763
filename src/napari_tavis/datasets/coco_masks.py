"""COCO's masks: run lengths, compressed or not, and polygons, checked before they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt
from pycocotools import mask as rle

from napari_tavis.annotation.masks import Mask
from napari_tavis.core.errors import SegmentationError

Size: TypeAlias = tuple[int, int]  # height and width in pixels

_MARGIN = 0.25  # how far a polygon may reach out of the picture, as a share of its longer side
# Pixels along all polygons of a mask: the library keeps some hundred bytes for each of them.
_LONGEST_OUTLINE = 1 << 21
_HUGE = 1e18  # beyond any coordinate or id, and still within int64
# Most letters of one compressed run length, 5 bits each: no picture has runs longer than 2^29.
_DIGITS = 6


def encode_rle(mask: Mask) -> dict[str, object]:
    """Encode a mask, bool (H, W), as COCO's compressed run lengths."""
    encoded = rle.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(side) for side in encoded["size"]], "counts": encoded["counts"].decode()}


def decode_segmentation(
    segmentation: object, size: Size, number: object, *, drawn_on: Size | None = None
) -> Mask:
    """Decode a COCO mask, run lengths or polygons, to bool (H, W) of the given size.

    `segmentation` is as the file has it, unchecked. Polygons drawn on a picture of another size,
    `drawn_on`, are scaled; the proportions must be the same. `number` is the annotation's, for the
    message. Raises `SegmentationError` if it is not a mask, or one of another size.
    """
    try:
        if isinstance(segmentation, dict):
            return _from_runs(segmentation, size)
        if isinstance(segmentation, list):
            return _from_polygons(segmentation, size, drawn_on or size)
        raise SegmentationError("it is neither run lengths nor polygons")
    except SegmentationError as error:
        raise SegmentationError(
            f"The mask of annotation {number} cannot be read ({error}): correct it."
        ) from None


def is_number(value: object) -> TypeGuard[int | float]:
    """Say whether a value from a JSON file is a finite number; a truth value is not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _HUGE


# Run lengths


def _from_runs(segmentation: dict[str, object], size: Size) -> Mask:
    declared = segmentation.get("size")
    if not (
        isinstance(declared, list)
        and len(declared) == 2
        and all(is_number(side) for side in declared)
    ):
        raise SegmentationError("its run lengths have no size")
    if declared != list(size):
        raise SegmentationError(
            f"it is a mask of {declared[1]:g} x {declared[0]:g} pixels, but the video has "
            f"{size[1]} x {size[0]}"
        )
    pixels = size[0] * size[1]
    runs = _run_lengths(segmentation.get("counts"), pixels)
    if runs.min(initial=0) < 0 or runs.max(initial=0) > pixels or runs.sum() != pixels:
        raise SegmentationError("its runs do not fill the picture")
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return np.ascontiguousarray(flat.reshape(size[1], size[0]).T)  # columns come one by one


def _run_lengths(counts: object, pixels: int) -> npt.NDArray[np.int64]:
    """Read the counts, int64 (n,), of any value within 60 bits."""
    if isinstance(counts, str):
        return _decompressed(counts, pixels)
    if not isinstance(counts, list):
        raise SegmentationError("its run lengths are neither a list nor text")
    if len(counts) > 2 * pixels + 2:
        raise SegmentationError("it has more runs than the picture has pixels")
    if not all(is_number(run) and run == int(run) and abs(run) <= pixels for run in counts):
        raise SegmentationError("its runs are not whole numbers of pixels")
    return np.array(counts, dtype=np.int64)


def _decompressed(text: str, pixels: int) -> npt.NDArray[np.int64]:
    """Undo COCO's compression of run lengths.

    Each letter holds 5 bits, lowest first, and a sixth that says whether more follow; from the
    fourth run on, what is stored is the difference to the run before last.
    """
    if len(text) > _DIGITS * (2 * pixels + 2):
        raise SegmentationError("its run lengths are longer than the picture")
    try:
        letters = np.frombuffer(text.encode("ascii"), dtype=np.uint8).astype(np.int64) - 48
    except UnicodeEncodeError:
        raise SegmentationError("its run lengths contain letters without a meaning") from None
    if letters.min(initial=0) < 0 or letters.max(initial=0) > 63:
        raise SegmentationError("its run lengths contain letters without a meaning")
    ends = np.flatnonzero(letters < 32)  # the sixth bit says that more letters follow
    if not len(letters) or not len(ends) or ends[-1] != len(letters) - 1:
        raise SegmentationError("its run lengths break off")
    starts = np.concatenate(([0], ends[:-1] + 1))
    digits = ends - starts + 1
    if digits.max() > _DIGITS:
        raise SegmentationError("its runs are longer than the picture")
    places = np.arange(len(letters)) - np.repeat(starts, digits)
    # The five bits of each letter, moved to their place and summed number by number.
    runs = np.add.reduceat((letters & 31) << (5 * places), starts)
    runs -= np.where(letters[ends] & 16, np.int64(1) << (5 * digits), 0)  # the sign
    # Undo the differences, which are to the run before last: one chain of odd runs, one of even.
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return runs


# Polygons


def _from_polygons(polygons: Sequence[object], size: Size, drawn_on: Size) -> Mask:
    height, width = size
    scale = _scale(drawn_on, size)
    if not polygons:
        raise SegmentationError("it is empty")
    checked = [_points(polygon, drawn_on) * scale for polygon in polygons]
    # The longer of dx and dy of every edge: the pixels that the library walks along.
    outline = sum(
        float(np.abs(points - np.roll(points, 1, axis=0)).max(axis=1).sum()) for points in checked
    )
    if outline > _LONGEST_OUTLINE:
        raise SegmentationError("its outline is longer than any that could be drawn")
    parts = rle.frPyObjects([points.ravel().tolist() for points in checked], height, width)
    return np.asarray(rle.decode(rle.merge(parts)), dtype=bool)


def _scale(drawn_on: Size, size: Size) -> npt.NDArray[np.float64]:
    """Return the factors for x and y; the proportions may be off by a pixel of rounding."""
    (height, width), (tall, wide) = drawn_on, size
    if drawn_on != size:
        shrunk = min(height, tall), min(width, wide)
        grown = max(height, tall), max(width, wide)
        off = abs(shrunk[0] - grown[0] * shrunk[1] / grown[1])
        across = abs(shrunk[1] - grown[1] * shrunk[0] / grown[0])
        if shrunk not in (drawn_on, size) or min(off, across) > 1:
            raise SegmentationError(
                f"it was drawn on a picture of {width} x {height} pixels, whose proportions are "
                f"not those of the video, {wide} x {tall}"
            )
    return np.array([wide / width, tall / height])


def _points(polygon: object, size: Size) -> npt.NDArray[np.float64]:
    """Check one polygon and return its points, float64 (n, 2)."""
    if not isinstance(polygon, list) or not all(is_number(value) for value in polygon):
        raise SegmentationError("its polygons must be lists of finite numbers")
    if len(polygon) < 6 or len(polygon) % 2:
        raise SegmentationError(f"a polygon has three points or more, not {len(polygon)} numbers")
    points = np.array(polygon, dtype=np.float64).reshape(-1, 2)
    margin = max(1.0, _MARGIN * max(size))
    if (points < -margin).any() or (points > np.array(size[::-1]) + margin).any():
        far = points[np.abs(points).max(axis=1).argmax()]
        raise SegmentationError(
            f"its point ({far[0]:g}, {far[1]:g}) lies outside the picture of "
            f"{size[1]} x {size[0]} pixels"
        )
    return points
