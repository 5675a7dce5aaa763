"""The sounds of vehicles: emergency-car, helicopter, train."""

from __future__ import annotations

import numpy as np

from napari_tavis.lab.toyworld.sounds.tones import (
    Wave,
    band_noise,
    clock_times,
    glide,
    harmonics,
    sine,
    uniform,
)


def sound_emergency_car(rng: np.random.Generator, seconds: float) -> Wave:
    """Sound a siren: a tone that wails up and down, yelps quickly, or jumps between two notes."""
    kind, low = rng.integers(3), uniform(rng, 420, 720)
    high = low * rng.uniform(1.7, 2.3)
    time = clock_times(seconds)
    phase = rng.random()
    if kind == 0:  # wail
        course = 0.5 - 0.5 * np.cos(2 * np.pi * (rng.uniform(0.5, 1.0) * time + phase))
    elif kind == 1:  # yelp: quick rise, quicker fall
        course = 1 - np.abs(1 - 2 * ((rng.uniform(2.2, 3.8) * time + phase) % 1.0)) ** 1.3
    else:  # two notes in turn
        course = ((rng.uniform(1.0, 1.8) * time + phase) % 1.0 < 0.5).astype(float)
        high = low * rng.uniform(1.3, 1.42)
    frequency = low * (high / low) ** course
    brightness = rng.uniform(0.35, 0.7)
    return harmonics(glide(frequency), [brightness**k for k in range(5)])


def sound_helicopter(rng: np.random.Generator, seconds: float) -> Wave:
    """Chop: low noise cut by the blades, about ten times a second, under a thin turbine whine."""
    rate, sharp = rng.uniform(8, 14), rng.uniform(2, 5)
    time = clock_times(seconds)
    chop = ((0.5 + 0.5 * sine(time * rate)) ** sharp).astype(np.float32)
    wash = band_noise(rng, len(time), 90, uniform(rng, 700, 1600))
    thump = sine(time * uniform(rng, 60, 95))
    whine = sine(time * uniform(rng, 1400, 2800))
    return (0.12 + chop) * (wash + 0.8 * thump) + rng.uniform(0.02, 0.08) * whine


_HORN_CHORD = (1.0, 1.189, 1.335, 1.587)


def sound_train(rng: np.random.Generator, seconds: float) -> Wave:
    """Hoot: blasts of a steady horn chord over rumble and the clatter of the rails."""
    root, notes = uniform(rng, 190, 320), rng.integers(3, 5)
    blast, pause = rng.uniform(0.42, 0.85), rng.uniform(0.08, 0.18)
    clatter, depth = rng.uniform(2.5, 4.5), rng.uniform(0.4, 0.8)
    time = clock_times(seconds)
    chord = np.zeros(len(time), np.float32)
    for ratio in _HORN_CHORD[:notes]:
        pitch = root * ratio * rng.uniform(0.997, 1.003)
        chord += harmonics(time * pitch, (1.0, 0.7, 0.5, 0.3))
    place_in_blast = time % (blast + pause)
    gate = np.clip(np.minimum(place_in_blast / 0.04, (blast - place_in_blast) / 0.06), 0, 1)
    rumble = band_noise(rng, len(time), 50, 500)
    joints = np.exp(-((time * clatter) % 1.0) / (0.09 * clatter)).astype(np.float32)
    return chord * gate.astype(np.float32) / notes + depth * 0.5 * (0.4 + joints) * rumble
