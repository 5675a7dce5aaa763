"""From a video to proposals, from clicks to masks, and from some frames' masks to others'.

`Engine` is the interface that window, command line and scripts use, `LocalEngine` the one
that computes in this process. What the model gives does not depend on who asks.

Nothing heavy is imported here: what brings torch with it does so when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_tavis.core.lazy import imported_late
from napari_tavis.engine.engine import TOY_MODEL, Engine, EngineOptions
from napari_tavis.engine.local import LocalEngine, import_torch
from napari_tavis.engine.sampling import FrameSamples, sample_frames

if TYPE_CHECKING:
    from napari_tavis.engine.device import choose_device, load_on_device

__all__ = [
    "TOY_MODEL",
    "Engine",
    "EngineOptions",
    "FrameSamples",
    "LocalEngine",
    "choose_device",
    "import_torch",
    "load_on_device",
    "sample_frames",
]

__getattr__ = imported_late(
    __name__,
    {
        "choose_device": "napari_tavis.engine.device",
        "load_on_device": "napari_tavis.engine.device",
    },
)
