from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.core.errors import DatasetError
from napari_tavis.datasets.avsbench.sound import (
    read_wav,
    sample_range,
    to_pcm16,
    wav_format,
    write_wav,
)


def examples_in(samples: int) -> int:
    """Count VGGish examples as its framing does: windows first, then examples of 96."""
    windows = (samples - 400) // 160 + 1
    return (windows - 96) // 96 + 1


@pytest.mark.parametrize(
    ("examples", "expected"), [(5, (77_040, 92_399)), (10, (153_840, 169_199))]
)
def test_sample_range_is_that_of_the_loaders(examples: int, expected: tuple[int, int]) -> None:
    least, greatest = sample_range(examples)
    assert (least, greatest) == expected
    assert examples_in(least - 1) == examples - 1
    assert examples_in(least) == examples_in(greatest) == examples
    assert examples_in(greatest + 1) == examples + 1


@pytest.mark.parametrize(
    ("given", "length"),
    [(0, 80_000), (77_039, 80_000), (77_040, 77_040), (92_399, 92_399), (92_400, 80_000)],
)
def test_sound_is_padded_or_cut_only_where_needed(given: int, length: int) -> None:
    samples = to_pcm16(np.full(given, 0.5, dtype=np.float32), 5)
    assert samples.dtype == np.int16
    assert len(samples) == length
    assert (samples[: min(given, length)] == 16384).all()
    assert (samples[given:] == 0).all()


def test_loud_and_broken_samples_are_clipped() -> None:
    given = np.zeros(80_000, dtype=np.float32)
    given[:4] = [2.0, -2.0, np.nan, np.inf]
    assert to_pcm16(given, 5)[:4].tolist() == [32767, -32768, 0, 32767]


def test_wav_is_pcm16_mono_at_16_khz(tmp_path: Path) -> None:
    samples = np.arange(-50, 50, dtype=np.int16)
    path = tmp_path / "a.wav"
    write_wav(path, samples)
    assert wav_format(path) == (1, 16, 16_000)
    assert np.array_equal(read_wav(path), samples)


def test_stereo_is_read_as_its_mean(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(np.array([[10, 30], [-4, 4]], dtype="<i2").tobytes())
    assert read_wav(path).tolist() == [20, 0]


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "cut", "rate"])
def test_bad_wav_files_are_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, np.ones(1000, dtype=np.int16))
    data = path.read_bytes()
    changed = {"empty": b"", "text": b"hello", "cut": data[:500]}
    if damage == "missing":
        path.unlink()
    elif damage == "rate":
        path.write_bytes(data[:24] + (8000).to_bytes(4, "little") + data[28:])
    else:
        path.write_bytes(changed[damage])
    with pytest.raises(DatasetError, match=r"a\.wav"):
        read_wav(path)
