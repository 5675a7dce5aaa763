"""Logits as proposals keep them."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from napari_tavis.annotation.masks import cut_logits, decode_logits, encode_logits, mask_overlap
from napari_tavis.engine.detection import MOST_SIDE, keep_logits


def blob(side: int) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    distance = ((rows - side * 0.4) ** 2 + (columns - side * 0.6) ** 2).sqrt()
    return (side * 0.2 - distance) * 40 / side


def test_what_is_small_is_kept_as_it_is() -> None:
    assert keep_logits(blob(224)) == encode_logits(blob(224).numpy())


def test_of_what_was_enlarged_the_decoder_s_grid_is_kept() -> None:
    grid = blob(256)
    noise = torch.randn(256, 256, generator=torch.Generator().manual_seed(0))
    grid = grid + 0.3 * noise
    enlarged = F.interpolate(grid[None, None], (1024, 1024), mode="bilinear")[0, 0]
    kept = keep_logits(enlarged)
    assert decode_logits(kept).shape == (MOST_SIDE, MOST_SIDE)
    assert len(kept) < len(encode_logits(enlarged.numpy())) / 4
    mask = cut_logits(kept, (1080, 1920))
    whole = cut_logits(encode_logits(enlarged.numpy()), (1080, 1920))
    assert mask_overlap(mask, whole) > 0.98
    assert np.count_nonzero(mask ^ whole) < 0.002 * mask.size
