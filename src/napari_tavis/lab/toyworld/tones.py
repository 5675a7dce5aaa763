"""Building blocks of sound synthesis, all at 16 kHz."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import signal

RATE = 16000
"""Samples per second of everything synthesised here."""

Wave: TypeAlias = npt.NDArray[np.float32]
Array: TypeAlias = npt.NDArray[np.floating]


def clock_times(seconds: float) -> npt.NDArray[np.float64]:
    """Give the time of each sample of a stretch, in seconds."""
    return np.arange(round(seconds * RATE)) / RATE


def sine(cycles: Array) -> Wave:
    """Give the sine of a phase counted in cycles."""
    return np.sin((2 * np.pi * (cycles % 1.0)).astype(np.float32))


def glide(frequency: Array) -> npt.NDArray[np.float64]:
    """Integrate a frequency in hertz, one value per sample, to a phase in cycles."""
    return np.cumsum(frequency) / RATE


def harmonics(cycles: Array, amplitudes: Sequence[float] | Array) -> Wave:
    """Sum a harmonic series.

    Parameters
    ----------
    cycles : ndarray, shape (n,)
        Phase of the fundamental in cycles.
    amplitudes : sequence of float or ndarray, shape (harmonics,) or (harmonics, n)
        Amplitude of each harmonic, constant or changing.

    Returns
    -------
    ndarray of float32, shape (n,)
    """
    angle = (2 * np.pi * (cycles % 1.0)).astype(np.float32)
    base = np.cos(angle) + 1j * np.sin(angle)
    turn, total = base.copy(), np.zeros(len(base), np.float32)
    for amplitude in amplitudes:
        total += np.asarray(amplitude, np.float32) * turn.imag
        turn *= base
    return total


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number between two bounds, evenly on a logarithmic scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def band_noise(rng: np.random.Generator, count: int, low: float, high: float) -> Wave:
    """Make noise between two frequencies in hertz, of unit RMS."""
    sections = signal.butter(2, (low, high), "bandpass", fs=RATE, output="sos")
    noise = signal.sosfilt(sections, rng.standard_normal(count, dtype=np.float32))
    return (noise / (np.sqrt(np.mean(noise**2)) + 1e-9)).astype(np.float32)


def swell(count: int, attack: float, release: float) -> Wave:
    """Make an envelope that rises for `attack` seconds and falls for the last `release`."""
    time = np.arange(count, dtype=np.float32) / RATE
    rise = np.clip(time / attack, 0, 1)
    fall = np.clip((count / RATE - time) / release, 0, 1)
    return np.sin(0.5 * np.pi * np.minimum(rise, fall)).astype(np.float32)


def steady_onsets(
    rng: np.random.Generator, period: float, jitter: float, seconds: float
) -> npt.NDArray[np.float64]:
    """Give event times in seconds: the first at once, then about every `period`.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the irregularity.
    period : float
        Seconds between events.
    jitter : float
        Irregularity as a share of the period, 0 to 1.
    seconds : float
        Length of the stretch.
    """
    beats = np.arange(0.0, seconds, period)
    moved = beats + period * jitter * rng.uniform(-0.5, 0.5, len(beats))
    return np.maximum(moved, 0.0)


def place(events: Sequence[tuple[float, Wave]], seconds: float) -> Wave:
    """Add events, each a start in seconds and a waveform, into a silent stretch."""
    total = np.zeros(round(seconds * RATE), np.float32)
    for start, wave in events:
        first = round(start * RATE)
        part = wave[: max(0, len(total) - first)]
        total[first : first + len(part)] += part
    return total
