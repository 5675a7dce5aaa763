"""The network of TAViS: presets, weights, and the way from frames and sound to masks.

The names below are loaded on first use, so that `napari_tavis.model.config` can be imported
without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from napari_tavis.core.errors import CheckpointError

if TYPE_CHECKING:
    from napari_tavis.model.checkpoint import load_checkpoint, load_model, save_checkpoint
    from napari_tavis.model.config import PRESETS, TAViSConfig
    from napari_tavis.model.official import load_official_state_dict
    from napari_tavis.model.outputs import Segmentation, TAViSOutput, TextFeatures
    from napari_tavis.model.switches import Switches
    from napari_tavis.model.tavis import TAViS

__all__ = [
    "PRESETS",
    "CheckpointError",
    "Segmentation",
    "Switches",
    "TAViS",
    "TAViSConfig",
    "TAViSOutput",
    "TextFeatures",
    "load_checkpoint",
    "load_model",
    "load_official_state_dict",
    "save_checkpoint",
]

_HOMES = {
    "PRESETS": "config",
    "Segmentation": "outputs",
    "Switches": "switches",
    "TAViS": "tavis",
    "TAViSConfig": "config",
    "TAViSOutput": "outputs",
    "TextFeatures": "outputs",
    "load_checkpoint": "checkpoint",
    "load_model": "checkpoint",
    "load_official_state_dict": "official",
    "save_checkpoint": "checkpoint",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
