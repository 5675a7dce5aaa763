"""The sounds of things found in houses and towers: bell, clock."""

from __future__ import annotations

import numpy as np

from napari_tavis.lab.toyworld.sounds.tones import (
    Wave,
    band_noise,
    clock_times,
    place,
    sine,
    steady_onsets,
    uniform,
)

_BELL_PARTIALS = (0.5, 1.0, 1.19, 1.5, 2.0, 2.51, 2.66, 3.01, 4.16, 5.43)
"""Hum, prime, tierce, quint, nominal and above, as in a church bell."""


def sound_bell(rng: np.random.Generator, seconds: float) -> Wave:
    """Toll: inharmonic partials that ring on, struck about twice a second."""
    pitch, decay = uniform(rng, 380, 1000), rng.uniform(0.4, 0.9)
    period = rng.uniform(0.4, 0.58)
    time = clock_times(1.6)
    strike = np.zeros(len(time), np.float32)
    for ratio in _BELL_PARTIALS:
        partial = ratio * pitch * rng.uniform(0.995, 1.005)
        fall = np.exp(-time / (decay / ratio**0.7)).astype(np.float32)
        strike += rng.uniform(0.5, 1.0) / ratio**0.3 * fall * sine(time * partial)
    strike[:32] *= np.linspace(0, 1, 32, dtype=np.float32)
    onsets = steady_onsets(rng, period, 0.05, seconds)
    gains = rng.uniform(0.75, 1.0, len(onsets))
    return place([(t, strike * gain) for t, gain in zip(onsets, gains, strict=True)], seconds)


def _tick(rng: np.random.Generator, pitch: float, decay: float) -> Wave:
    time = clock_times(0.09)
    wave = np.zeros(len(time), np.float32)
    for ratio in (1.0, 1.53, 2.21):
        wave += np.exp(-time * ratio / decay).astype(np.float32) * sine(time * pitch * ratio)
    burst = band_noise(rng, len(time), 2500, 7000) * np.exp(-time / 0.004).astype(np.float32)
    return wave + 0.8 * burst


def sound_clock(rng: np.random.Generator, seconds: float) -> Wave:
    """Tick: very short, bright, even clicks, each second one a little lower."""
    pitch, decay = uniform(rng, 1500, 2900), rng.uniform(0.018, 0.034)
    period = rng.uniform(0.2, 0.42)
    ticks = [_tick(rng, pitch, decay), _tick(rng, pitch * rng.uniform(0.72, 0.9), decay)]
    onsets = steady_onsets(rng, period, 0.0, seconds) + 0.01
    return place([(t, ticks[k % 2]) for k, t in enumerate(onsets)], seconds)
