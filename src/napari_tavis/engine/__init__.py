"""From a clip to proposals, from clicks to masks, and from some frames' masks to others'.

`segment_clip` proposes what sounds; `segment_prompts` and `propagate` correct it, on the frames
that a `FrameEncoder` gives them. What the model gives does not depend on who asks: the window, the
command line and scripts call the same functions.

Nothing heavy is imported here: what brings torch with it does so when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_tavis.annotation.masks import Mask, PackedMasks
from napari_tavis.annotation.prompts import PromptResult, Prompts
from napari_tavis.annotation.proposals import SCENE_NAME, ObjectKind, Proposal, Proposals
from napari_tavis.core.errors import InferenceError

if TYPE_CHECKING:
    from napari_tavis.engine.device import choose_device
    from napari_tavis.engine.interactive import FrameEncoder, segment_prompts
    from napari_tavis.engine.pipeline import segment_clip
    from napari_tavis.engine.propagation import propagate
    from napari_tavis.engine.sampling import FrameSamples, sample_frames

__all__ = [
    "SCENE_NAME",
    "FrameEncoder",
    "FrameSamples",
    "InferenceError",
    "Mask",
    "ObjectKind",
    "PackedMasks",
    "PromptResult",
    "Prompts",
    "Proposal",
    "Proposals",
    "choose_device",
    "propagate",
    "sample_frames",
    "segment_clip",
    "segment_prompts",
]

_LAZY = {
    "FrameEncoder": "interactive",
    "FrameSamples": "sampling",
    "choose_device": "device",
    "propagate": "propagation",
    "sample_frames": "sampling",
    "segment_clip": "pipeline",
    "segment_prompts": "interactive",
}


def __getattr__(name: str) -> Any:
    """Import what is heavy when it is first used (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
