"""The wav files of AVSBench: PCM16, mono, 16 kHz, long enough for one VGGish example a second."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.avsbench.errors import DatasetError

SAMPLE_RATE = 16_000
FULL_SCALE = 32768.0
_EXAMPLE_SPAN = 96 * 160
_WINDOW_OVERHANG = 400 - 160


def sample_range(examples: int) -> tuple[int, int]:
    """Give the lengths of a wav that make exactly so many VGGish examples.

    An example is 96 windows of 400 samples, 160 apart, and examples do not overlap.

    Parameters
    ----------
    examples : int
        Five (S4, MS3, v1s, v1m) or ten (v2).

    Returns
    -------
    tuple of int
        Least and greatest number of samples: 77,040 to 92,399 for five, 153,840 to 169,199 for
        ten.
    """
    least = examples * _EXAMPLE_SPAN + _WINDOW_OVERHANG
    return least, least + _EXAMPLE_SPAN - 1


def to_pcm16(waveform: npt.NDArray[np.floating], examples: int) -> npt.NDArray[np.int16]:
    """Turn a clip's sound into samples for its wav, padded with silence or cut where needed.

    Parameters
    ----------
    waveform : ndarray of float32, shape (samples,)
        Mono, 16 kHz, in [-1, 1]; louder is clipped, NaN is silence.
    examples : int
        Seconds of the clip, which is also its number of VGGish examples.

    Returns
    -------
    ndarray of int16, shape (samples,)
        As long as given if `sample_range` holds it, else exactly as many seconds as examples.
    """
    least, greatest = sample_range(examples)
    samples = np.nan_to_num(waveform, posinf=1.0, neginf=-1.0)
    if not least <= len(samples) <= greatest:
        length = examples * SAMPLE_RATE
        samples = np.pad(samples[:length], (0, max(0, length - len(samples))))
    scaled = np.round(samples.astype(np.float64) * FULL_SCALE)
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def write_wav(path: Path, samples: npt.NDArray[np.int16]) -> None:
    """Write samples as PCM16, mono, 16 kHz.

    Parameters
    ----------
    path : Path
        The file; its folder exists.
    samples : ndarray of int16, shape (samples,)
    """
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.astype("<i2").tobytes())


def read_wav(path: Path) -> npt.NDArray[np.int16]:
    """Read a PCM16 wav file at 16 kHz; of several channels their mean.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ndarray of int16, shape (samples,)

    Raises
    ------
    DatasetError
        If it is missing, damaged, or of another rate or sample format.
    """
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            announced, data = file.getnframes(), file.readframes(file.getnframes())
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing: restore it or remove its clip.") from None
    except EOFError:
        raise DatasetError(f"{path} is cut short: replace it.") from None
    except (OSError, wave.Error) as error:
        raise DatasetError(f"{path} cannot be read as a wav file ({error}): replace it.") from error
    if width != 2 or rate != SAMPLE_RATE:
        raise DatasetError(
            f"{path} has {8 * width} bits at {rate} Hz instead of 16 bits at {SAMPLE_RATE} Hz: "
            "convert it."
        )
    if len(data) < announced * channels * width:
        raise DatasetError(f"{path} is cut short: replace it.")
    samples = np.frombuffer(data, dtype="<i2").reshape(-1, channels)
    return samples[:, 0].copy() if channels == 1 else samples.mean(axis=1).astype(np.int16)


def wav_format(path: Path) -> tuple[int, int, int]:
    """Read the format of a wav file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    tuple of int
        Channels, bits per sample, and sampling rate in Hz.

    Raises
    ------
    DatasetError
        If it is missing or damaged.
    """
    try:
        with wave.open(str(path), "rb") as file:
            return file.getnchannels(), 8 * file.getsampwidth(), file.getframerate()
    except (OSError, EOFError, wave.Error) as error:
        raise DatasetError(f"{path} cannot be read as a wav file ({error}): replace it.") from error
