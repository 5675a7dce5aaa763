"""The wav files of AVSBench: PCM16, mono, 16 kHz, long enough for one VGGish example a second."""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.core.errors import DatasetError
from napari_tavis.core.files import (
    MEGABYTE,
    ForeignFileError,
    MissingForeignFileError,
    read_bytes,
    shown,
)

SAMPLE_RATE = 16_000
FULL_SCALE = 32768.0
_EXAMPLE_SPAN = 96 * 160
_WINDOW_OVERHANG = 400 - 160
_MOST_BYTES = 64 * MEGABYTE  # half an hour of it, where clips have ten seconds


def sample_range(examples: int) -> tuple[int, int]:
    """Return the least and greatest number of samples that make exactly so many VGGish examples.

    An example is 96 windows of 400 samples, 160 apart, and examples do not overlap: 77,040 to
    92,399 samples make five (S4, MS3, v1s, v1m), 153,840 to 169,199 make ten (v2).
    """
    least = examples * _EXAMPLE_SPAN + _WINDOW_OVERHANG
    return least, least + _EXAMPLE_SPAN - 1


def to_pcm16(waveform: npt.NDArray[np.floating], examples: int) -> npt.NDArray[np.int16]:
    """Turn a clip's sound into samples for its wav, (samples,), padded with silence or cut.

    The waveform is mono, 16 kHz, in [-1, 1]; louder is clipped, NaN is silence. A length in
    `sample_range` is kept; else it becomes exactly as many seconds as examples.
    """
    least, greatest = sample_range(examples)
    samples = np.nan_to_num(waveform, posinf=1.0, neginf=-1.0)
    if not least <= len(samples) <= greatest:
        length = examples * SAMPLE_RATE
        samples = np.pad(samples[:length], (0, max(0, length - len(samples))))
    scaled = np.round(samples.astype(np.float64) * FULL_SCALE)
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def write_wav(path: Path, samples: npt.NDArray[np.int16]) -> None:
    """Write samples, (samples,), as PCM16, mono, 16 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.astype("<i2").tobytes())


def read_wav(path: Path, root: Path | None = None) -> npt.NDArray[np.int16]:
    """Read a PCM16 wav file at 16 kHz, (samples,); of several channels their mean.

    Raises `DatasetError` if it is missing, damaged, outside `root`, or of another rate or format.
    """
    with _open(path, root) as file:
        channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
        announced, data = file.getnframes(), file.readframes(file.getnframes())
    if width != 2 or rate != SAMPLE_RATE:
        raise DatasetError(
            f"{path} has {8 * width} bits at {rate} Hz instead of 16 bits at {SAMPLE_RATE} Hz: "
            "convert it."
        )
    if len(data) < announced * channels * width:
        raise DatasetError(f"{path} is cut short: replace it.")
    samples = np.frombuffer(data, dtype="<i2").reshape(-1, channels)
    return samples[:, 0].copy() if channels == 1 else samples.mean(axis=1).astype(np.int16)


def wav_format(path: Path, root: Path | None = None) -> tuple[int, int, int]:
    """Read channels, bits per sample, and sampling rate in Hz of a wav file.

    Raises `DatasetError` if it is missing or damaged.
    """
    with _open(path, root) as file:
        return file.getnchannels(), 8 * file.getsampwidth(), file.getframerate()


@contextmanager
def _open(path: Path, root: Path | None) -> Iterator[wave.Wave_read]:
    """Open a wav file; whatever is wrong with it, even while it is read, is a `DatasetError`."""
    try:
        # Not by its path: the lengths it declares are bounded by the bytes that there are.
        with wave.open(io.BytesIO(read_bytes(path, most=_MOST_BYTES, root=root))) as file:
            yield file
    except MissingForeignFileError as error:
        raise DatasetError(f"{shown(path)} is missing: restore it or remove its clip.") from error
    except ForeignFileError as error:
        raise DatasetError(str(error)) from error
    except EOFError:
        raise DatasetError(
            f"{path} cannot be read as a wav file, since it is cut short: replace it."
        ) from None
    except (wave.Error, RuntimeError, ValueError, struct.error) as error:
        raise DatasetError(f"{path} cannot be read as a wav file ({error}): replace it.") from error
