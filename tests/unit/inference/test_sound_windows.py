"""The sound around any frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_tavis.inference.sampling import window_around
from napari_tavis.inference.sound_windows import SoundWindows
from napari_tavis.media import log_mel, open_clip


def test_a_window_lies_around_its_frame_but_inside_the_clip() -> None:
    assert window_around(4.0, 10.0) == 3.0
    assert window_around(0.3, 10.0) == 0.0
    assert window_around(9.9, 10.0) == 8.0
    assert window_around(0.5, 1.2) == 0.0


def test_each_frame_has_the_sound_around_it(short: Path) -> None:
    with open_clip(short) as clip:
        waveform = clip.soundtrack()
        decoded, given = SoundWindows(clip), SoundWindows(clip, waveform)
        for frame, start in ((0, 0.0), (25, 1.5), (49, 3.0)):
            expected = log_mel(waveform, [start])
            assert np.array_equal(given.mel(frame), expected)
            assert np.abs(decoded.mel(frame) - expected).max() < 0.02


def test_sound_far_into_a_clip_is_found_without_decoding_all(tmp_path: Path, write_clip) -> None:
    def noise(time: np.ndarray) -> np.ndarray:
        return np.random.default_rng(0).uniform(-1, 1, time.shape)

    path = write_clip(tmp_path / "minutes.mp4", 130, rate=1, tone=noise)
    with open_clip(path) as clip:
        waveform = clip.soundtrack()
        windows = SoundWindows(clip)
        for frame in (129, 60, 61, 3, 119):
            start = window_around(clip.times[frame], clip.duration)
            difference = np.abs(windows.mel(frame) - log_mel(waveform, [start]))
            assert np.median(difference) < 0.02
            wrong = log_mel(waveform, [start - 1 if start > 1 else start + 1])
            assert np.median(np.abs(windows.mel(frame) - wrong)) > 0.05


def test_a_clip_without_a_soundtrack_is_silent(silent_video: Path) -> None:
    with open_clip(silent_video) as clip:
        mel = SoundWindows(clip).mel(60)
    assert np.array_equal(mel, log_mel(np.zeros(32_000), [0.0]))
    assert mel.std() == pytest.approx(log_mel(np.zeros(32_000), [0.0]).std())
