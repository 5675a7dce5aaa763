"""The sounds of musical instruments: drum, guitar."""

from __future__ import annotations

import numpy as np

from napari_tavis.lab.toyworld.sounds.tones import (
    Wave,
    band_noise,
    clock_times,
    glide,
    place,
    sine,
    uniform,
)

_PENTATONIC = (0, 3, 5, 7, 10, 12, 15)


def _thud(rng: np.random.Generator, pitch: float, decay: float, snap: float) -> Wave:
    time = clock_times(0.45)
    frequency = pitch * (1 + 1.3 * np.exp(-time / 0.03))
    body = sine(glide(frequency)) * np.exp(-time / decay).astype(np.float32)
    skin = band_noise(rng, len(time), 150, 1800) * np.exp(-time / 0.022).astype(np.float32)
    return body + snap * skin


def sound_drum(rng: np.random.Generator, seconds: float) -> Wave:
    """Beat: low thuds in a repeated rhythm, some of them higher."""
    pitch, decay = uniform(rng, 58, 120), rng.uniform(0.08, 0.17)
    step, snap = rng.uniform(0.13, 0.2), rng.uniform(0.15, 0.4)
    low, high = (
        _thud(rng, pitch, decay, snap),
        _thud(rng, pitch * rng.uniform(1.5, 2), 0.7 * decay, snap),
    )
    beats = rng.random(8) < 0.55
    beats[::3] = True  # the longest pause is three steps
    voices = np.where(rng.random(8) < 0.35, 1, 0)
    voices[0] = 0
    count = int(np.ceil(seconds / step))
    events = [
        (k * step, (high if voices[k % 8] else low) * (1.0 if k % 8 == 0 else 0.8))
        for k in range(count)
        if beats[k % 8]
    ]
    return place(events, seconds)


def _pluck(pitch: float, damping: float, position: float) -> Wave:
    """Pluck a string: harmonic k is the k-th power of one decaying turn, so fades k-fold."""
    time = clock_times(0.9)
    phase = (2 * np.pi * ((time * pitch) % 1.0)).astype(np.float32)
    fall = np.exp(-damping * time).astype(np.float32)
    base = fall * (np.cos(phase) + 1j * np.sin(phase))
    slow = np.exp(-1.6 * time).astype(np.float32)
    turn, total = base.copy(), np.zeros(len(time), np.float32)
    for k in range(1, min(16, int(7000 / pitch)) + 1):
        total += np.float32(abs(np.sin(np.pi * k * position)) / k**0.8) * turn.imag
        turn *= base
    total *= slow
    total[:24] *= np.linspace(0, 1, 24, dtype=np.float32)
    return total


def sound_guitar(rng: np.random.Generator, seconds: float) -> Wave:
    """Pluck: a melody or strummed chords of decaying strings."""
    root, damping = uniform(rng, 110, 250), rng.uniform(0.7, 1.6)
    position, step = rng.uniform(0.12, 0.3), rng.uniform(0.19, 0.4)
    degrees = rng.choice(_PENTATONIC, size=4, replace=False)
    strings = [_pluck(root * 2 ** (d / 12), damping, position) for d in degrees]
    strummed = rng.random() < 0.4
    strum_gap = rng.uniform(0.012, 0.03)
    events: list[tuple[float, Wave]] = []
    for start in np.arange(0.0, seconds, step * (1.35 if strummed else 1.0)):
        if strummed:
            order = rng.permutation(4)[:3]
            events += [(start + strum_gap * k, strings[s]) for k, s in enumerate(order)]
        else:
            events.append((float(start), strings[rng.integers(4)]))
    return place(events, seconds)
