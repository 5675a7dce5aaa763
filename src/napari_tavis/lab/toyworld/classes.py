"""The toy world's classes: AVSBench names, each with its look and its sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from napari_tavis.lab.toyworld.looks import (
    draw_bell,
    draw_bird,
    draw_cat,
    draw_clock,
    draw_dog,
    draw_drum,
    draw_emergency_car,
    draw_guitar,
    draw_helicopter,
    draw_train,
)
from napari_tavis.lab.toyworld.shapes import Shape, Style
from napari_tavis.lab.toyworld.sounds import (
    Wave,
    sound_bell,
    sound_bird,
    sound_cat,
    sound_clock,
    sound_dog,
    sound_drum,
    sound_emergency_car,
    sound_guitar,
    sound_helicopter,
    sound_train,
)


class ToyClass(NamedTuple):
    """A class of the toy world."""

    # shapes of an object of a style at a time in seconds
    draw: Callable[[Style, float], list[Shape]]
    # that many seconds at 16 kHz, of any level; the generator draws pitch, tempo, timbre
    sound: Callable[[np.random.Generator, float], Wave]


# in alphabetical order
TOY_CLASSES: dict[str, ToyClass] = {
    "bell": ToyClass(draw_bell, sound_bell),
    "bird": ToyClass(draw_bird, sound_bird),
    "cat": ToyClass(draw_cat, sound_cat),
    "clock": ToyClass(draw_clock, sound_clock),
    "dog": ToyClass(draw_dog, sound_dog),
    "drum": ToyClass(draw_drum, sound_drum),
    "emergency-car": ToyClass(draw_emergency_car, sound_emergency_car),
    "guitar": ToyClass(draw_guitar, sound_guitar),
    "helicopter": ToyClass(draw_helicopter, sound_helicopter),
    "train": ToyClass(draw_train, sound_train),
}

CLASSES: tuple[str, ...] = tuple(TOY_CLASSES)
