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
"""Largest logit of the mask that the marks are drawn over."""

RADIUS = 0.03
"""Of a point's mark, as a share of the frame's side."""


def paint_points(
    points: Tensor, labels: Tensor, mask_logits: Tensor | None, size: tuple[int, int]
) -> Tensor:
    """Draw points as small discs, and what lies outside a box as outside.

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
    if mask_logits is None:
        drawing = points.new_zeros(len(points), height, width)
    else:
        drawing = mask_logits[:, 0].clamp(-GUESS, GUESS)
    across = columns[None, None, :] - points[..., 0, None]  # [R, P, w]
    down = rows[None, None, :] - points[..., 1, None]  # [R, P, h]
    beyond_left = ((labels == UPPER_LEFT)[..., None] & (across < 0)).any(1)
    beyond_right = ((labels == LOWER_RIGHT)[..., None] & (across > 0)).any(1)
    above = ((labels == UPPER_LEFT)[..., None] & (down < 0)).any(1)
    below = ((labels == LOWER_RIGHT)[..., None] & (down > 0)).any(1)
    off_box = (above | below)[:, :, None] | (beyond_left | beyond_right)[:, None, :]
    drawing = drawing.masked_fill(off_box, -KNOWN)
    near = (down[..., :, None] ** 2 + across[..., None, :] ** 2) < RADIUS**2  # [R, P, h, w]
    for label, value in ((OUTSIDE, -KNOWN), (INSIDE, KNOWN)):
        marked = (near & (labels == label)[..., None, None]).any(1)
        drawing = drawing.masked_fill(marked, value)
    return drawing[:, None]
