"""A soundtrack as it is drawn: peaks and a log-mel picture, to be seen from any distance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_tavis.core.tasks import Task
from napari_tavis.media.clip import Clip
from napari_tavis.media.sound import BLOCK_SECONDS
from napari_tavis.media.spectrogram import (
    FRAME_LENGTH,
    FRAME_SHIFT,
    LOG_FLOOR,
    MEL_BINS,
    filter_bank,
)
from napari_tavis.media.timebase import SAMPLE_RATE

BUCKETS_PER_SECOND = 400  # peaks by default: one per 40 samples
# Of the log-mel picture, as of the model's own: one per 10 ms.
COLUMNS_PER_SECOND = SAMPLE_RATE // FRAME_SHIFT
# Log energy of a mel bin that is drawn brightest: about that of a tone at full scale.
_LOUDEST = 10.0
# Samples by which a spectrogram frame extends beyond its 10 ms on either side.
_BESIDE = (FRAME_LENGTH - FRAME_SHIFT) // 2
_FACTOR = 4  # values of a level that make one of the next
_SMALLEST = 1024  # a level with fewer values than this is not made coarser


@dataclass(frozen=True)
class SoundChunk:
    """A stretch of a soundtrack as it is drawn."""

    start: float  # seconds from the first video frame, as `stop`
    stop: float
    low: npt.NDArray[np.float32]  # (n,): least sample of each bucket, in [-1, 1]
    # (n,): greatest sample, likewise; only a clip's last bucket may be shorter.
    high: npt.NDArray[np.float32]
    # (128, m): log-mel energies, lowest bin first, one column per 10 ms: 0 is silence, 255 a tone
    # at full scale, and a step is 0.44 dB.
    mel: npt.NDArray[np.uint8]


def scan_soundtrack(
    clip: Clip,
    *,
    buckets_per_second: int = BUCKETS_PER_SECOND,
    task: Task | None = None,
) -> Iterator[SoundChunk]:
    """Compute what is drawn of a soundtrack, chunk after chunk, together the clip's duration.

    The sound is decoded as a stream: two hours take no more memory than ten seconds.
    `buckets_per_second` must divide 16,000, or it is a `ValueError`.
    """
    task = task or Task()
    if buckets_per_second < 1 or SAMPLE_RATE % buckets_per_second:
        raise ValueError(f"{SAMPLE_RATE} samples a second make no {buckets_per_second} buckets.")
    bucket = SAMPLE_RATE // buckets_per_second
    total = round(clip.duration)
    begin = 0
    for before, block, after in _with_context(clip.sound_blocks(block_seconds=BLOCK_SECONDS)):
        task.check()
        low, high = _peaks(block, bucket)
        end = begin + block.size
        mel = _mel_picture(np.concatenate([before, block, after]), -(-block.size // FRAME_SHIFT))
        yield SoundChunk(begin / SAMPLE_RATE, end / SAMPLE_RATE, low, high, mel)
        begin = end
        task.report(min(round(end / SAMPLE_RATE), total), total, "reading the soundtrack")


def _with_context(
    blocks: Iterable[npt.NDArray[np.float32]],
) -> Iterator[tuple[npt.NDArray[np.float32], ...]]:
    """Give each block between the samples before and after it that its spectrum includes."""
    silence = np.zeros(_BESIDE, dtype=np.float32)
    before, block = silence, None
    for following in blocks:
        if block is not None:
            yield before, block, following[:_BESIDE]
            before = block[-_BESIDE:]
        block = following
    if block is not None:
        yield before, block, silence


def _peaks(
    block: npt.NDArray[np.float32], bucket: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Find the least and the greatest sample of each bucket of `bucket` samples."""
    starts = np.arange(0, block.size, bucket)
    return np.minimum.reduceat(block, starts), np.maximum.reduceat(block, starts)


def _mel_picture(sound: npt.NDArray[np.float32], columns: int) -> npt.NDArray[np.uint8]:
    """Compute ``[128, columns]`` from a block with what lies beside it."""
    needed = (columns - 1) * FRAME_SHIFT + FRAME_LENGTH
    energies = filter_bank(np.pad(sound, (0, max(0, needed - sound.size))))[:columns]
    scaled = (energies - LOG_FLOOR) * (255.0 / (_LOUDEST - LOG_FLOOR))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8).T


class SoundOverview:
    """Keeps what `scan_soundtrack` gives, and gives as much of it as a picture has columns.

    Coarser levels are kept beside the finest one, so that two hours are drawn as quickly as
    five seconds. Reading while another thread adds is harmless: it sees a part of a chunk.
    `duration` is in seconds; `known` are the seconds from the beginning that are filled in.
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
        at = round(chunk.start * self._buckets)
        self._low.write(at, chunk.low)
        self._high.write(at, chunk.high)
        self._mel.write(round(chunk.start * COLUMNS_PER_SECOND), chunk.mel)
        self._histogram += np.bincount(chunk.mel.ravel(), minlength=256)
        self.known = chunk.stop

    def waveform(
        self, start: float, stop: float, columns: int
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Give the peaks of a stretch in seconds, as far as it is inside the soundtrack.

        At least `columns` of them, if there are that many: the middles of the buckets in
        seconds, and their least and greatest samples, (n,) each.
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
        """Give the log-mel picture of a stretch in seconds, as far as it is inside the soundtrack.

        It has at least `columns`, if there are that many. First come the seconds where it begins
        and ends (a little beyond what was asked for), then the picture, (128, n), lowest bin first.
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
