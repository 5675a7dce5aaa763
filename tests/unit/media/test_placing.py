"""Where blocks of sound are laid, by times that are rounded, missing, absurd or off."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from napari_tavis.media.placing import (
    Block,
    Grid,
    Limiter,
    Piece,
    Placer,
    cells,
    loud_window,
    with_times,
)

RATE, SIZE = 48_000, 960


def blocks(times: Sequence[float | None], size: int = SIZE) -> list[Block]:
    return [Block(time, RATE, size) for time in times]


def regular(count: int, begin: float = 0.0) -> list[float]:
    return [begin + number * SIZE / RATE for number in range(count)]


def ramp(count: int) -> np.ndarray:
    """A sound that tells which sample it is."""
    return np.arange(count * SIZE, dtype=np.float32)[None]


def place(times: Sequence[float | None], grid: Grid | None = None) -> list[Piece]:
    placer, found, sound, at = Placer(grid), [], ramp(len(times)), 0
    for _, cell in cells(with_times(blocks(times))):
        found += placer.place(cell, sound[:, at : at + len(cell) * SIZE])
        at += len(cell) * SIZE
    return found


def times_of(given: Sequence[float | None]) -> list[float | None]:
    return [block.time for block in with_times(blocks(given))]


def test_a_block_without_a_time_follows_on_the_one_before() -> None:
    assert times_of([1.0, None, None, 1.06]) == pytest.approx([1.0, 1.02, 1.04, 1.06])


@pytest.mark.parametrize("nonsense", [81_920.0, -500.0, 7.0])
def test_times_that_are_nonsense_for_a_while_are_passed_over(nonsense: float) -> None:
    true = regular(100)
    given = [time + nonsense if 40 <= number < 43 else time for number, time in enumerate(true)]
    assert times_of(given) == pytest.approx(true)


def test_a_clock_that_starts_again_runs_on() -> None:
    given = [*regular(500), *regular(500)]
    assert times_of(given) == pytest.approx(regular(1000))


def test_a_gap_is_left_open_also_a_long_one() -> None:
    given = [*regular(100), *regular(100, 50.0)]
    first, *rest = place(given)
    assert (first.start, first.stop) == (0, 100 * SIZE)
    assert rest[0].start == 50 * RATE


def test_rounded_times_change_no_sample() -> None:
    given = [round(time, 3) for time in regular(1000, 0.0107)]
    grid = Grid.of(blocks(given[:12]), 0.001)
    pieces = place(given, grid)
    for before, after in pairwise(pieces):
        assert after.start == before.stop
    np.testing.assert_array_equal(np.concatenate([p.samples for p in pieces], 1), ramp(1000))
    assert pieces[0].start == pytest.approx(0.0107 * RATE, abs=0.0006 * RATE)


def test_each_cell_is_placed_alike_wherever_reading_begins() -> None:
    rng = np.random.default_rng(1)
    given = [time * 1.001 + rng.uniform(-0.002, 0.002) for time in regular(1500)]
    whole = place(given)
    second = next(n for n, time in enumerate(given) if time >= 5.0)
    third = next(n for n, time in enumerate(given) if time >= 10.0)
    later = place(given[second:])
    begin = max(p.start for p in whole if p.start <= given[third] * RATE + 500)
    one = next(p for p in whole if p.start == begin)
    other = next(p for p in later if p.start == begin)
    np.testing.assert_allclose(one.samples - second * SIZE, other.samples, atol=0.01)


def test_a_slow_clock_draws_the_sound_out_evenly() -> None:
    given = [time * 1.002 for time in regular(500)]
    (first, *_) = place(given)
    steps = np.diff(first.samples[0])
    assert steps == pytest.approx(np.full(steps.size, 1 / 1.002), abs=0.04)


def test_doubled_sound_is_left_out() -> None:
    given = [*regular(100), *regular(100, 1.8)]
    first, second = place(given)
    assert (first.stop, second.start) == (2 * RATE, 2 * RATE)
    assert second.samples[0, 0] == 110 * SIZE


def test_a_loud_place_is_turned_down_and_nothing_far_from_it() -> None:
    sound = np.full((1, 5 * RATE), 0.5, dtype=np.float32)
    sound[0, 2 * RATE : 2 * RATE + 100] = 4.0
    limiter = Limiter(1, loud_window(RATE))
    quiet = np.concatenate(list(limiter.limit([sound.T])))[:, 0]
    assert np.abs(quiet).max() <= 1.0
    assert (quiet[: round(1.7 * RATE)] == 0.5).all()
    assert (quiet[round(2.3 * RATE) :] == 0.5).all()
