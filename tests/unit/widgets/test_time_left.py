from __future__ import annotations

import pytest

from napari_tavis.widgets.time_left import TimeLeft, describe_progress


def test_the_pace_so_far_tells_the_time_left() -> None:
    times = iter([0.0, 2.0, 6.0])
    left = TimeLeft(lambda: next(times))
    assert left.update(0, 10, "segmenting") is None
    assert left.update(1, 10, "segmenting") == pytest.approx(18.0)
    assert left.update(4, 10, "segmenting") == pytest.approx(9.0)


def test_another_kind_of_step_has_its_own_pace() -> None:
    times = iter([0.0, 1.0, 100.0, 101.0])
    left = TimeLeft(lambda: next(times))
    left.update(0, 10, "decoding")
    left.update(10, 10, "decoding")
    assert left.update(0, 5, "segmenting") is None
    assert left.update(1, 5, "segmenting") == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((0, 0, "loading the model", None), "Loading the model"),
        ((2, 5, "segmenting frames", None), "Segmenting frames · 2 of 5"),
        ((2, 5, "segmenting frames", 12.4), "Segmenting frames · 2 of 5 · about 12 s left"),
        ((2, 5, "segmenting frames", 200.0), "Segmenting frames · 2 of 5 · about 3 min left"),
        ((5, 5, "segmenting frames", 0.0), "Segmenting frames · 5 of 5"),
        ((0, 0, "", None), "Working"),
        ((120, 900, "downloading s4, MB", 5.0), "Downloading s4 · 120 of 900 MB · about 5 s left"),
    ],
)
def test_progress_in_one_line(arguments, line: str) -> None:
    assert describe_progress(*arguments) == line
