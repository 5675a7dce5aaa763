"""From a clip to proposals: sampling, the model in batches, linking queries into objects.

Nothing heavy is imported here: `segment_clip` and `choose_device` bring torch with them, and
do so when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_tavis.inference.errors import InferenceError
from napari_tavis.inference.masks import Mask, PackedMasks
from napari_tavis.inference.proposals import SCENE_NAME, ObjectKind, Proposal, Proposals

if TYPE_CHECKING:
    from napari_tavis.inference.device import choose_device
    from napari_tavis.inference.pipeline import segment_clip
    from napari_tavis.inference.sampling import FrameSamples, sample_frames

__all__ = [
    "SCENE_NAME",
    "FrameSamples",
    "InferenceError",
    "Mask",
    "ObjectKind",
    "PackedMasks",
    "Proposal",
    "Proposals",
    "choose_device",
    "sample_frames",
    "segment_clip",
]

_LAZY = {
    "FrameSamples": "sampling",
    "choose_device": "device",
    "sample_frames": "sampling",
    "segment_clip": "pipeline",
}


def __getattr__(name: str) -> Any:
    """Import what is heavy when it is first used (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
