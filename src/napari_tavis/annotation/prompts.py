"""What a person shows of an object, and what the model makes of it. No torch here."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from napari_tavis.annotation.masks import Mask
from napari_tavis.core.errors import InferenceError


@dataclass(frozen=True)
class Prompts:
    """Clicks, a box, and a mask to start from: all that is shown of one object in one frame.

    Places are in pixels of the video as napari counts them: ``(0, 0)`` is the middle of the upper
    left pixel, ``(-0.5, -0.5)`` the picture's corner.

    Parameters
    ----------
    points : tuple of (float, float)
        Column and row, (x, y), of each click.
    labels : tuple of bool
        For each click whether it lies on the object.
    box : tuple of float, optional
        Two opposite corners, (x0, y0, x1, y1), of a box around the object.
    mask : ndarray of bool, shape (H, W), optional
        The mask to refine.
    """

    points: tuple[tuple[float, float], ...] = ()
    labels: tuple[bool, ...] = ()
    box: tuple[float, float, float, float] | None = None
    mask: Mask | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if len(self.points) != len(self.labels):
            raise ValueError(f"{len(self.points)} points with {len(self.labels)} labels")

    @property
    def empty(self) -> bool:
        """Whether nothing was shown."""
        return not (self.points or self.box or (self.mask is not None and self.mask.any()))

    def shares(self, size: tuple[int, int]) -> list[tuple[float, float, int]]:
        """Give the box's corners, then the clicks, as shares of the picture.

        Parameters
        ----------
        size : tuple of int
            Height and width of the video's frames, in pixels.

        Returns
        -------
        list of (float, float, int)
            Column and row, 0 to 1 from the picture's left and upper edge, and SAM 2's
            label: 1 on the object, 0 not, 2 and 3 a box's upper left and lower right corner.

        Raises
        ------
        InferenceError
            If a click lies outside the picture, or no part of the box inside.
        """
        clicks = zip(self.points, self.labels, strict=True)
        found = [(*_share(point, size), int(on)) for point, on in clicks]
        if any(not (0 <= x <= 1 and 0 <= y <= 1) for x, y, _ in found):
            raise InferenceError("A click lies outside the picture: click inside it.")
        if self.box is not None:
            corners = np.array([_share(self.box[:2], size), _share(self.box[2:], size)])
            corners = np.sort(corners.clip(0.0, 1.0), axis=0)
            if not np.all(corners[0] < corners[1]):
                raise InferenceError("The box has no area inside the picture: draw it again.")
            found = [(float(x), float(y), 2 + n) for n, (x, y) in enumerate(corners)] + found
        return found


@dataclass(frozen=True)
class PromptResult:
    """What the model makes of the prompts.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The mask at the size of the video.
    logits : bytes
        What it was cut out of: see `napari_tavis.annotation.logits`.
    score : float
        The model's own estimate of the mask's quality (IoU), 0 to 1.
    """

    mask: Mask
    logits: bytes
    score: float


def _share(place: tuple[float, ...], size: tuple[int, int]) -> tuple[float, float]:
    """Turn a place in pixels into shares of the picture's width and height."""
    height, width = size
    return (place[0] + 0.5) / width, (place[1] + 0.5) / height
