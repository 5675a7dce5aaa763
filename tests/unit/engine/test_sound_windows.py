"""The sound around any frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.engine.sampling import SoundWindows, is_silent
from napari_tavis.media import log_mel, open_clip


def test_windows_are_those_of_the_whole_soundtrack(short: Path) -> None:
    starts = [0.0, 1.5, 3.0]
    with open_clip(short) as clip:
        expected = log_mel(clip.soundtrack(), starts)
        assert np.array_equal(SoundWindows(clip).mel(starts), expected)


def test_sound_far_into_a_clip_is_found_without_decoding_all(tmp_path: Path, write_clip) -> None:
    def noise(time: np.ndarray) -> np.ndarray:
        return np.random.default_rng(0).uniform(-1, 1, time.shape)

    path = write_clip(tmp_path / "minutes.mp4", 130, rate=1, tone=noise)
    starts = [128.0, 59.0, 60.0, 2.0, 118.5]
    with open_clip(path) as clip:
        waveform = clip.soundtrack()
        found = SoundWindows(clip).mel(starts)
    assert np.median(np.abs(found - log_mel(waveform, starts))) < 0.02
    wrong = log_mel(waveform, [start - 0.05 for start in starts])
    assert np.median(np.abs(found - wrong)) > 0.05


def test_a_clip_without_a_soundtrack_is_silent(silent_video: Path) -> None:
    with open_clip(silent_video) as clip:
        assert is_silent(clip)
        mel = SoundWindows(clip).mel([1.4])
    assert np.array_equal(mel, log_mel(np.zeros(32_000), [0.0]))


def test_a_sound_late_in_a_clip_is_heard(tmp_path: Path, write_clip: Callable[..., Path]) -> None:
    def click(time: np.ndarray) -> np.ndarray:
        return np.where(np.abs(time - 28) < 0.1, np.sin(3200 * time), 0)

    with open_clip(write_clip(tmp_path / "late.mp4", 30, rate=1, tone=click)) as clip:
        assert not is_silent(clip)
        token = Task()
        token.cancel()
        with pytest.raises(Cancelled):
            is_silent(clip, token)
