"""Correcting an object: SAM 2 prompts on the canvas, propagation, and small repairs."""

from __future__ import annotations

from napari_tavis.widgets.correction.commands import COMMANDS
from napari_tavis.widgets.correction.panel import CorrectionPanel

__all__ = ["COMMANDS", "CorrectionPanel"]
