"""Masks between masks, holes and islands."""

from __future__ import annotations

import numpy as np
import pytest

from napari_tavis.annotation.masks import Mask, mask_overlap
from napari_tavis.annotation.shapes import fill_holes, interpolate_masks, remove_islands

SIZE = (120, 200)


def disc(row: float, column: float, radius: float, size: tuple[int, int] = SIZE) -> Mask:
    rows, columns = np.ogrid[: size[0], : size[1]]
    return np.asarray((rows - row) ** 2 + (columns - column) ** 2 <= radius**2)


def block(top: int, left: int, height: int, width: int) -> Mask:
    mask = np.zeros(SIZE, dtype=bool)
    mask[top : top + height, left : left + width] = True
    return mask


def test_what_moves_is_in_between_and_keeps_its_shape() -> None:
    first, last = disc(40, 30, 12), disc(60, 150, 12)  # far apart: they do not overlap
    for share in (0.25, 0.5, 0.75):
        expected = disc(40 + 20 * share, 30 + 120 * share, 12)
        assert mask_overlap(interpolate_masks(first, last, share), expected) > 0.93


def test_what_grows_has_a_size_in_between() -> None:
    between = interpolate_masks(disc(60, 60, 10), disc(60, 90, 30), 0.5)
    assert mask_overlap(between, disc(60, 75, 20)) > 0.93


def test_a_shape_goes_over_into_another() -> None:
    wide, tall = block(50, 60, 10, 60), block(30, 85, 60, 10)
    steps = [interpolate_masks(wide, tall, share) for share in np.linspace(0, 1, 6)]
    closeness = [mask_overlap(step, tall) for step in steps]
    assert closeness == sorted(closeness)
    assert all(step.any() for step in steps)


def test_the_ends_are_the_masks_themselves() -> None:
    first, last = disc(20, 30, 9) | disc(50, 40, 5), block(70, 90, 25, 40)
    given = first.copy()
    start, stop = interpolate_masks(first, last, 0), interpolate_masks(first, last, 1)
    assert np.array_equal(start, first)
    assert np.array_equal(stop, last)
    start[:] = True
    assert np.array_equal(first, given)


def test_masks_at_the_edge_and_over_the_whole_picture() -> None:
    whole = np.ones(SIZE, dtype=bool)
    assert interpolate_masks(whole, whole, 0.5).all()
    corner = interpolate_masks(disc(0, 0, 20), disc(119, 199, 20), 0.5)
    assert corner.shape == SIZE
    assert corner[60, 100]


def test_between_a_mask_and_none_the_nearer_counts() -> None:
    empty, mask = np.zeros(SIZE, dtype=bool), disc(60, 60, 20)
    assert np.array_equal(interpolate_masks(mask, empty, 0.4), mask)
    assert not interpolate_masks(mask, empty, 0.6).any()
    assert not interpolate_masks(empty, empty, 0.5).any()


def test_masks_of_other_sizes_and_shares_are_refused() -> None:
    with pytest.raises(ValueError, match="masks of"):
        interpolate_masks(disc(3, 3, 2), disc(3, 3, 2, (10, 10)), 0.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        interpolate_masks(disc(3, 3, 2), disc(3, 3, 2), 1.5)


def test_holes_are_filled_and_bays_are_not() -> None:
    ring = disc(60, 100, 30) & ~disc(60, 100, 12)
    assert np.array_equal(fill_holes(ring), disc(60, 100, 30))
    bay = ring & ~block(55, 70, 10, 30)
    assert np.array_equal(fill_holes(bay), bay)
    at_the_edge = disc(0, 100, 30) & ~disc(0, 100, 12)
    assert np.array_equal(fill_holes(at_the_edge), at_the_edge)
    assert not fill_holes(np.zeros(SIZE, dtype=bool)).any()


def test_islands_go_and_large_parts_stay() -> None:
    body, second, speck = disc(60, 50, 25), disc(60, 120, 15), disc(20, 180, 3)
    assert np.array_equal(remove_islands(body | second | speck), body | second)
    assert np.array_equal(remove_islands(body | second | speck, smallest=1), body)
    assert not remove_islands(np.zeros(SIZE, dtype=bool)).any()


def test_pixels_that_meet_at_a_corner_are_one_part() -> None:
    mask = block(10, 10, 10, 10) | block(20, 20, 1, 1)
    assert np.array_equal(remove_islands(mask), mask)


def test_repairs_leave_the_mask_given_as_it_is() -> None:
    mask = (disc(60, 60, 20) & ~disc(60, 60, 5)) | disc(10, 10, 2)
    given = mask.copy()
    fill_holes(mask)
    remove_islands(mask)
    assert np.array_equal(mask, given)
