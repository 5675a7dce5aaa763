"""A soundtrack as it is drawn: peaks and a log-mel picture, computed chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_tavis.core.tasks import Task
from napari_tavis.media.clip import Clip
from napari_tavis.media.sound import BLOCK_SECONDS
from napari_tavis.media.spectrogram import FRAME_LENGTH, FRAME_SHIFT, LOG_FLOOR, filter_bank
from napari_tavis.media.timebase import SAMPLE_RATE

BUCKETS_PER_SECOND = 400
"""Peaks per second by default: one per 40 samples."""

COLUMNS_PER_SECOND = SAMPLE_RATE // FRAME_SHIFT
"""Columns of the log-mel picture per second, as the model's own: one per 10 ms."""

_LOUDEST = 10.0
"""Log energy of a mel bin that is drawn brightest: about that of a tone at full scale."""

_BESIDE = (FRAME_LENGTH - FRAME_SHIFT) // 2
"""Samples by which a spectrogram frame reaches beyond its 10 ms on either side."""


@dataclass(frozen=True)
class SoundChunk:
    """A stretch of a soundtrack as it is drawn.

    Parameters
    ----------
    start, stop : float
        The stretch, in seconds from the first video frame.
    low, high : ndarray of float32, shape (n,)
        Least and greatest sample of each bucket, in [-1, 1]; the buckets divide the stretch
        evenly, but for the last one of a clip, which may be shorter.
    mel : ndarray of uint8, shape (128, m)
        Log-mel energies, lowest bin first, one column per 10 ms: 0 is silence, 255 a tone at
        full scale, and a step is 0.44 dB.
    """

    start: float
    stop: float
    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]
    mel: npt.NDArray[np.uint8]


def scan_soundtrack(
    clip: Clip,
    *,
    buckets_per_second: int = BUCKETS_PER_SECOND,
    task: Task | None = None,
) -> Iterator[SoundChunk]:
    """Compute what is drawn of a soundtrack, from its beginning to its end.

    The sound is decoded as a stream: two hours take no more memory than ten seconds.

    Parameters
    ----------
    clip : Clip
        An open clip; silence where it has no sound.
    buckets_per_second : int
        Peaks per second; must divide 16,000.
    task : Task, optional
        Told how far it is; stops the work when cancelled.

    Yields
    ------
    SoundChunk
        One after another without gaps, together the clip's duration.

    Raises
    ------
    ValueError
        If `buckets_per_second` does not divide the sample rate.
    Cancelled
        If `task` was cancelled.
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
    """Give each block between the samples before and after it that its spectrum reaches."""
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
    """Find the least and the greatest sample of each bucket of so many samples."""
    starts = np.arange(0, block.size, bucket)
    return np.minimum.reduceat(block, starts), np.maximum.reduceat(block, starts)


def _mel_picture(sound: npt.NDArray[np.float32], columns: int) -> npt.NDArray[np.uint8]:
    """Compute ``[128, columns]`` from a block with what lies beside it."""
    needed = (columns - 1) * FRAME_SHIFT + FRAME_LENGTH
    energies = filter_bank(np.pad(sound, (0, max(0, needed - sound.size))))[:columns]
    scaled = (energies - LOG_FLOOR) * (255.0 / (_LOUDEST - LOG_FLOOR))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8).T
