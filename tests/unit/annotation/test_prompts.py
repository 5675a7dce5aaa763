"""What a person shows, in the model's terms."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from napari_tavis.annotation.prompts import Prompts
from napari_tavis.core.errors import InferenceError

SIZE = (90, 120)


def test_clicks_are_shares_of_the_picture_from_its_edge() -> None:
    prompts = Prompts(
        points=((-0.5, -0.5), (59.5, 44.5), (119.5, 89.5)), labels=(True, False, True)
    )
    assert prompts.shares(SIZE) == [(0, 0, 1), (0.5, 0.5, 0), (1, 1, 1)]


@pytest.mark.parametrize("box", [(29.5, 8.5, 59.5, 44.5), (59.5, 8.5, 29.5, 44.5)])
def test_a_box_has_its_upper_left_corner_first_however_it_was_drawn(box: tuple) -> None:
    assert Prompts(box=box).shares(SIZE) == [(0.25, 0.1, 2), (0.5, 0.5, 3)]


def test_a_box_comes_before_the_clicks() -> None:
    prompts = Prompts(((59.5, 44.5),), (True,), (29.5, 8.5, 59.5, 44.5))
    assert [label for _, _, label in prompts.shares(SIZE)] == [2, 3, 1]


def test_a_box_is_cut_at_the_picture_s_edge() -> None:
    assert Prompts(box=(-40, 44.5, 59.5, 500)).shares(SIZE) == [(0, 0.5, 2), (0.5, 1, 3)]


def test_places_outside_the_picture_are_explained() -> None:
    with pytest.raises(InferenceError, match="outside the picture"):
        Prompts(points=((130, 20),), labels=(True,)).shares(SIZE)
    with pytest.raises(InferenceError, match="no area"):
        Prompts(box=(-20, 5, -10, 50)).shares(SIZE)


def test_whether_anything_was_shown() -> None:
    assert Prompts().empty
    assert Prompts(mask=np.zeros(SIZE, dtype=bool)).empty
    assert not Prompts(points=((3, 3),), labels=(False,)).empty
    assert not Prompts(mask=np.ones(SIZE, dtype=bool)).empty


def test_every_click_has_a_label() -> None:
    with pytest.raises(ValueError, match="1 points with 0 labels"):
        Prompts(points=((3, 3),))


def test_prompts_and_shapes_need_no_torch() -> None:
    code = (
        "import sys; import napari_tavis.annotation.prompts, napari_tavis.annotation.shapes, "
        "napari_tavis.annotation.masks; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
