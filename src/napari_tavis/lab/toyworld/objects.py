"""One thing of a scene: its style, its path through the frame, and when it sounds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_tavis.lab.toyworld.classes import TOY_CLASSES
from napari_tavis.lab.toyworld.raster import Sprite, rasterize
from napari_tavis.lab.toyworld.shapes import Style
from napari_tavis.lab.toyworld.sounds import RATE, Wave, swell

GATE_RAMP = 0.03  # seconds in which a sound that is switched fades in or out


@dataclass(frozen=True)
class Path:
    """Where an object is, in frame sides, with a slow drift and a sway about it."""

    center: tuple[float, float]  # (x, y) at mid-clip
    drift: tuple[float, float]  # the way gone from there per second
    middle: float  # mid-clip in seconds
    sway: tuple[float, float]  # amplitudes of the back-and-forth (x, y)
    radius: float  # half the object's longer side
    tilt: float  # mean rotation, in radians
    rock: float  # amplitude of the rocking, in radians
    stretch: float  # width over height of the pose, about 1
    flipped: bool  # faces left
    tempo: float  # of sway and rocking, per second
    phase: float  # of both, in turns

    def place(self, time: float) -> tuple[float, float]:
        """Give the object's centre at a time in seconds, in frame sides."""
        turn = 2 * math.pi * (self.tempo * time + self.phase)
        since = time - self.middle
        return (
            self.center[0] + self.drift[0] * since + self.sway[0] * math.sin(turn),
            self.center[1] + self.drift[1] * since + self.sway[1] * math.cos(turn),
        )

    def matrix(self, time: float, size: int) -> npt.NDArray[np.float64]:
        """Give the affine map (2, 3) from the object's unit coordinates to pixels."""
        x, y = self.place(time)
        turn = 2 * math.pi * (self.tempo * time + self.phase)
        angle = self.tilt + self.rock * math.sin(1.3 * turn)
        cos, sin = math.cos(angle), math.sin(angle)
        width, height = self.radius * math.sqrt(self.stretch), self.radius / math.sqrt(self.stretch)
        width = -width if self.flipped else width
        return size * np.array([[cos * width, -sin * height, x], [sin * width, cos * height, y]])


@dataclass(frozen=True)
class Surface:
    """The material of an object: a faint pattern and a light from above, over its colours."""

    pattern: str  # "plain", "stripes", "dots" or "weave"
    frequency: float  # repeats per unit length of the object
    angle: float  # radians
    strength: float  # how far the pattern darkens, 0 to 1
    light: float  # how much darker the lower edge is than the upper one, 0 to 1

    def shading(
        self, across: npt.NDArray[np.float32], down: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.floating]:
        """Give the factor (h, w) on brightness at unit coordinates (x, y)."""
        light = 1 + self.light * np.float32(0.35) - self.light * (down + 1) / 2
        if self.pattern == "plain":
            return light
        wave = np.float32(2 * np.pi * self.frequency)
        cos, sin = np.float32(np.cos(self.angle)), np.float32(np.sin(self.angle))
        u = np.sin(wave * (cos * across + sin * down))
        if self.pattern == "stripes":
            return light * (1 - self.strength * (u > 0.2))
        v = np.sin(wave * (cos * down - sin * across))
        if self.pattern == "dots":
            return light * (1 - self.strength * (u + v > 1.1))
        return light * (1 - self.strength * 0.5 * (u * v + 1))


@dataclass(frozen=True)
class Voice:
    """The sound of one thing, seen or not."""

    class_name: str
    seed: int  # of pitch, tempo and timbre
    level: float  # RMS while sounding, in decibels of full scale
    active: tuple[float, float] | None  # start and end in the clip, in seconds; None never sounds

    def continuous(self, seconds: float) -> Wave:
        """Synthesise the voice as it sounds without a break, at 16 kHz."""
        wave = TOY_CLASSES[self.class_name].sound(np.random.default_rng(self.seed), seconds)
        rms = float(np.sqrt(np.mean(np.square(wave)))) + 1e-9
        return wave * np.float32(10 ** (self.level / 20) / rms)

    def gated(self, seconds: float) -> Wave:
        """Synthesise the voice as it sounds in the clip: silent outside `active`."""
        total = np.zeros(round(seconds * RATE), np.float32)
        if self.active is None:
            return total
        start, stop = self.active
        if start <= 0 and stop >= seconds:
            return self.continuous(seconds)
        first = round(start * RATE)
        part = self.continuous(seconds)[: round((stop - start) * RATE)]
        part = part * swell(len(part), GATE_RAMP, GATE_RAMP)
        total[first : first + len(part)] = part[: len(total) - first]
        return total


@dataclass(frozen=True)
class SceneObject:
    """A visible object of a scene.

    How it looks and moves is drawn without regard to whether it sounds.
    """

    class_name: str
    style: Style
    surface: Surface
    path: Path
    voice: Voice  # a silent distractor's `active` is None

    def draw(self, time: float, size: int) -> Sprite | None:
        """Draw the object at a time for a frame of a size, None where it is out of sight."""
        matrix = self.path.matrix(time, size)
        sprite = rasterize(TOY_CLASSES[self.class_name].draw(self.style, time), matrix, size)
        if sprite is None:
            return None
        return Sprite(sprite.left, sprite.top, self._shaded(sprite, matrix))

    def _shaded(self, sprite: Sprite, matrix: npt.NDArray[np.float64]) -> Image.Image:
        width, height = sprite.image.size
        inverse = np.linalg.inv(matrix[:, :2]).astype(np.float32)
        x = (sprite.left + 0.5 - matrix[0, 2] + np.arange(width)).astype(np.float32)[None, :]
        y = (sprite.top + 0.5 - matrix[1, 2] + np.arange(height)).astype(np.float32)[:, None]
        across, down = inverse[0, 0] * x + inverse[0, 1] * y, inverse[1, 0] * x + inverse[1, 1] * y
        pixels = np.array(sprite.image)
        bright = pixels[..., :3] * self.surface.shading(across, down)[..., None]
        pixels[..., :3] = np.minimum(bright, 255)
        return Image.fromarray(pixels)
