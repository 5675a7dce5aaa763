from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_tavis.widgets.navigation import FrameNavigation

TIMES = np.arange(20) / 10


@pytest.fixture
def viewer() -> ViewerModel:
    viewer = ViewerModel()
    viewer.add_image(np.zeros((20, 8, 9, 3), dtype=np.uint8), rgb=True)
    return viewer


@pytest.fixture
def navigation(viewer: ViewerModel) -> FrameNavigation:
    navigation = FrameNavigation(viewer)
    navigation.set_video(TIMES)
    navigation.set_sampled([3, 9, 15])
    return navigation


def test_the_frame_is_that_of_the_slider(viewer: ViewerModel, navigation: FrameNavigation) -> None:
    viewer.dims.set_current_step(0, 7)
    assert navigation.frame == 7
    navigation.go_to(12)
    assert viewer.dims.current_step[0] == 12


def test_the_frame_axis_is_the_third_last(viewer: ViewerModel, navigation: FrameNavigation) -> None:
    viewer.add_image(np.zeros((4, 20, 8, 9)))
    navigation.go_to(11)
    assert viewer.dims.current_step[1] == 11
    assert navigation.frame == 11


@pytest.mark.parametrize(
    ("frame", "before", "after"), [(0, None, 3), (3, None, 9), (10, 9, 15), (19, 15, None)]
)
def test_neighbouring_sampled_frames(
    navigation: FrameNavigation, frame: int, before: int | None, after: int | None
) -> None:
    navigation.go_to(frame)
    assert navigation.previous_sampled() == before
    assert navigation.next_sampled() == after


def test_the_time_is_on_the_canvas(viewer: ViewerModel, navigation: FrameNavigation) -> None:
    navigation.go_to(9)
    assert viewer.canvas.overlays.text.visible
    assert viewer.canvas.overlays.text.text == "0.90 s · sampled frame 2 of 3"
    navigation.go_to(10)
    assert viewer.canvas.overlays.text.text == "1.00 s · frame 11 of 20"


def test_a_move_is_told_once(viewer: ViewerModel, navigation: FrameNavigation) -> None:
    told: list[int] = []
    navigation.moved.connect(told.append)
    navigation.go_to(5)
    navigation.go_to(5)
    assert told == [5]


def test_without_a_video_there_is_no_time() -> None:
    viewer = ViewerModel()
    navigation = FrameNavigation(viewer)
    assert navigation.describe() == ""
    assert navigation.frame == 0
    assert navigation.next_sampled() is None
