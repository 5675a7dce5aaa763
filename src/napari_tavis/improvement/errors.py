"""What can go wrong while a model is improved."""

from __future__ import annotations

from napari_tavis.errors import TavisError


class ImprovementError(TavisError):
    """A model cannot be improved so; the message says what to do."""
