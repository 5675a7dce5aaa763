"""What is heard when: the clock of playback, which a sound device leads.

A sound card has a crystal of its own: in ten minutes it is some ten or hundred milliseconds
ahead of the computer's clock, or behind. So the time in the video is counted in samples that
the device has really played, and the computer's clock only fills in between two reports.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_tavis.media.timebase import played_samples

_JUMP = 0.05
"""Seconds by which a report may be off before it is taken for a new beginning, not for jitter."""

_SMOOTHING = 0.1
"""Share of a report's error that is taken over: reports jitter by some milliseconds."""


@dataclass(frozen=True)
class Passage:
    """What is to be played of a clip.

    Parameters
    ----------
    begin : float
        Where playing begins, in seconds of the video.
    first, last : float
        The stretch that is repeated, or whose end is the end; `begin` is before `last`.
    loop : bool
        Whether to begin again at `first` after `last`.
    speed : float
        Seconds of the video per second.
    """

    begin: float
    first: float
    last: float
    loop: bool = False
    speed: float = 1.0

    def time_at(self, sample: float, sample_rate: int) -> float:
        """Give the time in the video of a sample that is played.

        Parameters
        ----------
        sample : float
            Samples played since the beginning.
        sample_rate : int
            Samples per second of what is played.

        Returns
        -------
        float
            Seconds; `last` after the end.
        """
        seconds_per_sample = self.speed / sample_rate
        once, again = self._passes(sample_rate)
        if sample < once:
            return min(self.begin + max(sample, 0.0) * seconds_per_sample, self.last)
        if not self.loop or not again:
            return self.last
        return min(self.first + (sample - once) % again * seconds_per_sample, self.last)

    def is_over(self, sample: float, sample_rate: int) -> bool:
        """Say whether everything is played when so many samples are."""
        once, again = self._passes(sample_rate)
        return sample >= once and not (self.loop and again)

    def _passes(self, sample_rate: int) -> tuple[int, int]:
        """Count the samples of the first pass, and of every further one."""
        return (
            played_samples(self.begin, self.last, sample_rate, self.speed),
            played_samples(self.first, self.last, sample_rate, self.speed),
        )


class SoundClock:
    """Tells which sample is heard, from what a sound device reports.

    Parameters
    ----------
    sample_rate : int
        Samples per second that the device was asked for.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._written = 0
        # Sample 0 is heard at this time of the device's clock, by the latest reports.
        self._zero: float | None = None
        self._latest = 0.0

    @property
    def written(self) -> int:
        """Samples that the device has taken."""
        return self._written

    def wrote(self, count: int, heard_at: float) -> None:
        """Take in a report; called by the device's callback, so that nothing here waits.

        Parameters
        ----------
        count : int
            Samples that the device has taken now; silence in their place does not count.
        heard_at : float
            When the first of them will be heard, in seconds of the device's clock.
        """
        reported = heard_at - self._written / self._rate
        zero = self._zero
        error = 0.0 if zero is None else reported - zero
        if zero is None or abs(error) > _JUMP:
            self._zero = reported
        else:
            self._zero = zero + _SMOOTHING * error
        self._written += count

    def sample_at(self, now: float) -> float:
        """Give the sample that is heard.

        Parameters
        ----------
        now : float
            The device's clock, in seconds.

        Returns
        -------
        float
            Samples since the beginning: never less than before, and never one that the
            device has not taken.
        """
        if self._zero is not None:
            heard = min((now - self._zero) * self._rate, float(self._written))
            self._latest = max(self._latest, heard)
        return self._latest


class SilentClock:
    """Tells which sample would be heard, from the computer's clock alone.

    Parameters
    ----------
    sample_rate : int
        Samples per second.
    started : float
        The computer's clock at the beginning, in seconds.
    sample : float
        The sample to begin at.
    """

    def __init__(self, sample_rate: int, started: float, sample: float = 0.0) -> None:
        self._rate = sample_rate
        self._started = started
        self._sample = sample

    def sample_at(self, now: float) -> float:
        """Give the sample that would be heard at a time of the computer's clock."""
        return self._sample + max(0.0, now - self._started) * self._rate
