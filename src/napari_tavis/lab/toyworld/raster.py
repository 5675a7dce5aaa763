"""From vector shapes to pixels: antialiased sprites with their exact coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from napari_tavis.lab.toyworld.shapes import Shape

SUPERSAMPLING = 4  # subpixels per pixel side: coverage comes in steps of 1/16


@dataclass(frozen=True, eq=False)
class Sprite:
    """A drawn object, cut to the part of the frame that it touches."""

    left: int  # position in the frame, in pixels
    top: int
    image: Image.Image  # RGBA; alpha is the share of each pixel that the object covers

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns of the frame that the sprite covers."""
        width, height = self.image.size
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


def rasterize(
    shapes: Sequence[Shape],
    matrix: npt.NDArray[np.float64],
    size: int,
    supersampling: int = SUPERSAMPLING,
) -> Sprite | None:
    """Draw shapes into a sprite of a square frame; None where nothing falls inside it.

    Shapes come in drawing order, in unit coordinates (x, y, 1), which the matrix (2, 3) maps to
    pixels.
    """
    points = [shape.points @ matrix[:, :2].T + matrix[:, 2] for shape in shapes]
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    margin = 1 + scale * max(shape.width for shape in shapes) / 2
    every = np.concatenate(points)
    low = np.maximum(np.floor(every.min(axis=0) - margin), 0).astype(int)
    high = np.minimum(np.ceil(every.max(axis=0) + margin), size).astype(int)
    width, height = (high - low).tolist()
    if width <= 0 or height <= 0:
        return None
    canvas = Image.new("RGBA", (width * supersampling, height * supersampling))
    draw = ImageDraw.Draw(canvas)
    for shape, vertices in zip(shapes, points, strict=True):
        _draw(draw, shape, (vertices - low) * supersampling - 0.5, scale * supersampling)
    # Averaging subpixels makes alpha the exact share of a pixel that is covered.
    return Sprite(int(low[0]), int(low[1]), canvas.reduce(supersampling))


def _draw(
    draw: ImageDraw.ImageDraw, shape: Shape, points: npt.NDArray[np.float64], scale: float
) -> None:
    if shape.fill is not None:
        draw.polygon(points.ravel().tolist(), fill=(*shape.fill, 255))
    if shape.stroke is None or shape.width <= 0:
        return
    color, width = (*shape.stroke, 255), max(1, round(shape.width * scale))
    path = np.concatenate([points, points[:1]]) if shape.closed else points
    draw.line(path.ravel().tolist(), fill=color, width=width)
    for x, y in _corners(path, width):
        r = (width - 1) / 2
        draw.ellipse((x - r, y - r, x + r, y + r), fill=color)


def _corners(path: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.float64]:
    """Find the vertices where a wide line needs a round joint or end: Pillow leaves a gap there."""
    steps = np.diff(path, axis=0)
    turns = np.diff(np.arctan2(steps[:, 1], steps[:, 0]))
    sharp = np.abs((turns + np.pi) % (2 * np.pi) - np.pi) * width > 2.5
    return np.concatenate([path[1:-1][sharp], path[:1], path[-1:]])
