"""Frames, seconds and samples."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from napari_tavis.media import timebase

TIMES = [0.0, 0.04, 0.08, 0.5, 0.54]


@pytest.mark.parametrize(
    ("seconds", "frame"),
    [(-1.0, 0), (0.0, 0), (0.039, 0), (0.04, 1), (0.3, 2), (0.4999, 2), (0.5, 3), (9.0, 4)],
)
def test_a_frame_is_shown_until_the_next_one(seconds: float, frame: int) -> None:
    assert timebase.frame_at(TIMES, seconds) == frame


def test_every_frame_is_found_at_its_own_time_however_that_was_rounded() -> None:
    times = [float(Fraction(index * 1001, 30000)) for index in range(2000)]
    for index in range(2000):
        assert timebase.frame_at(times, index * (1001 / 30000)) == index
        assert timebase.frame_at(times, index / 29.97002997002997) == index


def test_many_frames_are_found_as_one_by_one() -> None:
    asked = np.linspace(-0.1, 0.7, 50)
    expected = [timebase.frame_at(TIMES, second) for second in asked]
    assert timebase.frames_at(TIMES, asked).tolist() == expected


def test_of_frames_shown_at_once_the_last_is_seen() -> None:
    assert timebase.frame_at([0.0, 1.0, 1.0, 2.0], 1.5) == 2


@pytest.mark.parametrize(("times", "seconds"), [([], 0.0), (TIMES, np.nan), (TIMES, np.inf)])
def test_senseless_questions_are_refused(times: list[float], seconds: float) -> None:
    with pytest.raises(ValueError, match=r"frames|finite"):
        timebase.frame_at(times, seconds)


def test_a_time_has_the_sample_nearest_to_it() -> None:
    for rate in (8_000, 16_000, 44_100):
        for sample in (0, 1, 77, 123_456_789):
            assert timebase.sample_at(sample / rate, rate) == sample
    assert timebase.sample_at(2.0) == 32_000


def test_windows_lie_as_in_the_release() -> None:
    np.testing.assert_allclose(timebase.window_starts(5, 5.0), [0, 0.75, 1.5, 2.25, 3])
    np.testing.assert_allclose(timebase.window_starts(10, 10.0)[[0, -1]], [0, 8])
    assert timebase.window_starts(1, 5.0).tolist() == [0.0]
    assert timebase.window_starts(0, 5.0).shape == (0,)


def test_windows_of_a_short_clip_all_begin_at_zero() -> None:
    assert timebase.window_starts(3, 1.2).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(("count", "duration"), [(-1, 5.0), (3, np.nan)])
def test_senseless_windows_are_refused(count: int, duration: float) -> None:
    with pytest.raises(ValueError, match="must"):
        timebase.window_starts(count, duration)


@pytest.mark.parametrize(
    "rate", [Fraction(25), Fraction(30), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(12)]
)
def test_the_usual_frame_rates_are_recognised_through_rounded_times(rate: Fraction) -> None:
    times = [round(float(index / rate), 3) for index in range(300)]  # as in Matroska
    assert timebase.frame_rate(times, float(300 / rate)) == rate


def test_the_rate_of_few_frames() -> None:
    assert timebase.frame_rate([0.0], 0.04) == 25
    assert timebase.frame_rate([0.0], 4.0) == Fraction(1, 4)
    assert timebase.frame_rate([], 0.0) == 1


def test_times_ascend_after_small_steps_back() -> None:
    assert timebase.ascending([0, 0.1, 0.3, 0.2, 0.4]).tolist() == [0, 0.1, 0.3, 0.3, 0.4]


def test_the_clock_runs_on_after_a_jump_back() -> None:
    times = timebase.ascending([5.0, 5.5, 6.0, 0.0, 0.5, 1.0])
    np.testing.assert_allclose(times, [5.0, 5.5, 6.0, 6.5, 7.0, 7.5])
