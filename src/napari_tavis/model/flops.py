"""What a frame costs, counted part by part."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from napari_tavis.model.tavis import TAViS

# modules whose operations are counted together, as far as a network has them
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
    "image encoder": ("sam2.image_encoder", "sam.image_encoder"),
    "memory attention": (
        "sam2.memory_attention",
        "sam2.memory_attention.layers.0.self_attn",  # runs before the rest, once per frame
    ),
    "memory encoder": ("sam2.memory_encoder",),
    "mask decoder": ("sam2.sam_mask_decoder", "sam2.obj_ptr_proj", "sam.mask_decoder"),
}

NESTED = {"prompting": "text trunk"}  # the text trunk runs inside the prompting

_ATTENTION = "_scaled_dot_product"
# kernels of attention that torch's counter does not know
_UNCOUNTED = ("_scaled_dot_product_flash_attention_for_cpu",)


def count_gflop(
    model: TAViS, images: Tensor, mel: Tensor, protocol: str | None = None
) -> dict[str, float]:
    """Count the floating point operations of a forward pass of a model in evaluation mode.

    Gives GFLOP per frame of each of `PARTS`, then of the ``rest``, then the ``total``, and how much
    of that is the products of queries, keys and values (``of it attention``): torch's counter
    misses these on a CPU, and so do the 501 GFLOP of the release. A multiplication and an addition
    are two operations; softmax, norms and the like are not counted, as is customary.
    """
    counter = FlopCounterMode(display=False, custom_mapping=_kernels_of_attention())
    with model.inference(), counter:
        model(images, mel, protocol)
    per_frame = 1e9 * images.shape[0] * images.shape[1]
    counts = {name: sum(ops.values()) for name, ops in counter.get_flop_counts().items()}
    parts = {part: _sum(counts, modules) / per_frame for part, modules in PARTS.items()}
    for outer, inner in NESTED.items():
        parts[outer] -= parts[inner]
    total = counter.get_total_flops() / per_frame
    operations = counter.get_flop_counts()["Global"].items()
    attention = sum(count for name, count in operations if _ATTENTION in str(name)) / per_frame
    rest = total - sum(parts.values())
    return {**parts, "rest": rest, "total": total, "of it attention": attention}


def _kernels_of_attention() -> dict[Any, Any]:
    """Say how to count the kernels of attention that torch's counter passes over."""
    kernels = (getattr(torch.ops.aten, name, None) for name in _UNCOUNTED)
    return {kernel: _count_attention for kernel in kernels if kernel is not None}


def _count_attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    """Count both products of attention, from the shapes of what goes in."""
    return int(sdpa_flop_count(query, key, value))


def _sum(counts: dict[str, int], modules: Iterable[str]) -> float:
    return float(sum(counts.get(f"{TAViS.__name__}.{module}", 0) for module in modules))


def format_gflop(parts: dict[str, float]) -> str:
    return "\n".join(f"{part:<20} {gflop:8.2f}" for part, gflop in parts.items())
