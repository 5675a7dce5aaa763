"""The clock of playback, against a simulated sound device with a crystal of its own."""

from __future__ import annotations

import numpy as np
import pytest

from napari_tavis.media.playback import Passage, SilentClock, SoundClock
from napari_tavis.media.timebase import frames_at

RATE = 48_000
BLOCK = 512
FRAME_RATE = 30
TEN_MINUTES = 600.0


class SimulatedDevice:
    """Plays samples at its own pace, and reports late, early, and with gaps.

    Parameters
    ----------
    deviation : float
        How much faster its crystal is than the computer's, as a share.
    latency : float
        Seconds from taking a sample to hearing it.
    jitter : float
        Standard deviation of the reported times, in seconds.
    """

    def __init__(self, deviation: float, latency: float = 0.15, jitter: float = 0.003) -> None:
        self.rate = RATE * (1 + deviation)
        self.latency = latency
        self._jitter = jitter
        self._random = np.random.default_rng(1)

    def heard(self, now: float) -> float:
        """Give the sample that really is heard at a time of the computer's clock."""
        return max(0.0, (now - self.latency) * self.rate)

    def run(self, clock: SoundClock, seconds: float) -> tuple[np.ndarray, np.ndarray]:
        """Give what is really heard and what the clock says, at random moments."""
        truth, said = [], []
        for number in range(int(seconds * self.rate / BLOCK)):
            asked_at = number * BLOCK / self.rate
            heard_at = asked_at + self.latency + self._random.normal(0, self._jitter)
            clock.wrote(BLOCK, heard_at)
            if number % 7 == 0:
                now = asked_at + self._random.uniform(0, BLOCK / self.rate)
                truth.append(self.heard(now))
                said.append(clock.sample_at(now))
        return np.array(truth), np.array(said)


@pytest.mark.parametrize("deviation", [0.0, 200e-6, -200e-6])
def test_frames_stay_with_the_sound_for_ten_minutes(deviation: float) -> None:
    truth, said = SimulatedDevice(deviation).run(SoundClock(RATE), TEN_MINUTES)
    off = np.abs(truth - said) / RATE
    assert len(off) > 5000
    assert off.max() < 0.5 / FRAME_RATE
    assert off[-500:].mean() < 2 * off[:500].mean() + 0.001  # nothing adds up
    times = np.arange(int(TEN_MINUTES * FRAME_RATE)) / FRAME_RATE
    passage = Passage(0.0, 0.0, TEN_MINUTES)
    shown, right = (
        frames_at(times, [passage.time_at(sample, RATE) for sample in samples])
        for samples in (said, truth)
    )
    assert np.abs(shown - right).max() <= 1


def test_the_computers_clock_alone_would_drift_by_frames() -> None:
    device = SimulatedDevice(200e-6)
    silent = SilentClock(RATE, started=device.latency)
    off = (device.heard(TEN_MINUTES) - silent.sample_at(TEN_MINUTES)) / RATE
    assert abs(off) > 3 / FRAME_RATE


def test_a_gap_in_the_sound_holds_the_frames_back() -> None:
    clock = SoundClock(RATE)
    clock.wrote(RATE, heard_at=0.0)  # one second, and then nothing comes from the decoder
    assert clock.sample_at(0.5) == pytest.approx(0.5 * RATE)
    assert clock.sample_at(3.0) == RATE
    clock.wrote(RATE, heard_at=3.2)
    assert clock.sample_at(3.1) == RATE
    assert clock.sample_at(3.7) == pytest.approx(1.5 * RATE)


def test_the_clock_never_runs_backwards() -> None:
    clock, said = SoundClock(RATE), []
    random = np.random.default_rng(2)
    for number in range(500):
        clock.wrote(BLOCK, number * BLOCK / RATE + random.normal(0, 0.02))
        said.append(clock.sample_at(number * BLOCK / RATE))
    assert (np.diff(said) >= 0).all()
    assert max(said) <= clock.written


def test_before_the_first_report_nothing_is_heard() -> None:
    assert SoundClock(RATE).sample_at(12.0) == 0.0


def test_a_passage_ends_where_it_should() -> None:
    passage = Passage(1.0, 0.0, 3.0)
    assert passage.time_at(0, RATE) == 1.0
    assert passage.time_at(RATE, RATE) == 2.0
    assert passage.time_at(5 * RATE, RATE) == 3.0
    assert not passage.is_over(2 * RATE - 1, RATE)
    assert passage.is_over(2 * RATE, RATE)


def test_a_stretch_is_repeated_from_its_own_beginning() -> None:
    passage = Passage(2.5, 2.0, 3.0, loop=True)
    seconds = [0.0, 0.4, 0.6, 1.4, 1.6, 100.6]
    heard = [passage.time_at(second * RATE, RATE) for second in seconds]
    assert heard == pytest.approx([2.5, 2.9, 2.1, 2.9, 2.1, 2.1])
    assert not passage.is_over(1e12, RATE)


def test_at_half_speed_a_second_lasts_two() -> None:
    passage = Passage(0.0, 0.0, 2.0, speed=0.5)
    assert passage.time_at(RATE, RATE) == pytest.approx(0.5)
    assert not passage.is_over(4 * RATE - 1, RATE)
    assert passage.is_over(4 * RATE, RATE)


def test_an_empty_stretch_is_over_at_once() -> None:
    passage = Passage(1.0, 1.0, 1.0, loop=True)
    assert passage.is_over(0, RATE)
    assert passage.time_at(10, RATE) == 1.0
