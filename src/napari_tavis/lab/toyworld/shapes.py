"""The vector shapes that looks are drawn with, in an object's own unit coordinates.

An object fills about the square from -1 to 1, x to the right, y downwards. Nothing here knows
about pixels: `napari_tavis.lab.toyworld.raster` turns shapes into pictures at any size.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Color: TypeAlias = tuple[int, int, int]
Points: TypeAlias = npt.NDArray[np.float64]
PointsLike: TypeAlias = Points | Sequence[tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Shape:
    """One painted shape, drawn over those before it, in unit coordinates."""

    points: Points  # (n, 2), vertices (x, y)
    fill: Color | None = None  # None leaves the inside open
    stroke: Color | None = None  # of the line along the vertices; None draws none
    width: float = 0.0  # of that line
    closed: bool = True  # the line returns to the first vertex


@dataclass(frozen=True)
class Style:
    """What varies between two objects of one class."""

    body: Color
    accent: Color  # the second colour
    detail: Color  # small parts
    outline: Color  # contours
    line: float  # width of contours in unit coordinates
    # eight numbers from 0 to 1 that a look reads as its own shape parameters
    knobs: tuple[float, ...]
    tempo: float  # of moving parts, in turns per second
    phase: float  # of these at time zero, in turns

    def knob(self, index: int, low: float, high: float) -> float:
        """Read a shape parameter, scaled to a range."""
        return low + (high - low) * self.knobs[index]

    def turn(self, time: float) -> float:
        """Give the position of moving parts at a time, in radians."""
        return 2 * np.pi * (self.phase + self.tempo * time)

    def filled(self, points: PointsLike, fill: Color | None = None) -> Shape:
        """Make a closed shape with this style's contour, in the body colour by default."""
        color = self.body if fill is None else fill
        return Shape(np.asarray(points, dtype=np.float64), color, self.outline, self.line)


def hsv(hue: float, saturation: float, value: float) -> Color:
    """Convert hue, saturation and value, each 0 to 1, to a colour."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def shade(color: Color, factor: float) -> Color:
    """Darken a colour (factor under 1) or lighten it towards white (over 1, at most 2)."""
    if factor <= 1:
        return tuple(round(c * factor) for c in color)  # type: ignore[return-value]
    return tuple(round(c + (255 - c) * (factor - 1)) for c in color)  # type: ignore[return-value]


def ellipse(x: float, y: float, rx: float, ry: float, turn: float = 0.0, count: int = 36) -> Points:
    """Give the vertices of an ellipse, turned by an angle in radians."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    points = np.stack([rx * np.cos(angle), ry * np.sin(angle)], axis=1)
    return rotate(points, turn) + np.array((x, y))


def arc(
    x: float, y: float, rx: float, ry: float, start: float, stop: float, count: int = 16
) -> Points:
    """Give the vertices of a piece of an ellipse, angles in radians, clockwise on screen."""
    angle = np.linspace(start, stop, count)
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1)


def rounded(x0: float, y0: float, x1: float, y1: float, radius: float) -> Points:
    """Give the vertices of a rectangle with rounded corners."""
    quarter = np.pi / 2
    corners = ((x1, y1, 0), (x0, y1, 1), (x0, y0, 2), (x1, y0, 3))
    parts = []
    for x, y, k in corners:
        cx, cy = x + (radius if x == x0 else -radius), y + (radius if y == y0 else -radius)
        parts.append(arc(cx, cy, radius, radius, k * quarter, (k + 1) * quarter, 6))
    return np.concatenate(parts)


def smooth(points: PointsLike, per_span: int = 8) -> Points:
    """Give a closed Catmull-Rom curve through the given vertices."""
    p1 = np.asarray(points, dtype=np.float64)
    p0, p2, p3 = np.roll(p1, 1, 0), np.roll(p1, -1, 0), np.roll(p1, -2, 0)
    t = np.linspace(0, 1, per_span, endpoint=False)[None, :, None]
    a, b, c, d = (p[:, None, :] for p in (p0, p1, p2, p3))
    curve = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )
    return curve.reshape(-1, 2)


def rotate(points: PointsLike, turn: float, about: tuple[float, float] = (0.0, 0.0)) -> Points:
    """Rotate vertices by an angle in radians (clockwise on screen) about a point."""
    cos, sin = np.cos(turn), np.sin(turn)
    return (np.asarray(points) - about) @ np.array([[cos, sin], [-sin, cos]]) + about


def mirrored(points: PointsLike) -> Points:
    """Mirror vertices left to right."""
    return np.asarray(points, dtype=np.float64) * (-1.0, 1.0)


def line(points: PointsLike, color: Color, width: float) -> Shape:
    """Make an open line."""
    return Shape(np.asarray(points, dtype=np.float64), None, color, width, closed=False)


def patch(points: PointsLike, color: Color) -> Shape:
    """Make a filled shape without a contour."""
    return Shape(np.asarray(points, dtype=np.float64), color)
