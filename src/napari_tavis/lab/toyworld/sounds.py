"""How the toy world's classes sound: each a function that synthesises a stretch of waveform.

Everything is at 16 kHz; the building blocks come first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import signal

RATE = 16000  # samples per second of everything synthesised here

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
    """Sum a harmonic series over the fundamental's phase (n,) in cycles.

    Amplitudes of the harmonics are constant, (harmonics,), or change, (harmonics, n).
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
    """Give event times in seconds: the first at once, then about every ``period``.

    They are irregular by ``jitter``, a share of the period.
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


# hum, prime, tierce, quint, nominal and above, as in a church bell
_BELL_PARTIALS = (0.5, 1.0, 1.19, 1.5, 2.0, 2.51, 2.66, 3.01, 4.16, 5.43)


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
