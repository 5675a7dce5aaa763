"""What can go wrong between a clip and its proposals."""

from __future__ import annotations

from napari_tavis.errors import TavisError


class InferenceError(TavisError):
    """A clip could not be segmented; the message says what to try."""
