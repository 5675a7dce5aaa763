"""The network of TAViS: presets, weights, and the way from frames and sound to masks.

The names below are loaded on first use, so that `napari_tavis.model.config` can be imported
without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_tavis.core.errors import CheckpointError
from napari_tavis.core.lazy import imported_late

if TYPE_CHECKING:
    from napari_tavis.model.checkpoint import load_checkpoint, load_model, save_checkpoint
    from napari_tavis.model.config import PRESETS, Switches, TAViSConfig
    from napari_tavis.model.outputs import Segmentation, TAViSOutput, TextFeatures
    from napari_tavis.model.tavis import TAViS
    from napari_tavis.model.weight_names import load_official_state_dict

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

__getattr__ = imported_late(
    __name__,
    {
        "PRESETS": "napari_tavis.model.config",
        "Segmentation": "napari_tavis.model.outputs",
        "Switches": "napari_tavis.model.config",
        "TAViS": "napari_tavis.model.tavis",
        "TAViSConfig": "napari_tavis.model.config",
        "TAViSOutput": "napari_tavis.model.outputs",
        "TextFeatures": "napari_tavis.model.outputs",
        "load_checkpoint": "napari_tavis.model.checkpoint",
        "load_model": "napari_tavis.model.checkpoint",
        "load_official_state_dict": "napari_tavis.model.weight_names",
        "save_checkpoint": "napari_tavis.model.checkpoint",
    },
)
