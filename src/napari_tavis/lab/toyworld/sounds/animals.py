"""The sounds of animals: bird, cat, dog."""

from __future__ import annotations

import numpy as np

from napari_tavis.lab.toyworld.sounds.tones import (
    Array,
    Wave,
    band_noise,
    clock_times,
    glide,
    harmonics,
    place,
    sine,
    steady_onsets,
    swell,
    uniform,
)


def _formants(frequency: Array, count: int, centre: Array, width: float) -> Array:
    """Weigh harmonics by their distance (in octaves) from a resonance that may move."""
    order = np.arange(1, count + 1)[:, None]
    octaves = np.log2(order * frequency[None, :] / centre[None, :])
    return np.exp(-0.5 * (octaves / width) ** 2) / np.sqrt(order)


def _bark(rng: np.random.Generator, pitch: float, length: float, rough: float) -> Wave:
    time = clock_times(length)
    arch = np.sin(np.pi * np.clip(time / length, 0, 1)) ** 0.6
    frequency = pitch * (0.62 + 0.5 * arch)
    amplitudes = _formants(frequency, 12, np.full(len(time), 950.0), 0.9)
    voice = harmonics(glide(frequency), amplitudes)
    voice *= 1 + rough * sine(time * rng.uniform(55, 90))
    breath = band_noise(rng, len(time), 500, 3500)
    return (voice / (np.abs(voice).max() + 1e-9) + 0.16 * breath) * swell(len(time), 0.012, 0.07)


def sound_dog(rng: np.random.Generator, seconds: float) -> Wave:
    """Bark: short rough bursts whose pitch rises and falls, two or three a second."""
    pitch, length = uniform(rng, 240, 620), rng.uniform(0.13, 0.22)
    period, rough = rng.uniform(0.3, 0.48), rng.uniform(0.2, 0.6)
    barks = [_bark(rng, pitch * k, length, rough) for k in (1.0, rng.uniform(0.85, 1.15))]
    onsets = steady_onsets(rng, period, 0.2, seconds)
    gains = rng.uniform(0.75, 1.0, len(onsets))
    return place([(t, barks[k % 2] * gains[k]) for k, t in enumerate(onsets)], seconds)


def _meow(pitch: float, length: float, bright: float, peak: float) -> Wave:
    time = clock_times(length)
    u = time / length
    frequency = pitch * (
        0.8 + 0.45 * np.sin(np.pi * np.clip(u, 0, 1) ** peak) + 0.012 * np.sin(40 * time)
    )
    centre = 700 + bright * np.sin(np.pi * np.clip(u * 1.15, 0, 1)) ** 1.5
    voice = harmonics(glide(frequency), _formants(frequency, 12, centre, 0.55))
    return voice / (np.abs(voice).max() + 1e-9) * swell(len(time), 0.07, 0.16)


def sound_cat(rng: np.random.Generator, seconds: float) -> Wave:
    """Meow: long gliding vowels whose resonance opens and closes, some two a second."""
    pitch, length = uniform(rng, 420, 820), rng.uniform(0.36, 0.52)
    period = length + rng.uniform(0.04, 0.12)
    bright = rng.uniform(1100, 2200)
    meows = [
        _meow(pitch * k, length, bright, rng.uniform(0.6, 1.1))
        for k in (1.0, rng.uniform(0.88, 1.12))
    ]
    onsets = steady_onsets(rng, period, 0.06, seconds)
    return place([(t, meows[k % 2]) for k, t in enumerate(onsets)], seconds)


def _chirp(low: float, high: float, length: float, shape: int, trill: float) -> Wave:
    time = clock_times(length)
    u = time / length
    course = (u, 1 - u, np.sin(np.pi * u), 0.5 + 0.5 * np.sin(2 * np.pi * trill * time))[shape]
    frequency = low + (high - low) * course
    return harmonics(glide(frequency), (1.0, 0.12)) * swell(len(time), 0.012, 0.03)


def sound_bird(rng: np.random.Generator, seconds: float) -> Wave:
    """Chirp: quick high whistles that sweep, in motifs of two to four, over and over."""
    low = uniform(rng, 2200, 3600)
    gap, trill = rng.uniform(0.02, 0.06), rng.uniform(25, 45)
    motif: list[tuple[float, Wave]] = []
    at = 0.0
    for _ in range(rng.integers(2, 5)):
        length = rng.uniform(0.06, 0.15)
        high = low * rng.uniform(1.25, 1.8)
        motif.append(
            (at, _chirp(low * rng.uniform(0.9, 1.1), high, length, int(rng.integers(4)), trill))
        )
        at += length + gap
    period = at + rng.uniform(0.05, 0.22)
    onsets = steady_onsets(rng, period, 0.1, seconds)
    return place([(start + t, wave) for start in onsets for t, wave in motif], seconds)
