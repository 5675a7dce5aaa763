"""The model's logits in the form in which proposals keep them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_tavis.annotation.logits import encode_logits

MOST_SIDE = 256
"""Pixels per side that are kept. SAM 2 decodes masks on a grid of a quarter of the image's side:
of an image of 1024 pixels this is all there is, and what the model gives is that grid enlarged."""


@torch.no_grad()
def keep_logits(logits: Tensor) -> bytes:
    """Encode mask logits, reduced to `MOST_SIDE` where they are larger.

    Parameters
    ----------
    logits : Tensor, shape (S, S)
        Log-odds, as the model gives them.

    Returns
    -------
    bytes
        What `napari_tavis.annotation.logits.cut_logits` takes.
    """
    if logits.shape[-1] > MOST_SIDE:
        size = (MOST_SIDE, MOST_SIDE)
        logits = F.interpolate(logits[None, None], size, mode="bilinear", align_corners=False)[0, 0]
    return encode_logits(logits.float().cpu().numpy())
