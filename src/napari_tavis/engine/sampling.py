"""Which frames of a clip the model sees, and the sound that it hears with each."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from napari_tavis.core.errors import InferenceError
from napari_tavis.core.tasks import Task
from napari_tavis.media import Clip, log_mel
from napari_tavis.media.timebase import WINDOW_SECONDS, frames_at, window_starts

# Place of a sample in its interval: AVSBench took the last of 16 of each second.
FRAME_OFFSET = 15 / 16
SILENCE = 1e-4  # largest amplitude (of 1) of a soundtrack in which nothing can be heard: -80 dB
# Of sound that are decoded at once, as one frame does not need two hours of it.
STRETCH_SECONDS = 60.0
_STRETCHES = 4  # that are kept


class TimedClip(Protocol):
    """The part of a clip that sampling needs."""

    times: npt.NDArray[np.float64]  # (n,), presentation times in seconds, ascending
    duration: float  # seconds


@dataclass(frozen=True)
class FrameSamples:
    """The sampled frames of a clip, ascending, each at most once."""

    indices: npt.NDArray[np.int64]  # (T,), frames of the video
    times: npt.NDArray[np.float64]  # (T,), their presentation times in seconds
    # (T,), seconds at which the two-second window of sound of each begins.
    starts: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.indices)

    def start_at(self, time: float) -> float:
        """Place the window of sound of any frame, by those of the sampled frames beside it.

        Both times are in seconds. A sampled frame has its own window, one between two of them
        is in proportion, and the window never leaves the frame.
        """
        start = float(np.interp(time, self.times, self.starts))
        return min(max(start, time - WINDOW_SECONDS, 0.0), max(time, 0.0))


def sample_frames(clip: TimedClip, fps: float = 1.0, count: int | None = None) -> FrameSamples:
    """Sample frames as AVSBench does, at least one.

    Sample ``k`` is the frame shown at ``(k + 15/16) / fps``: of a video of 30 frames per second
    and five seconds the frames 28, 58, 88, 118 and 148. Where this asks for as many frames as the
    video has or more, each is taken once.

    The windows of sound are spread evenly over the clip, from its start to two seconds before its
    end, which at one frame per second and more puts every frame inside its window. At lower
    rates it would not, and a window is then moved just so far that it ends with its frame, or
    begins with it.

    Parameters
    ----------
    fps : float
        Frames per second of video.
    count : int, optional
        So many frames evenly over the clip instead: 5 or 10 for AVSBench.

    Raises
    ------
    InferenceError
        If the rate or the count is not positive.
    """
    if count is not None and count < 1:
        raise InferenceError(f"{count} frames cannot be sampled: choose at least 1, usually 5.")
    if not (math.isfinite(fps) and fps > 0):
        raise InferenceError(
            f"{fps} frames per second cannot be sampled: choose a positive number, usually 1."
        )
    frames, duration = len(clip.times), float(clip.duration)
    if count is None:
        # A remainder of more than half an interval is one frame more.
        count = max(1, math.ceil(min(duration * fps, frames + 1) - 0.5))
    else:
        fps = count / max(duration, 1e-9)
    if count < frames:
        asked = (np.arange(count) + FRAME_OFFSET) / fps
        indices = np.unique(frames_at(clip.times, asked)).astype(np.int64)
    else:
        indices = np.arange(frames, dtype=np.int64)
    times = np.asarray(clip.times, dtype=np.float64)[indices]
    return FrameSamples(indices, times, _windows(times, duration))


def samples_at(clip: TimedClip, frame_indices: npt.ArrayLike) -> FrameSamples:
    """Give the sampled frames of a session, with the sound that went with each.

    Frames that the clip does not have are skipped. The result is what `sample_frames` gave, or
    would have given if it had chosen these frames.
    """
    indices = np.unique(np.asarray(frame_indices, dtype=np.int64))
    indices = indices[(indices >= 0) & (indices < len(clip.times))]
    times = np.asarray(clip.times, dtype=np.float64)[indices]
    return FrameSamples(indices, times, _windows(times, float(clip.duration)))


def _windows(times: npt.NDArray[np.float64], duration: float) -> npt.NDArray[np.float64]:
    """Place the window of each frame: evenly, but never away from its frame."""
    even = window_starts(len(times), duration)
    held = np.clip(even, times - WINDOW_SECONDS, times)
    return np.clip(held, 0.0, max(duration - WINDOW_SECONDS, 0.0))


class SoundWindows:
    """Gives the log-mel spectrograms of windows of a clip's sound, or of silence.

    The soundtrack is decoded a minute at a time when it is needed, and the last minutes are
    kept. Methods may be called from any thread.
    """

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        self._stretches: OrderedDict[int, npt.NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    def mel(self, starts: Sequence[float]) -> npt.NDArray[np.float32]:
        """Give the spectrograms of n windows of two seconds, (n, 1, 128, 204): see `media.log_mel`.

        `starts` are the seconds at which they begin.
        """
        windows = []
        for start in starts:
            number = int(start // STRETCH_SECONDS)
            windows.append(log_mel(self._stretch(number), [start - number * STRETCH_SECONDS]))
        return np.concatenate(windows)

    def _stretch(self, number: int) -> npt.NDArray[np.float32]:
        """Give the stretch of this number, and a window beyond its end."""
        with self._lock:
            if number not in self._stretches:
                start = number * STRETCH_SECONDS
                stop = min(start + STRETCH_SECONDS + WINDOW_SECONDS, float(self._clip.duration))
                blocks = self._clip.sound_blocks(start, stop)
                empty = np.zeros(0, dtype=np.float32)
                self._stretches[number] = np.concatenate([empty, *blocks])
            self._stretches.move_to_end(number)
            if len(self._stretches) > _STRETCHES:
                self._stretches.popitem(last=False)
            return self._stretches[number]


def is_silent(clip: Clip, task: Task | None = None) -> bool:
    """Say whether nothing can be heard in a clip, reading no more than it takes to find out."""
    for block in clip.sound_blocks():
        if task is not None:
            task.check()
        if float(np.abs(block).max(initial=0.0)) >= SILENCE:
            return False
    return True
