from __future__ import annotations

import pytest
import torch

from napari_tavis.model.decoding import (
    GUESS,
    INSIDE,
    KNOWN,
    LOWER_RIGHT,
    NO_POINT,
    OUTSIDE,
    UPPER_LEFT,
    paint_points,
)

SIZE = (40, 60)


def drawn(
    points: list[tuple[float, float]], labels: list[int], mask: float | None = None
) -> torch.Tensor:
    start = None if mask is None else torch.full((1, 1, *SIZE), mask)
    return paint_points(torch.tensor([points]), torch.tensor([labels]), start, SIZE)[0, 0]


def test_points_are_marked_where_they_are() -> None:
    drawing = drawn([(0.25, 0.5), (0.75, 0.5)], [INSIDE, OUTSIDE])
    assert drawing[20, 15] == KNOWN
    assert drawing[20, 45] == -KNOWN
    assert (drawing == KNOWN).float().mean() < 0.05


def test_what_is_guessed_falls_off_around_a_click() -> None:
    drawing = drawn([(0.25, 0.5)], [INSIDE])
    row = drawing[20, 15:]
    assert (row.diff() <= 0).all()
    assert row[-1] == -GUESS


def test_a_click_in_a_box_says_nothing_of_the_rest_of_it() -> None:
    drawing = drawn([(0.2, 0.2), (0.8, 0.8), (0.5, 0.5)], [UPPER_LEFT, LOWER_RIGHT, INSIDE])
    assert drawing[20, 30] == KNOWN
    assert drawing[10, 15] == 0


def test_only_clicks_outside_leave_the_rest_unknown() -> None:
    drawing = drawn([(0.5, 0.5)], [OUTSIDE])
    assert drawing[20, 30] == -KNOWN
    assert drawing[0, 0] == 0


def test_outside_a_box_is_outside() -> None:
    drawing = drawn([(0.25, 0.25), (0.75, 0.5)], [UPPER_LEFT, LOWER_RIGHT])
    assert (drawing[10:20, 15:45] == 0).all()
    assert drawing[:9].eq(-KNOWN).all()
    assert drawing[:, 46:].eq(-KNOWN).all()
    assert (drawing == 0).float().mean() == pytest.approx(0.5 * 0.25, abs=0.02)


def test_marks_overrule_the_mask_they_are_drawn_over() -> None:
    drawing = drawn([(0.5, 0.5), (0.0, 0.0)], [OUTSIDE, NO_POINT], mask=80.0)
    assert drawing[20, 30] == -KNOWN
    assert drawing[0, 0] == GUESS
