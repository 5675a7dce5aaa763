"""What a pass through a network costs: operations and seconds, part by part, and memory."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from napari_tavis.model import TAViS

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


_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def count_gflop(
    model: TAViS, images: Tensor, mel: Tensor, protocol: str | None = None
) -> dict[str, float]:
    """Count the floating point operations of a forward pass of a model in evaluation mode.

    Images and sounds are as in `TAViS.forward`. Gives GFLOP per frame of each of `PARTS`, then of
    the ``rest``, then the ``total``, and how much of that is the products of queries, keys and
    values (``of it attention``): torch's counter misses these on a CPU, and so do the 501 GFLOP of
    the release. A multiplication and an addition are two operations; softmax, norms and the like
    are not counted, as is customary.
    """
    counter = FlopCounterMode(display=False, custom_mapping=_kernels_of_attention())
    with model.inference(), counter:
        model(images, mel, protocol)
    per_frame = 1e9 * images.shape[0] * images.shape[1]
    counts = {name: sum(ops.values()) for name, ops in counter.get_flop_counts().items()}
    parts = {part: _sum(counts, modules) / per_frame for part, modules in PARTS.items()}
    for outer, inner in NESTED.items():  # else it would count twice
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


def wait_for(device: torch.device) -> None:
    """Wait until a device has finished its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


@contextmanager
def part_seconds(model: TAViS) -> Iterator[dict[str, float]]:
    """Time the parts of all passes through a model while the context lasts, by `PARTS`.

    The numbers are complete at its end. At the borders of each part a GPU is waited for, which
    takes a little time itself.
    """
    seconds: dict[str, float] = defaultdict(float)
    begun: dict[nn.Module, float] = {}

    def begin(module: nn.Module, _inputs: Any) -> None:
        wait_for(model.device)
        begun[module] = time.perf_counter()

    handles = []
    modules = dict(model.named_modules())
    for part, names in PARTS.items():

        def end(module: nn.Module, _inputs: Any, _output: Any, part: str = part) -> None:
            wait_for(model.device)
            seconds[part] += time.perf_counter() - begun.pop(module)

        for module in (modules[name] for name in names if name in modules):
            handles += [module.register_forward_pre_hook(begin), module.register_forward_hook(end)]
    try:
        yield seconds
    finally:
        for handle in handles:
            handle.remove()
        for outer, inner in NESTED.items():
            seconds[outer] -= seconds[inner]


def reset_peaks(device: torch.device) -> None:
    """Let the peaks start from what is held now, where the system can do so (Linux, CUDA)."""
    if device.type == "cuda":
        torch.cuda.init()  # or there are no counters yet
        torch.cuda.reset_peak_memory_stats(device)
    try:
        _CLEAR.write_text("5")
    except OSError:
        return


def peak_host_bytes() -> int | None:
    """Give the most memory that this process held, in bytes; None where nobody counts it.

    On Linux this is since `reset_peaks`, and pages of mapped files count; elsewhere it is since the
    process began.
    """
    if _STATUS.exists():
        lines = _STATUS.read_text().splitlines()
        peak = next((line for line in lines if line.startswith("VmHWM")), None)
        return None if peak is None else 1024 * int(peak.split()[1])
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak_units = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak_units if sys.platform == "darwin" else 1024 * peak_units


def peak_device_bytes(device: torch.device) -> int | None:
    """Give the most memory that tensors held on a GPU, in bytes; None where nobody counts it."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return torch.mps.driver_allocated_memory() if device.type == "mps" else None
