"""Where each decoded block of sound lies on the picture's clock.

A container states the time of every block, but rounds it (to milliseconds in Matroska and flv, to
1/90000 s in transport streams), so that blocks set side by side by their times alone would have
clicks between them; a count of samples alone drifts away from the picture where packets were lost
or the recorder's clock was off. So blocks are collected into cells of five seconds by their times,
and within a cell into stretches of what was recorded without a break. Each stretch lies on the
straight line through its blocks' times: in almost all files that is where the sample count has
it anyway, and the samples are passed on as they are. Where the sound's clock runs at another
pace than the picture's, a stretch is drawn out or together by as much, less than one percent,
rather than cut: that can be seen in the picture of the sound, but not heard.

A cell is placed by its own blocks alone, so that reading may begin at any cell and gives the
same samples as reading the whole.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]  # sound [channels, samples]

CELL_SECONDS = 5.0  # blocks whose times lie in the same five seconds are placed together
_JUMP = 1.0  # seconds by which the clock must leave the sample count to be suspected of nonsense
_AHEAD = 8  # blocks within which a clock that stated nonsense is given the time to come back
# Seconds that may be missing or doubled between two blocks before it counts as a break.
_STEP = 0.004
_AROUND = 8  # blocks on either side of a break whose median time must show it too
_FASTEST = 0.008  # difference of pace, as a share, that a sound's clock is believed to have
_SLACK = 0.002  # seconds that a cell's clock may gain or lose before its pace is corrected
_OFF = 0.015  # seconds by which single times may miss the line that a stretch is laid on
_LOUD_SECONDS = 0.1  # length of the windows in which what exceeds full scale is turned down
_BEND = 0.2  # seconds at a stretch's start over which it is brought into line with the one before


@dataclass(slots=True)
class Block:
    """What a decoder gave at once."""

    time: float | None  # seconds on the picture's clock when it is first heard, as stated
    rate: int  # samples per second
    count: int  # samples, of each channel


B = TypeVar("B", bound=Block)


@dataclass(frozen=True)
class Piece:
    """Sound in its place: `start` is the number of its first sample, at its own rate."""

    start: int
    rate: int
    samples: Samples

    @property
    def stop(self) -> int:
        """The number of the sample after its last."""
        return self.start + self.samples.shape[1]


@dataclass(frozen=True)
class Grid:
    """Where blocks begin that all have a multiple of the same number of samples.

    With it a time that the container rounded is known to the sample.
    """

    origin: float
    step: int
    rate: int
    tolerance: float

    @classmethod
    def of(cls, blocks: Sequence[Block], tick: float) -> Grid | None:
        """Find the grid of a track's first blocks, whose times are rounded to `tick` seconds."""
        if len(blocks) < 4 or len({block.rate for block in blocks}) > 1:
            return None
        rate = blocks[0].rate
        # The first block may be short for what was cut off it, the last for the end.
        sizes = [block.count for block in blocks[1:-1]]
        step = int(np.gcd.reduce(sizes))
        tolerance = 1.5 * tick * rate + 1
        if step < 3 * tolerance or any(block.time is None for block in blocks):
            return None
        counts = np.cumsum([0, *sizes])
        begins = np.array([block.time for block in blocks[1:]]) * rate
        origin = float(np.mean(begins - counts))
        # The first time of all is seldom rounded, since most files begin at 0.
        first = (blocks[0].time or 0.0) * rate + blocks[0].count
        return cls(first if abs(first - origin) < tolerance else origin, step, rate, tolerance)

    def snap(self, position: float, sizes: npt.NDArray[np.int64], rate: int) -> float:
        """Put a stretch of blocks where the grid has it, if the grid is anywhere near."""
        if rate != self.rate or (sizes[1:-1] % self.step).any():
            return position
        first = int(sizes[0]) if sizes.size > 1 else 0
        steps = round((position + first - self.origin) / self.step)
        snapped = self.origin + steps * self.step - first
        return snapped if abs(snapped - position) <= self.tolerance else position


def with_times(blocks: Iterable[B]) -> Iterator[B]:
    """Give every block, in the file's order, a time that can be believed.

    A block without a time, or with one far from those around it, follows on the one before. A
    clock that starts again, as in files joined end to end, runs on.
    """
    waiting: deque[B] = deque()
    end: float | None = None
    shift = 0.0  # seconds from the file's clock to one that never starts again
    for given in chain(blocks, [None]):
        if given is not None:
            waiting.append(given)
        while waiting:
            block = waiting[0]
            time = None if block.time is None else block.time + shift
            if end is None:
                end = time or 0.0
            if time is None:
                time = end
            elif abs(time - end) > _JUMP:
                if _comes_back(waiting, end - shift):
                    time = end
                elif given is not None and len(waiting) <= _AHEAD:
                    break  # until more blocks show which it is
                elif time < end:
                    shift += end - time
                    time = end
                # else there is a gap in the sound
            block.time = time
            end = time + block.count / block.rate
            yield waiting.popleft()


def _comes_back(waiting: Iterable[Block], expected: float) -> bool:
    """Say whether a later block is where the count of samples expects it."""
    for block in waiting:
        if block.time is not None and abs(block.time - expected) < _JUMP:
            return True
        expected += block.count / block.rate
    return False


def cells(blocks: Iterable[B]) -> Iterator[tuple[int, list[B]]]:
    """Collect the blocks of each five seconds, with the number of the cell."""
    number: int | None = None
    collected: list[B] = []
    for block in blocks:
        own = math.floor((block.time or 0.0) / CELL_SECONDS)
        if number is None or own > number:
            if number is not None:
                yield number, collected
            number, collected = own, []
        collected.append(block)
    if number is not None:
        yield number, collected


class Placer:
    """Puts the sound of one cell after another in its place."""

    def __init__(self, grid: Grid | None) -> None:
        self._grid = grid
        self._end: float | None = None
        self._rate = 0

    def place(self, blocks: Sequence[Block], samples: Samples) -> Iterator[Piece]:
        """Place successive blocks of one rate, and their mixed sound ``[channels, n]``."""
        rate = blocks[0].rate
        sizes = np.array([block.count for block in blocks], dtype=np.int64)
        times = np.array([block.time for block in blocks], dtype=np.float64) * rate
        stops = np.cumsum(sizes)
        for first, last in _unbroken(times, sizes, rate):
            own, pace = _line(times[first:last], sizes[first:last], rate)
            if pace == 0.0 and self._grid is not None:
                own = self._grid.snap(own, sizes[first:last], rate)
            part = samples[:, stops[first] - sizes[first] : stops[last - 1]]
            piece = self._join(part, own, pace, rate)
            if piece.samples.shape[1]:
                yield piece

    def _join(self, samples: Samples, own: float, pace: float, rate: int) -> Piece:
        """Lay a stretch on its line, from where the one before ended.

        `own` is where its line begins, in samples, and `pace` how much slower than its rate it
        runs, as a share.
        """
        count = samples.shape[1]
        if pace == 0.0:
            own = float(round(own))
        end = own if self._end is None else self._end * (rate / self._rate if self._rate else 1)
        same_rate = self._rate in (0, rate)
        self._rate = rate
        stop = own + (1 + pace) * count
        off = end - own
        self._end = max(stop, end)
        if off >= stop - own:  # all of it was heard before
            return Piece(round(end), rate, samples[:, :0])
        bent = off != 0.0 and abs(off) <= _STEP * rate and same_rate
        if pace == 0.0 and not bent:
            # What overlaps the sound before is left out.
            skipped = max(0, math.ceil(off - 0.5))
            return Piece(int(own) + skipped, rate, samples[:, skipped:])
        # Resample along two straight lines: from where the sound before ended to the stretch's own
        # line, and on along that.
        bend = min(_BEND * rate, count / 2)
        knots = np.array([0.0, bend, count])
        places = own + (1 + pace) * knots + np.array([off if bent else 0.0, 0.0, 0.0])
        first = math.ceil((places[0] if bent else max(places[0], end)) - 1e-6)
        wanted = np.arange(first, math.ceil(places[-1] - 1e-6))
        return Piece(first, rate, _between(samples, np.interp(wanted, places, knots)))


class Limiter:
    """Turns down what exceeds full scale, so that it keeps its form instead of being clipped.

    The gain depends on the loudest samples of windows (`loud_window`) around a place. Let the first
    sample be that of a window, counted from the clip's beginning: then, from the third window on,
    each sample is the same wherever reading began. `loudest` is the greatest sample so far.
    """

    AROUND = 2  # windows before and after a sample on which its gain may depend

    def __init__(self, channels: int, window: int) -> None:
        self.loudest = 0.0
        self._window = window
        self._waiting = np.zeros((0, channels), dtype=np.float32)
        # Of the windows before what waits, and of those in it.
        self._peaks = np.zeros(self.AROUND)

    def limit(self, parts: Iterable[npt.NDArray[np.float32]]) -> Iterator[npt.NDArray[np.float32]]:
        """Pass sound ``[n, channels]`` on, each part when it is known what comes soon after."""
        for samples in parts:
            joined = [self._waiting, samples] if len(self._waiting) else [samples]
            self._waiting = np.concatenate(joined)
            whole = len(self._waiting) // self._window
            yield self._given(whole, max(0, whole - self.AROUND))
        count = math.ceil(len(self._waiting) / self._window)
        yield self._given(count, count)  # what is left, as before silence

    def _given(self, known: int, count: int) -> npt.NDArray[np.float32]:
        """Give `count` windows, when the peaks of `known` of those that wait can be measured."""
        size = self._window
        new = self._waiting[(self._peaks.size - self.AROUND) * size : known * size]
        if len(new):
            peaks = np.maximum.reduceat(np.abs(new).max(axis=1), np.arange(0, len(new), size))
            self.loudest = max(self.loudest, float(peaks.max()))
            self._peaks = np.concatenate([self._peaks, peaks])
        given, self._waiting = self._waiting[: count * size], self._waiting[count * size :]
        peaks = np.pad(self._peaks, (0, self.AROUND))[: count + 2 * self.AROUND]
        self._peaks = self._peaks[count:]
        if not len(given) or peaks.max() <= 1.0:
            return given
        around = np.maximum(np.maximum(peaks[:-2], peaks[1:-1]), peaks[2:])
        middles = (np.arange(around.size) - 0.5) * size
        gain = np.interp(np.arange(len(given)), middles, 1 / np.maximum(1.0, around))
        # The clip only removes the rounding of the product.
        return np.clip(given * gain[:, None].astype(np.float32), -1.0, 1.0)


def loud_window(rate: int) -> int:
    """Give the samples that are turned down together."""
    return max(1, round(_LOUD_SECONDS * rate))


def _unbroken(
    times: npt.NDArray[np.float64], sizes: npt.NDArray[np.int64], rate: int
) -> Iterator[tuple[int, int]]:
    """Divide blocks where sound is missing or doubled between two of them."""
    offsets = times - (np.cumsum(sizes) - sizes)
    steps = np.abs(np.diff(offsets))
    noise = 4 * float(np.median(steps)) if steps.size else 0.0
    threshold = max(_STEP * rate, noise)
    breaks = [
        place + 1
        for place in np.flatnonzero(steps > threshold).tolist()
        if abs(
            float(np.median(offsets[place + 1 : place + 1 + _AROUND]))
            - float(np.median(offsets[max(0, place + 1 - _AROUND) : place + 1]))
        )
        > threshold
    ]
    for first, last in zip([0, *breaks], [*breaks, len(times)], strict=True):
        own, pace = _fit(times[first:last], sizes[first:last])
        counts = np.cumsum(sizes[first:last]) - sizes[first:last]
        missed = np.abs(times[first:last] - own - (1 + pace) * counts).max()
        if abs(pace) <= _FASTEST and missed <= _OFF * rate:
            yield first, last
            continue
        # No line fits: each block that is not where the count has it is put by its own time.
        inner = first + 1 + np.flatnonzero(steps[first : last - 1] > _STEP * rate)
        yield from zip([first, *inner.tolist()], [*inner.tolist(), last], strict=True)


def _fit(times: npt.NDArray[np.float64], sizes: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Lay a line through times over the count of samples: its beginning, and its pace less 1."""
    if times.size < 2:
        return float(times[0]), 0.0
    counts = (np.cumsum(sizes) - sizes).astype(np.float64)
    offsets = times - counts
    middle, mean = counts.mean(), offsets.mean()
    spread = float(((counts - middle) ** 2).sum())
    pace = float(((counts - middle) * (offsets - mean)).sum()) / spread if spread else 0.0
    return float(mean - pace * middle), pace


def _line(
    times: npt.NDArray[np.float64], sizes: npt.NDArray[np.int64], rate: int
) -> tuple[float, float]:
    """Give a stretch's line: where it begins, and how much slower than its rate it runs."""
    own, pace = _fit(times, sizes)
    if abs(pace) * float(sizes.sum()) > _SLACK * rate and abs(pace) <= _FASTEST:
        return own, pace
    offsets = times - (np.cumsum(sizes) - sizes)
    middle = float(np.median(offsets))
    near = offsets[np.abs(offsets - middle) <= _OFF * rate]
    return float(near.mean()) if near.size else middle, 0.0


def _between(samples: Samples, places: npt.NDArray[np.float64]) -> Samples:
    """Read sound between its samples, by the cubic through the four around each place."""
    count = samples.shape[1]
    whole = np.floor(places).astype(np.int64)
    part = (places - whole).astype(np.float32)
    before, at, after, later = (
        samples[:, np.clip(whole + shift, 0, count - 1)] for shift in (-1, 0, 1, 2)
    )
    slope = 0.5 * (after - before)
    next_slope = 0.5 * (later - at)
    rise = after - at
    bend = 3 * rise - 2 * slope - next_slope
    result: Samples = at + part * (slope + part * (bend + part * (slope + next_slope - 2 * rise)))
    return result.astype(np.float32, copy=False)
