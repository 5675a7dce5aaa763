"""The log-mel windows against ImageBind's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_tavis.media import log_mel, window_starts

REFERENCE = Path(__file__).parents[2] / "data" / "audio_reference.npz"
SILENCE = (np.log(np.finfo(np.float32).eps) + 4.268) / 9.138
PADDING = 4.268 / 9.138


@pytest.fixture(scope="module")
def reference() -> dict[str, np.ndarray]:
    with np.load(REFERENCE) as data:
        return dict(data)


def test_agrees_with_the_reference(reference: dict[str, np.ndarray]) -> None:
    mel = log_mel(reference["waveform"], reference["starts"])
    assert mel.dtype == np.float32
    assert mel.shape == reference["mel"].shape
    assert np.abs(mel - reference["mel"]).max() < 1e-3


def test_the_reference_windows_are_the_ones_placed_here(reference: dict[str, np.ndarray]) -> None:
    np.testing.assert_allclose(window_starts(5, 5.0), reference["starts"])


def test_silence_is_the_floor_and_the_last_columns_are_padding() -> None:
    mel = log_mel(np.zeros(80_000), [0.0, 3.0])
    np.testing.assert_allclose(mel[..., :198], SILENCE, atol=1e-5)
    np.testing.assert_allclose(mel[..., 198:], PADDING, atol=1e-6)


def test_a_window_past_the_end_holds_silence(reference: dict[str, np.ndarray]) -> None:
    sound = reference["waveform"]
    longer = np.concatenate([sound, np.zeros(32_000, dtype=np.float32)])
    np.testing.assert_array_equal(log_mel(sound, [4.0, 5.0]), log_mel(longer, [4.0, 5.0]))
    np.testing.assert_allclose(log_mel(sound, [60.0])[..., :198], SILENCE, atol=1e-5)


def test_a_window_before_the_beginning_holds_silence(reference: dict[str, np.ndarray]) -> None:
    sound = reference["waveform"]
    later = np.concatenate([np.zeros(16_000, dtype=np.float32), sound])
    np.testing.assert_array_equal(log_mel(sound, [-1.0]), log_mel(later, [0.0]))


def test_a_short_clip_is_filled_up_with_silence(reference: dict[str, np.ndarray]) -> None:
    short = reference["waveform"][:12_000]
    filled = np.concatenate([short, np.zeros(20_000, dtype=np.float32)])
    np.testing.assert_array_equal(log_mel(short, [0.0]), log_mel(filled, [0.0]))
    assert log_mel(np.zeros(0), [0.0]).shape == (1, 1, 128, 204)


def test_a_constant_offset_changes_nothing(reference: dict[str, np.ndarray]) -> None:
    sound = reference["waveform"]
    np.testing.assert_allclose(log_mel(sound + 0.25, [1.0]), log_mel(sound, [1.0]), atol=2e-3)


def test_a_tone_is_brightest_in_its_own_band() -> None:
    def mel_of(frequency: float) -> float:
        return 1127 * np.log1p(frequency / 700)

    clock = np.arange(32_000) / 16_000
    for frequency in (300.0, 1000.0, 5000.0):
        spectrum = log_mel(np.sin(2 * np.pi * frequency * clock), [0.0])[0, 0, :, :198].mean(1)
        low, high = mel_of(20.0), mel_of(8000.0)
        expected = (mel_of(frequency) - low) / (high - low) * 129 - 1
        assert abs(int(spectrum.argmax()) - expected) < 2  # bands are narrower than a bin


def test_no_windows_give_no_spectrograms() -> None:
    assert log_mel(np.zeros(100), []).shape == (0, 1, 128, 204)


@pytest.mark.parametrize(
    ("sound", "starts"),
    [(np.zeros((2, 100)), [0.0]), (np.zeros(100), [[0.0]]), (np.array([np.nan]), [0.0])],
)
def test_bad_shapes_and_values_are_refused(sound: np.ndarray, starts: list[float]) -> None:
    with pytest.raises(ValueError, match="window starts must"):
        log_mel(sound, starts)
