"""Text-bridged alignment supervision (TbAS; paper, section 3.4): what class a query is."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

BLUR_KERNEL = 75
"""Pixels per side, at an image size of 224, over which the background is averaged."""


def class_prompt(name: str) -> str:
    """Give the text that stands for a class.

    Parameters
    ----------
    name : str
        A class name.

    Returns
    -------
    str
        ``"A {name}"``, as the paper prompts.
    """
    return f"A {name}"


def classify(
    audio_embedding: Tensor, text_embedding: Tensor, image_embedding: Tensor | None = None
) -> Tensor:
    """Give the class probabilities of queries.

    Parameters
    ----------
    audio_embedding : Tensor, shape (..., N, D)
        ``T_a``, with its logit scale.
    text_embedding : Tensor, shape (P, D)
        ``T^t`` of the vocabulary, with its logit scale.
    image_embedding : Tensor, shape (..., N, D), optional
        ``T_v`` of the highlighted regions: the zero-shot setting, which averages the two.

    Returns
    -------
    Tensor, shape (..., N, P)
        They sum to one over the vocabulary.
    """
    probabilities = (audio_embedding @ text_embedding.T).softmax(dim=-1)
    if image_embedding is None:
        return probabilities
    seen = (image_embedding @ text_embedding.T).softmax(dim=-1)
    return (probabilities + seen) / 2


def highlight(images: Tensor, mask_logits: Tensor, kernel: int = BLUR_KERNEL) -> Tensor:
    """Blur what lies outside each mask, so that the image encoder sees the object.

    Parameters
    ----------
    images : Tensor, shape (n, 3, s, s)
        RGB, 0 to 1.
    mask_logits : Tensor, shape (n, N, h, w)
        One mask per query; resized to the image.
    kernel : int
        Odd side of the averaging window, in pixels.

    Returns
    -------
    Tensor, shape (n, N, 3, s, s)
        One image per query.
    """
    logits = F.interpolate(mask_logits, images.shape[-2:], mode="bilinear", align_corners=False)
    inside = logits.sigmoid()[:, :, None]
    picture = images[:, None]
    background = (picture * (1 - inside)).flatten(0, 1)
    blurred = _box_blur(background, kernel).unflatten(0, inside.shape[:2])
    return torch.lerp(blurred, picture.expand_as(blurred), inside.expand_as(blurred))


def _box_blur(images: Tensor, kernel: int) -> Tensor:
    """Average ``[n, 3, s, s]`` over squares, zero outside: one direction after the other."""
    return _box_mean(_box_mean(images, kernel, -2), kernel, -1)


def _box_mean(images: Tensor, kernel: int, direction: int) -> Tensor:
    """Average over a window along an axis, by running sums: pooling costs as much as it is wide."""
    sums = images.cumsum(direction)
    sums = torch.cat([torch.zeros_like(sums.narrow(direction, 0, 1)), sums], direction)
    places = torch.arange(images.shape[direction], device=images.device)
    first = (places - kernel // 2).clamp(min=0)
    last = (places + kernel // 2 + 1).clamp(max=len(places))
    within = sums.index_select(direction, last) - sums.index_select(direction, first)
    return (within / kernel).to(images.dtype)  # autocast sums halves in single precision
