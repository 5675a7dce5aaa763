"""What a scene sounds like: levels, silence, and classes that can be told apart by ear."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import signal

from napari_tavis.lab.toyworld import CLASSES, Scene, sample_scene
from napari_tavis.lab.toyworld.classes import TOY_CLASSES
from napari_tavis.lab.toyworld.objects import Voice

RATE = 16000
STARTS = np.array([0, 0.75, 1.5, 2.25, 3.0])


def _decibels(wave: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(wave, dtype=np.float64))) + 1e-12))


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [sample_scene(seed) for seed in range(80)]


@pytest.mark.parametrize("class_name", CLASSES)
def test_a_sound_fills_every_stretch_of_its_length(class_name: str) -> None:
    for seed in range(6):
        wave = TOY_CLASSES[class_name].sound(np.random.default_rng(seed), 5.0)
        assert wave.shape == (5 * RATE,)
        assert np.isfinite(wave).all()
        whole = _decibels(wave)
        stretches = np.lib.stride_tricks.sliding_window_view(wave, round(0.6 * RATE))[::1600]
        assert min(_decibels(stretch) for stretch in stretches) > whole - 12


@pytest.mark.parametrize("class_name", CLASSES)
def test_a_sound_varies_from_object_to_object(class_name: str) -> None:
    sound = TOY_CLASSES[class_name].sound
    spectra = []
    for seed in range(4):
        power = signal.welch(sound(np.random.default_rng(seed), 5.0), RATE, nperseg=512)[1]
        spectra.append(np.log(power / power.sum() + 1e-6))
    distances = [np.abs(spectra[i] - spectra[j]).mean() for i in range(4) for j in range(i)]
    assert max(distances) > 0.05


@pytest.mark.parametrize("class_name", ["bell", "bird", "cat", "clock", "dog", "drum", "guitar"])
def test_pulsed_sounds_have_three_events_in_two_seconds(class_name: str) -> None:
    for seed in range(6):
        wave = TOY_CLASSES[class_name].sound(np.random.default_rng(seed), 5.0)
        blocks = np.abs(wave[: 499 * 160].reshape(499, 160)).max(axis=1)
        rises = np.diff(np.log(blocks + 0.02 * blocks.max()), prepend=-4)
        onsets = signal.find_peaks(rises, height=0.25, distance=6)[0]
        assert len(onsets) >= 6


def test_levels_keep_their_promises(scenes: list[Scene]) -> None:
    for scene in scenes[:40]:
        floor = _decibels(scene.waveform(only=[]))
        assert -70.5 < floor < -49.5
        voices = [thing.voice for thing in scene.objects] + list(scene.offscreen)
        levels = [voice.level for voice in voices if voice.active is not None]
        assert all(-24 <= level <= -12 for level in levels)
        assert not levels or max(levels) - min(levels) <= 8
        for voice in voices:
            assert abs(_decibels(voice.continuous(scene.duration)) - voice.level) < 0.01
        assert np.abs(scene.waveform()).max() <= 1


def test_only_gives_one_object_throughout_the_clip(scenes: list[Scene]) -> None:
    scene = next(scene for scene in scenes if len(scene.objects) == 3)
    floor = scene.waveform(only=[])
    for index, thing in enumerate(scene.objects):
        alone = scene.waveform(only=[index])
        difference = alone - floor
        quiet = np.abs(alone) < 0.75  # below the limiter's knee
        np.testing.assert_allclose(difference[quiet], thing.voice.continuous(5.0)[quiet], atol=1e-4)
    silent = scene.waveform(only=[])
    np.testing.assert_array_equal(silent, floor)


def test_a_silent_scene_is_its_noise_floor(scenes: list[Scene]) -> None:
    scene = next(
        scene for scene in scenes if not scene.sounding(STARTS).any() and not scene.offscreen
    )
    np.testing.assert_array_equal(scene.waveform(), scene.waveform(only=[]))
    assert scene.waveform().any()


def test_windows_said_to_sound_are_loud_and_the_others_quiet(scenes: list[Scene]) -> None:
    """Listen to each object by itself, switched as in its scene, in each standard window."""
    heard = unheard = 0
    for scene in scenes[:60]:
        sounding = scene.sounding(STARTS)
        for index, thing in enumerate(scene.objects):
            alone = _only_switched(scene, index).waveform()
            floor = _decibels(scene.waveform(only=[]))
            for window, start in enumerate(STARTS):
                level = _decibels(alone[round(start * RATE) : round((start + 2) * RATE)])
                if sounding[window, index]:
                    assert level > thing.voice.level - 12
                    heard += 1
                else:
                    first, last = start + 0.1, start + 1.9
                    inner = alone[round(first * RATE) : round(last * RATE)]
                    assert _decibels(inner) < floor + 1
                    unheard += 1
    assert heard > 50
    assert unheard > 50


def _only_switched(scene: Scene, index: int) -> Scene:
    return replace(scene, objects=(scene.objects[index],), offscreen=())


def test_a_switched_sound_begins_with_its_first_event() -> None:
    for name in CLASSES:
        wave = Voice(name, 4, -15.0, (1.0, 3.0)).gated(5.0)
        assert not wave[:RATE].any()
        assert not wave[3 * RATE :].any()
        assert np.abs(wave[RATE : RATE + 3200]).max() > 0.03


def test_sounding_needs_six_tenths_of_a_second() -> None:
    scene = sample_scene(5, count=1, sounding=1)
    thing = scene.objects[0]
    for active, expected in (
        ((0.0, 0.59), [False, False, False, False, False]),
        ((0.0, 0.61), [True, False, False, False, False]),
        ((4.0, 5.0), [False, False, False, False, True]),
        ((0.0, 5.0), [True] * 5),
        (None, [False] * 5),
    ):
        voice = replace(thing.voice, active=active)
        changed = replace(scene, objects=(replace(thing, voice=voice),))
        assert changed.sounding(STARTS)[:, 0].tolist() == expected


def test_classes_can_be_told_apart_by_ear() -> None:
    """A nearest-neighbour listener on band energies and their modulation names most sounds."""
    features, names = [], []
    for name in CLASSES:
        for seed in range(24):
            wave = TOY_CLASSES[name].sound(np.random.default_rng(seed), 2.0)
            features.append(_impression(wave))
            names.append(name)
    table, labels = np.array(features), np.array(names)
    table = (table - table.mean(0)) / table.std(0)
    distance = np.square(table[:, None] - table[None]).sum(-1)
    np.fill_diagonal(distance, np.inf)
    right = labels[distance.argmin(1)] == labels
    assert right.mean() > 0.85
    for name in CLASSES:
        assert right[labels == name].mean() > 0.5


def _impression(wave: np.ndarray) -> np.ndarray:
    _, _, spectrum = signal.stft(wave, RATE, nperseg=512, noverlap=352)
    edges = np.unique(np.geomspace(2, 256, 20).astype(int))
    power = np.abs(spectrum) ** 2
    bands = np.array([power[a:b].sum(0) for a, b in pairwise(edges)])
    levels = np.log(bands / bands.sum(0).max() + 1e-4)
    return np.concatenate([levels.mean(1), levels.std(1), np.abs(np.diff(levels)).mean(1)])
