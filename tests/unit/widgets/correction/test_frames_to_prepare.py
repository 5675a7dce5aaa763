from __future__ import annotations

from napari_tavis.widgets.correction.prompting import frames_to_prepare


def test_the_frame_shown_comes_first_then_where_a_person_goes_next() -> None:
    assert frames_to_prepare(5, [1, 4, 7, 10], 12) == [5, 7, 4, 6]


def test_the_ends_of_the_video_have_one_side_only() -> None:
    assert frames_to_prepare(0, [0, 1], 2) == [0, 1]
    assert frames_to_prepare(11, [1, 4], 12) == [11, 4, 10]
