"""Moving backgrounds: patterns and drifting clutter that say nothing about what sounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_tavis.lab.toyworld.raster import rasterize
from napari_tavis.lab.toyworld.shapes import Color, Shape, ellipse, hsv, rotate, shade, smooth

Field: TypeAlias = npt.NDArray[np.floating]
Picture: TypeAlias = npt.NDArray[np.uint8]

# drawn with equal chance
PATTERNS: tuple[str, ...] = (
    "gradient", "clouds", "stripes", "checker", "rings", "dots", "hills",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Blob:
    """A piece of clutter that drifts through the frame."""

    outline: npt.NDArray[np.float64]  # (n, 2), vertices around the origin, in frame sides
    color: Color
    start: tuple[float, float]  # place at time zero, in frame sides
    velocity: tuple[float, float]  # frame sides per second
    spin: float  # radians per second

    def shape(self, time: float) -> Shape:
        """Give the blob at a time, in frame coordinates from 0 to 1; it re-enters opposite."""
        place = (np.add(self.start, np.multiply(self.velocity, time)) + 0.2) % 1.4 - 0.2
        return Shape(rotate(self.outline, self.spin * time) + place, self.color)


@dataclass(frozen=True, eq=False)
class Background:
    """A moving pattern of two colours under drifting clutter."""

    pattern: str  # one of `PATTERNS`
    colors: tuple[Color, Color]
    angle: float  # direction of the pattern in radians
    turning: float  # its change per second
    period: float  # size of the pattern's repeat, in frame sides
    velocity: tuple[float, float]  # of the pattern, in frame sides per second
    # (48, 48), smooth noise: "clouds" itself, a faint unevenness of the other patterns
    texture: npt.NDArray[np.uint8]
    unevenness: float  # strength of that
    clutter: tuple[Blob, ...]  # floats in front of the pattern

    def render(self, time: float, size: int) -> Picture:
        """Draw the background at a time in seconds: (size, size, 3)."""
        clouds = self._clouds(time, size)
        mix = clouds if self.pattern == "clouds" else self._pattern(time, size)
        first, second = np.asarray(self.colors, dtype=np.float32)
        picture = first + mix[..., None] * (second - first)
        picture *= (1 + self.unevenness * (clouds - 0.5))[..., None]
        drawn = np.clip(picture, 0, 255).astype(np.uint8)
        return self._with_clutter(drawn, time) if self.clutter else drawn

    def _clouds(self, time: float, size: int) -> Field:
        side = self.texture.shape[0]
        span = 10 + 12 * min(self.period, 0.6)
        middle = (side - span) / 2
        x, y = np.clip(middle + 6 * time * np.asarray(self.velocity), 0, side - span)
        view = Image.fromarray(self.texture).resize(
            (size, size), Image.Resampling.BICUBIC, box=(x, y, x + span, y + span)
        )
        return np.asarray(view, dtype=np.float32) / 255

    def _pattern(self, time: float, size: int) -> Field:
        axis = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
        dx, dy = np.multiply(self.velocity, time)
        angle = self.angle + self.turning * time
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        x, y = (axis - np.float32(dx))[None, :], (axis - np.float32(dy))[:, None]
        if self.pattern == "gradient":
            return np.clip(0.5 + 0.75 * (cos * axis[None, :] + sin * axis[:, None]), 0, 1)
        if self.pattern == "hills":
            return self._hills(time, axis)
        wave = np.float32(2 * np.pi / self.period)
        soft = np.float32(self.period / 0.05)  # edges about a hundredth of the frame wide
        if self.pattern == "rings":
            return np.clip(0.5 + soft * np.sin(wave * np.sqrt(x**2 + y**2)), 0, 1)
        along, across = wave * (cos * x + sin * y), wave * (cos * y - sin * x)
        if self.pattern == "stripes":
            return np.clip(0.5 + soft * np.sin(along), 0, 1)
        if self.pattern == "checker":
            return np.clip(0.5 + soft * np.sin(along) * np.sin(across), 0, 1)
        return np.clip(0.5 + soft * (np.cos(along) + np.cos(across) - 1.1), 0, 1)

    def _hills(self, time: float, axis: Field) -> Field:
        """Draw a sky that brightens downwards over three ridges, each passing at its own speed."""
        x, y = axis[None, :] + 0.5, axis[:, None] + 0.5
        mix = np.broadcast_to(0.55 * y, (len(axis), len(axis))).astype(np.float32)
        for k in range(3):
            drift = self.velocity[0] * time * (k + 1)
            ridge = (
                0.45
                + 0.17 * k
                + 0.07 * np.sin(9 * self.period * (x - drift) * (3 - k) + self.angle * k)
            )
            ridge += 0.03 * np.sin(23 * (x - drift) + 5 * self.angle)
            inside = np.clip((y - ridge) * 120, 0, 1)
            mix = mix + inside * (np.float32((0.7, 0.85, 1.0)[k]) - mix)
        return mix.astype(np.float32)

    def _with_clutter(self, picture: Picture, time: float) -> Picture:
        size = picture.shape[0]
        matrix = np.array([[size, 0, 0], [0, size, 0]], dtype=np.float64)
        sprite = rasterize(
            [blob.shape(time) for blob in self.clutter], matrix, size, supersampling=2
        )
        if sprite is None:
            return picture
        canvas = Image.fromarray(picture)
        canvas.paste(sprite.image, (sprite.left, sprite.top), sprite.image)
        return np.asarray(canvas)


def sample_background(rng: np.random.Generator) -> Background:
    hue, saturation, value = rng.random(), rng.uniform(0.08, 0.5), rng.uniform(0.4, 0.95)
    first = hsv(hue, saturation, value)
    contrast = rng.uniform(0.68, 0.9) if rng.random() < 0.6 else rng.uniform(1.2, 1.55)
    second = shade(hsv(hue + rng.normal(0, 0.09), saturation, value), contrast)
    texture = _smooth_noise(rng)
    clutter: tuple[Blob, ...] = ()
    if rng.random() < 0.55:
        clutter = tuple(_sample_blob(rng, hue, value) for _ in range(rng.integers(3, 10)))
    return Background(
        pattern=str(rng.choice(PATTERNS)),
        colors=(first, second),
        angle=rng.uniform(0, 2 * np.pi),
        turning=rng.normal(0, 0.05),
        period=rng.uniform(0.12, 0.5),
        velocity=(rng.normal(0, 0.05), rng.normal(0, 0.04)),
        texture=texture,
        unevenness=rng.uniform(0.0, 0.35),
        clutter=clutter,
    )


def _smooth_noise(rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Sum noise of three grain sizes, stretched to the full range."""
    total = np.zeros((48, 48))
    for cells, weight in ((8, 1.0), (16, 0.6), (48, 0.15)):
        grain = Image.fromarray((255 * rng.random((cells, cells))).astype(np.uint8))
        total += weight * np.asarray(grain.resize((48, 48), Image.Resampling.BICUBIC))
    low, high = total.min(), total.max()
    return np.clip(255 * (total - low) / (high - low), 0, 255).astype(np.uint8)


def _sample_blob(rng: np.random.Generator, hue: float, value: float) -> Blob:
    radius, kind = rng.uniform(0.025, 0.11), rng.integers(4)
    if kind == 0:
        outline = ellipse(0, 0, radius, radius * rng.uniform(0.5, 1), rng.uniform(0, 3))
    elif kind == 1:
        outline = ellipse(0, 0, radius, radius, rng.uniform(0, 6), count=int(rng.integers(3, 6)))
    elif kind == 2:
        angle = np.linspace(0, 2 * np.pi, 7, endpoint=False)
        reach = radius * rng.uniform(0.5, 1.2, 7)
        outline = smooth(np.stack([reach * np.cos(angle), reach * np.sin(angle)], axis=1))
    else:
        half, thin = 1.6 * radius, rng.uniform(0.006, 0.015)
        outline = rotate(
            [(-half, -thin), (half, -thin), (half, thin), (-half, thin)], rng.uniform(0, 3)
        )
    color = hsv(
        hue + rng.normal(0, 0.2),
        rng.uniform(0.1, 0.55),
        np.clip(value + rng.normal(0, 0.2), 0.25, 1),
    )
    return Blob(
        outline=np.asarray(outline),
        color=color,
        start=(rng.uniform(-0.2, 1.2), rng.uniform(-0.2, 1.2)),
        velocity=(rng.normal(0, 0.05), rng.normal(0, 0.05)),
        spin=rng.normal(0, 0.4),
    )
