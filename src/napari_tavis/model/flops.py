"""What a frame costs, counted part by part."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from napari_tavis.model.tavis import TAViS

PARTS: dict[str, tuple[str, ...]] = {
    "audio encoder": (
        "imagebind.modality_preprocessors.audio",
        "imagebind.modality_trunks.audio",
        "imagebind.modality_heads.audio",
    ),
    "vision encoder": (
        "imagebind.modality_preprocessors.vision",
        "imagebind.modality_trunks.vision",
    ),
    "text trunk": ("imagebind.modality_preprocessors.text", "imagebind.modality_trunks.text"),
    "query decomposition": ("decomposition",),
    "prompting": ("prompting",),
    "adapters": ("adapters",),
    "image encoder": ("sam2.image_encoder",),
    "memory attention": ("sam2.memory_attention",),
    "memory encoder": ("sam2.memory_encoder",),
    "mask decoder": ("sam2.sam_mask_decoder", "sam2.obj_ptr_proj"),
}
"""Modules whose operations are counted together."""

_NESTED = {"prompting": "text trunk"}
"""The text trunk runs inside the prompting."""


def count_gflop(
    model: TAViS, images: Tensor, mel: Tensor, protocol: str = "memory"
) -> dict[str, float]:
    """Count the floating point operations of a forward pass.

    A multiplication and an addition are two operations; softmax, norms and the like are not
    counted, as is customary.

    Parameters
    ----------
    model : TAViS
        In evaluation mode.
    images : Tensor, shape (B, T, 3, S, S)
        RGB, 0 to 1.
    mel : Tensor, shape (B, T, 1, 128, 204)
        Log-mel spectrograms.
    protocol : str
        See `TAViS.forward`.

    Returns
    -------
    dict of str to float
        GFLOP per frame of each of `PARTS`, then of the rest, then the ``total``, and how much of
        that is the products of queries, keys and values (``of it attention``). Torch's counter
        misses these on a CPU, and so do the 501 GFLOP of the release.
    """
    # Only attention spelled out as batched matrix products is counted on every device.
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        model(images, mel, protocol)
    per_frame = 1e9 * images.shape[0] * images.shape[1]
    counts = {name: sum(ops.values()) for name, ops in counter.get_flop_counts().items()}
    parts = {part: _sum(counts, modules) / per_frame for part, modules in PARTS.items()}
    for outer, inner in _NESTED.items():
        parts[outer] -= parts[inner]
    total = counter.get_total_flops() / per_frame
    attention = counter.get_flop_counts()["Global"].get(torch.ops.aten.bmm, 0) / per_frame
    rest = total - sum(parts.values())
    return {**parts, "rest": rest, "total": total, "of it attention": attention}


def _sum(counts: dict[str, int], modules: Iterable[str]) -> float:
    """Add up the counts of some modules."""
    return float(sum(counts.get(f"{TAViS.__name__}.{module}", 0) for module in modules))


def format_gflop(parts: dict[str, float]) -> str:
    """Lay out the counts of `count_gflop` as a table.

    Parameters
    ----------
    parts : dict of str to float
        GFLOP per frame.

    Returns
    -------
    str
        One line per part.
    """
    return "\n".join(f"{part:<20} {gflop:8.2f}" for part, gflop in parts.items())
