"""Playing a clip into a device that keeps what it is given."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.core.errors import NoSoundOutputError
from napari_tavis.media import open_clip
from napari_tavis.media.playback import Passage, Playback, SoundBuffer
from napari_tavis.media.sound_output import Fill, open_output

from .conftest import CLICKS
from .samples import clicks_heard

RATE = 16_000
BLOCK = 800


class RecordingDevice:
    """A sound device that plays twenty times too fast, and records what it plays.

    Its clock is the number of samples it has asked for, so that nothing depends on how busy
    the machine is.
    """

    sample_rate = RATE
    channels = 1

    def __init__(self, fill: Fill, dies_after: float = np.inf) -> None:
        self.played: list[np.ndarray] = []
        self._fill = fill
        self._asked = 0
        self._dies_after = dies_after
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def now(self) -> float:
        return self._asked / RATE

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(BLOCK / RATE / 20) and self.now() < self._dies_after:
            block = np.full((BLOCK, 1), np.nan, dtype=np.float32)
            self._fill(block, self.now())
            self.played.append(block)
            self._asked += BLOCK

    @property
    def sound(self) -> np.ndarray:
        """What was heard, from the first sound on."""
        whole = np.concatenate(self.played)[:, 0]
        assert np.isfinite(whole).all()
        return whole


def wait_until(done: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


@pytest.fixture
def devices() -> list[RecordingDevice]:
    return []


@pytest.fixture
def opener(devices: list[RecordingDevice]) -> Callable[[Fill], RecordingDevice]:
    def open_device(fill: Fill) -> RecordingDevice:
        devices.append(RecordingDevice(fill))
        return devices[-1]

    return open_device


def trimmed(sound: np.ndarray) -> np.ndarray:
    """Cut the silence before the decoder's first sound."""
    return sound[np.flatnonzero(sound)[0] :]


def test_a_passage_is_heard_as_it_is_in_the_file(plain_video: Path, devices, opener) -> None:
    with open_clip(plain_video) as clip:
        playback = Playback(clip, Passage(0.9, 0.0, clip.duration), open_output=opener)
        playback.start()
        wait_until(lambda: playback.over)
        assert playback.position == clip.duration
        assert playback.why_silent is None
        assert playback.wait(10)
        expected = clip.soundtrack()[round(0.9 * RATE) :]
    heard = devices[0].sound
    begin = np.flatnonzero(heard)[0] - np.flatnonzero(expected)[0]
    got = heard[begin : begin + expected.size]
    np.testing.assert_allclose(got, expected[: got.size], atol=1e-3)
    assert got.size > expected.size - BLOCK


def test_a_stretch_is_heard_again_and_again(plain_video: Path, devices, opener) -> None:
    with open_clip(plain_video) as clip:
        playback = Playback(clip, Passage(0.5, 0.5, 1.5, loop=True), open_output=opener)
        playback.start()
        wait_until(lambda: bool(devices) and devices[0].now() > 5)
        wait_until(lambda: len(clicks_heard(devices[0].sound)) >= 4)
        assert 0.5 <= playback.position <= 1.5
        assert not playback.over
        playback.stop()
        stood = playback.position
        assert playback.wait(10)
        assert playback.position == stood
    clicks = clicks_heard(devices[0].sound)
    # In so quick a hurry the decoder may come late for the second pass, not for those after.
    assert np.diff(clicks)[1:] == pytest.approx(1.0, abs=0.01)


def test_at_half_speed_clicks_come_at_twice_the_distance(
    plain_video: Path, devices, opener
) -> None:
    with open_clip(plain_video) as clip:
        playback = Playback(clip, Passage(0.0, 0.0, clip.duration, speed=0.5), open_output=opener)
        playback.start()
        wait_until(lambda: playback.over)
        assert playback.wait(10)
    clicks = clicks_heard(devices[0].sound)
    assert np.diff(clicks) == pytest.approx(2 * np.diff(CLICKS), abs=0.05)


def test_the_next_playback_waits_for_the_device(plain_video: Path, devices, opener) -> None:
    with open_clip(plain_video) as clip:
        first = Playback(clip, Passage(0.0, 0.0, 2.4, loop=True), open_output=opener)
        first.start()
        wait_until(lambda: len(devices) == 1)
        first.stop()
        second = Playback(clip, Passage(1.0, 0.0, 2.4), first, opener)
        second.start()
        wait_until(lambda: len(devices) == 2)
        assert devices[0]._closed.is_set()
        second.stop()
        assert second.wait(10)


def refuse(fill: Fill) -> RecordingDevice:
    raise NoSoundOutputError("There is no loudspeaker: buy one.")


def test_without_a_device_it_plays_silently_and_says_why(plain_video: Path) -> None:
    with open_clip(plain_video) as clip:
        playback = Playback(clip, Passage(2.2, 0.0, clip.duration), open_output=refuse)
        playback.start()
        assert playback.position >= 2.2
        wait_until(lambda: playback.over)
        assert playback.why_silent == "There is no loudspeaker: buy one."
        assert playback.position == clip.duration


def test_a_video_without_sound_is_played_silently(silent_video: Path, opener, devices) -> None:
    with open_clip(silent_video) as clip:
        playback = Playback(clip, Passage(2.2, 0.0, clip.duration), open_output=opener)
        playback.start()
        wait_until(lambda: playback.over)
        assert "no soundtrack" in (playback.why_silent or "")
        assert not devices


def test_an_unplugged_device_costs_the_sound_only(plain_video: Path) -> None:
    def dying(fill: Fill) -> RecordingDevice:
        return RecordingDevice(fill, dies_after=0.5)

    with open_clip(plain_video) as clip:
        playback = Playback(clip, Passage(0.0, 0.0, clip.duration), open_output=dying)
        playback.start()
        wait_until(lambda: playback.why_silent is not None)
        assert "has stopped" in (playback.why_silent or "")
        assert playback.position < clip.duration
        wait_until(lambda: playback.over)
        assert playback.wait(10)


def test_what_the_decoder_has_not_given_yet_is_silence() -> None:
    buffer, target = SoundBuffer(), np.full((10, 1), np.nan, dtype=np.float32)
    buffer.put(np.ones((4, 1), dtype=np.float32))
    buffer.put(np.full((3, 1), 2, dtype=np.float32))
    assert buffer.waiting == 7
    assert buffer.fill(target[:5]) == 5
    assert buffer.fill(target[5:]) == 2
    assert target[:, 0].tolist() == [1, 1, 1, 1, 2, 2, 2, 0, 0, 0]
    assert buffer.waiting == 0


def test_without_sounddevice_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sounddevice", None)
    with pytest.raises(NoSoundOutputError, match=r"napari-tavis\[audio\]"):
        open_output(lambda samples, heard_at: None)
