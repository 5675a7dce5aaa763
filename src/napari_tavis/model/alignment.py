"""Text-bridged alignment supervision (TbAS; paper, section 3.4): what class a query is."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

BLUR_KERNEL = 75  # pixels per side, at an image size of 224, over which the background is averaged


def class_prompt(name: str) -> str:
    """Give the text that stands for a class, as the paper prompts."""
    return f"A {name}"


def classify(
    audio_embedding: Tensor, text_embedding: Tensor, image_embedding: Tensor | None = None
) -> Tensor:
    """Give the class probabilities of queries, (..., N, P), which sum to one over the vocabulary.

    Takes ``T_a``, (..., N, D), and ``T^t`` of the vocabulary, (P, D), both with their logit scale.
    ``T_v`` of the highlighted regions, (..., N, D), makes it the zero-shot setting, which averages
    the two.
    """
    probabilities = (audio_embedding @ text_embedding.T).softmax(dim=-1)
    if image_embedding is None:
        return probabilities
    seen = (image_embedding @ text_embedding.T).softmax(dim=-1)
    return (probabilities + seen) / 2


def highlight(images: Tensor, mask_logits: Tensor, kernel: int = BLUR_KERNEL) -> Tensor:
    """Blur what lies outside each mask, so that the image encoder sees the object.

    Takes images (n, 3, s, s) from 0 to 1 and mask logits (n, N, h, w) of any size; ``kernel`` is
    the odd side of the averaging window in pixels. Gives one image per query, (n, N, 3, s, s).
    """
    logits = F.interpolate(mask_logits, images.shape[-2:], mode="bilinear", align_corners=False)
    inside = logits.sigmoid()[:, :, None]
    picture = images[:, None]
    background = (picture * (1 - inside)).flatten(0, 1)
    # One direction after the other: the same as a square, and quicker; it is zero outside.
    blurred = _box_mean(_box_mean(background, kernel, -2), kernel, -1)
    blurred = blurred.unflatten(0, inside.shape[:2])
    return torch.lerp(blurred, picture.expand_as(blurred), inside.expand_as(blurred))


def _box_mean(images: Tensor, kernel: int, direction: int) -> Tensor:
    # By running sums: pooling costs as much as the window is wide.
    sums = images.cumsum(direction)
    sums = torch.cat([torch.zeros_like(sums.narrow(direction, 0, 1)), sums], direction)
    places = torch.arange(images.shape[direction], device=images.device)
    first = (places - kernel // 2).clamp(min=0)
    last = (places + kernel // 2 + 1).clamp(max=len(places))
    within = sums.index_select(direction, last) - sums.index_select(direction, first)
    return (within / kernel).to(images.dtype)  # autocast sums halves in single precision
