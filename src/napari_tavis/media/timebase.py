"""The one time base: frames, seconds and audio samples, and the conversions between them.

Time zero of a clip is the presentation time of its first video frame. Frame ``i`` is shown
from ``times[i]`` until ``times[i + 1]``; the soundtrack's sample ``k`` is heard at
``k / sample_rate`` seconds on the same clock. All times are in seconds.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000  # samples per second of every soundtrack that the model hears
WINDOW_SECONDS = 2.0  # length of the stretch of sound that goes with one sampled frame
TOLERANCE = 1e-6  # seconds by which a time may miss a frame's start and still mean it (rounding)


def frame_at(times: npt.ArrayLike, seconds: float) -> int:
    """Find the frame that is shown at a time: see `frames_at`."""
    return int(frames_at(times, [seconds])[0])


def frames_at(times: npt.ArrayLike, seconds: npt.ArrayLike) -> npt.NDArray[np.intp]:
    """Find the frames that are shown at some times.

    Parameters
    ----------
    times : array_like of float, shape (n,)
        Presentation times in seconds, ascending.
    seconds : array_like of float, shape (m,)
        Times in seconds.

    Returns
    -------
    ndarray of intp, shape (m,)
        For each the last frame whose presentation time is not later; the first frame before
        time zero, the last frame after the end.

    Raises
    ------
    ValueError
        If `times` is empty or a time is not a finite number.
    """
    starts = np.asarray(times, dtype=np.float64)
    asked = np.asarray(seconds, dtype=np.float64)
    if starts.size == 0:
        raise ValueError("There are no frames to search.")
    if not np.isfinite(asked).all():
        raise ValueError(f"A time must be a finite number of seconds, not {seconds!r}.")
    found = np.searchsorted(starts, asked + TOLERANCE, side="right") - 1
    return np.clip(found, 0, starts.size - 1)


def sample_at(seconds: float, sample_rate: int = SAMPLE_RATE) -> int:
    """Give the index of the audio sample nearest to a time; negative before time zero."""
    return round(seconds * sample_rate)


def played_samples(start: float, stop: float, sample_rate: int, speed: float = 1.0) -> int:
    """Count the samples that are heard when a stretch is played, `speed` times as fast as recorded.

    It is 0 for a stretch that ends before it begins.
    """
    # From whole samples on both sides, so that stretches side by side add up.
    return max(0, round((sample_at(stop, sample_rate) - sample_at(start, sample_rate)) / speed))


def window_starts(count: int, duration: float) -> npt.NDArray[np.float64]:
    """Place one two-second sound window per sampled frame, evenly over a clip.

    They start at 0 to ``duration - 2`` seconds, all at 0 in a clip shorter than that. Five windows
    of a five-second clip start at 0, 0.75, 1.5, 2.25 and 3 s, as in ImageBind's loader and the
    release of TAViS. A negative count, or a duration that is not finite, is a `ValueError`.
    """
    if count < 0:
        raise ValueError(f"The number of windows must not be negative, but is {count}.")
    if not np.isfinite(duration):
        raise ValueError(f"The duration must be a finite number of seconds, not {duration}.")
    return np.linspace(0.0, max(duration - WINDOW_SECONDS, 0.0), count)


def frame_rate(times: npt.ArrayLike, duration: float) -> Fraction:
    """Estimate the nominal frame rate of a clip from its presentation times and its duration.

    The usual rates (those with 1001 in the denominator among them) are recognised; with a
    variable rate it is the mean rate, and 1 where there is nothing to measure.
    """
    starts = np.asarray(times, dtype=np.float64)
    if starts.size == 0 or duration <= 0:
        return Fraction(1)
    if starts.size > 1 and starts[-1] > starts[0]:
        rate = (starts.size - 1) / float(starts[-1] - starts[0])
    else:
        rate = starts.size / duration
    for denominator in (1, 1001):
        whole = round(rate * denominator / (1000 if denominator == 1001 else 1))
        candidate = Fraction(whole * (1000 if denominator == 1001 else 1), denominator)
        if whole and abs(float(candidate) - rate) < 2e-4 * rate:
            return candidate
    return Fraction(rate).limit_denominator(1000) or Fraction(1)


def ascending(times: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Make the times of frames, in the order in which they are shown, ascend.

    A time that is a little before the previous one is replaced by that. After a jump
    back by more than a second (files joined end to end) the clock runs on from where it was.
    """
    given = np.array(times, dtype=np.float64)
    steps = np.diff(given)
    if steps.size == 0 or steps.min() >= 0:
        return given
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    given[1:] += np.cumsum(np.where(steps < -1.0, usual - steps, 0.0))
    return np.maximum.accumulate(given)
