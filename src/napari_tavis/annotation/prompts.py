"""What a person shows of an object, and what the model makes of it."""

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
    """

    points: tuple[tuple[float, float], ...] = ()  # column and row, (x, y), of each click
    labels: tuple[bool, ...] = ()  # for each click whether it is on the object
    box: tuple[float, float, float, float] | None = None  # two opposite corners: x0, y0, x1, y1
    mask: Mask | None = field(default=None, compare=False)  # (H, W), to refine

    def __post_init__(self) -> None:
        if len(self.points) != len(self.labels):
            raise ValueError(f"{len(self.points)} points with {len(self.labels)} labels")

    @property
    def empty(self) -> bool:
        """Whether nothing was shown."""
        return not (self.points or self.box or (self.mask is not None and self.mask.any()))

    def shares(self, size: tuple[int, int]) -> list[tuple[float, float, int]]:
        """Give the box's corners, then the clicks, as shares of a picture of this height and width.

        Each is column and row, 0 to 1 from the picture's left and upper edge, and SAM 2's
        label: 1 on the object, 0 not, 2 and 3 a box's upper left and lower right corner.
        `InferenceError` if a click lies outside the picture, or no part of the box inside.
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
    """What the model makes of the prompts."""

    mask: Mask  # (H, W), at the size of the video
    logits: bytes  # that it was cut out of, as from `encode_logits`
    score: float  # the model's own estimate of the mask's quality (IoU), 0 to 1


def _share(place: tuple[float, ...], size: tuple[int, int]) -> tuple[float, float]:
    """Turn a place in pixels into shares of the picture's width and height."""
    height, width = size
    return (place[0] + 0.5) / width, (place[1] + 0.5) / height
