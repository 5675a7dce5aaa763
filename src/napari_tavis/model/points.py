"""Points and boxes drawn into a mask prompt, for networks too small to read coordinates."""

from __future__ import annotations

import torch
from torch import Tensor

NO_POINT = -1
"""Label of a point that is none."""

OUTSIDE, INSIDE, UPPER_LEFT, LOWER_RIGHT = 0, 1, 2, 3
"""Labels of points, as SAM 2 numbers them."""

KNOWN = 10.0
"""Logit of what a person said; 0 is what nobody knows."""

GUESS = 5.0
"""Largest logit of what is not certain: the mask that marks are drawn over, or a click's reach."""

RADIUS = 0.05
"""Of a point's mark, as a share of the frame's side."""

REACH = 0.4
"""Distance from a first click from which on, as far as one knows, the object is not."""


def paint_points(
    points: Tensor, labels: Tensor, mask_logits: Tensor | None, size: tuple[int, int]
) -> Tensor:
    """Draw points as discs, and what lies outside a box as outside.

    Where clicks are all that is known, the drawing falls off around those inside: a disc alone is
    lost among all that nothing is known about.

    Parameters
    ----------
    points : Tensor, shape (R, P, 2)
        Column and row, 0 to 1 of the frame's width and height.
    labels : Tensor, shape (R, P)
        What the points are.
    mask_logits : Tensor or None, shape (R, 1, h, w)
        The mask to start from.
    size : tuple of int
        Height and width ``h, w`` of the drawing.

    Returns
    -------
    Tensor, shape (R, 1, h, w)
        Logits between -10 and 10.
    """
    height, width = size
    rows = (torch.arange(height, device=points.device) + 0.5) / height
    columns = (torch.arange(width, device=points.device) + 0.5) / width
    across = columns[None, None, :] - points[..., 0, None]  # [R, P, w]
    down = rows[None, None, :] - points[..., 1, None]  # [R, P, h]
    beyond_left = ((labels == UPPER_LEFT)[..., None] & (across < 0)).any(1)
    beyond_right = ((labels == LOWER_RIGHT)[..., None] & (across > 0)).any(1)
    above = ((labels == UPPER_LEFT)[..., None] & (down < 0)).any(1)
    below = ((labels == LOWER_RIGHT)[..., None] & (down > 0)).any(1)
    off_box = (above | below)[:, :, None] | (beyond_left | beyond_right)[:, None, :]
    distance = (down[..., :, None] ** 2 + across[..., None, :] ** 2).sqrt()  # [R, P, h, w]
    if mask_logits is None:
        inside = labels == INSIDE
        alone = inside.any(1) & ~(labels == UPPER_LEFT).any(1)
        drawing = _around(distance, inside).masked_fill(~alone[:, None, None], 0.0)
    else:
        drawing = mask_logits[:, 0].clamp(-GUESS, GUESS)
    drawing = drawing.masked_fill(off_box, -KNOWN)
    for label, value in ((OUTSIDE, -KNOWN), (INSIDE, KNOWN)):
        marked = ((distance < RADIUS) & (labels == label)[..., None, None]).any(1)
        drawing = drawing.masked_fill(marked, value)
    return drawing[:, None]


def _around(distance: Tensor, inside: Tensor) -> Tensor:
    """Let what is guessed fall off from the nearest click inside, from 10 to -5 at `REACH`."""
    nearest = distance.masked_fill(~inside[..., None, None], torch.inf).amin(1)
    return KNOWN - (KNOWN + GUESS) * (nearest / REACH).clamp(max=1)
