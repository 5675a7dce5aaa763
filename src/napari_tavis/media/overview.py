"""The peaks and the log-mel picture of a whole soundtrack, to be looked at from any distance."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_tavis.media.peaks import BUCKETS_PER_SECOND, COLUMNS_PER_SECOND, SoundChunk
from napari_tavis.media.spectrogram import MEL_BINS

_FACTOR = 4
"""How many values of a level make one of the next."""

_SMALLEST = 1024
"""A level with fewer values than this is not made coarser."""


class SoundOverview:
    """Keeps what `scan_soundtrack` gives, and gives as much of it as a picture has columns.

    Coarser levels are kept beside the finest one, so that two hours are drawn as quickly as
    five seconds. Reading while another thread adds is harmless: it sees a part of a chunk.

    Parameters
    ----------
    duration : float
        Length of the soundtrack in seconds.
    buckets_per_second : int
        Peaks per second of the chunks.

    Attributes
    ----------
    duration : float
        Length of the soundtrack in seconds.
    known : float
        Seconds from the beginning that are filled in.
    """

    def __init__(self, duration: float, buckets_per_second: int = BUCKETS_PER_SECOND) -> None:
        self.duration = duration
        self.known = 0.0
        self._buckets = buckets_per_second
        count = int(np.ceil(duration * buckets_per_second)) + 1
        columns = int(np.ceil(duration * COLUMNS_PER_SECOND)) + 1
        self._low = _Levels((count,), np.float32, np.minimum)
        self._high = _Levels((count,), np.float32, np.maximum)
        self._mel = _Levels((MEL_BINS, columns), np.uint8, np.maximum)
        self._histogram = np.zeros(256, dtype=np.int64)

    def add(self, chunk: SoundChunk) -> None:
        """Take in a chunk."""
        at = round(chunk.start * self._buckets)
        self._low.write(at, chunk.low)
        self._high.write(at, chunk.high)
        self._mel.write(round(chunk.start * COLUMNS_PER_SECOND), chunk.mel)
        self._histogram += np.bincount(chunk.mel.ravel(), minlength=256)
        self.known = chunk.stop

    def waveform(
        self, start: float, stop: float, columns: int
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Give the peaks of a stretch.

        Parameters
        ----------
        start, stop : float
            The stretch in seconds; what lies outside the soundtrack is left out.
        columns : int
            How many are wanted at least, where there are so many.

        Returns
        -------
        tuple of ndarray, each of shape (n,)
            The middles of the buckets in seconds, and their least and greatest samples.
        """
        stop = min(stop, self.known)
        first, last = start * self._buckets, stop * self._buckets
        begin, step, low = self._low.read(first, last, columns)
        _, _, high = self._high.read(first, last, columns)
        times = (begin + np.arange(low.size) + 0.5) * (step / self._buckets)
        return np.minimum(times, self.known), low, high

    def mel(
        self, start: float, stop: float, columns: int
    ) -> tuple[float, float, npt.NDArray[np.uint8]]:
        """Give the log-mel picture of a stretch.

        Parameters
        ----------
        start, stop : float
            The stretch in seconds; what lies outside the soundtrack is left out.
        columns : int
            How many are wanted at least, where there are so many.

        Returns
        -------
        tuple of float, float and ndarray of uint8, shape (128, n)
            Where the picture begins and ends in seconds (a little beyond what was asked for),
            and the picture, lowest bin first.
        """
        stop = min(stop, self.known)
        first, last = start * COLUMNS_PER_SECOND, stop * COLUMNS_PER_SECOND
        begin, step, picture = self._mel.read(first, last, columns)
        seconds = step / COLUMNS_PER_SECOND
        return begin * seconds, (begin + picture.shape[1]) * seconds, picture

    def mel_range(self) -> tuple[int, int]:
        """Give the levels between which the picture's contrast lies: 10 and 99.8 percent.

        Digital silence, which would hide what is faint, does not count.
        """
        heard = np.cumsum(self._histogram[1:])
        if not heard[-1]:
            return 0, 255
        dark, bright = np.searchsorted(heard, np.array([0.1, 0.998]) * heard[-1]) + 1
        return int(dark), int(max(bright, dark + 20))


class _Levels:
    """An array along its last axis, and coarser versions of it by a ufunc (minimum or maximum)."""

    def __init__(self, shape: tuple[int, ...], dtype: npt.DTypeLike, reduce: np.ufunc) -> None:
        self._reduce = reduce
        *rows, length = shape
        # numpy's zeros take no memory before they are written.
        self._arrays: list[npt.NDArray[Any]] = [np.zeros(shape, dtype)]
        while length > _SMALLEST:
            length = -(-length // _FACTOR)
            self._arrays.append(np.zeros((*rows, length), dtype))

    def write(self, at: int, values: npt.NDArray[Any]) -> None:
        """Put values at a place, and into all coarser levels."""
        finest = self._arrays[0]
        begin, end = at, min(at + values.shape[-1], finest.shape[-1])
        finest[..., begin:end] = values[..., : end - begin]
        for finer, coarser in zip(self._arrays, self._arrays[1:], strict=False):
            begin, end = begin // _FACTOR, -(-end // _FACTOR)
            part = finer[..., begin * _FACTOR : end * _FACTOR]
            groups = np.arange(0, part.shape[-1], _FACTOR)
            coarser[..., begin:end] = self._reduce.reduceat(part, groups, axis=-1)

    def read(self, first: float, last: float, columns: int) -> tuple[int, int, npt.NDArray[Any]]:
        """Give first index, step and values of the coarsest level that has enough of a range."""
        step, array = 1, self._arrays[0]
        for coarser in self._arrays[1:]:
            if (last - first) / (step * _FACTOR) < columns:
                break
            step, array = step * _FACTOR, coarser
        begin = max(0, int(first // step))
        end = max(begin, min(int(np.ceil(last / step)), array.shape[-1]))
        return begin, step, array[..., begin:end]
