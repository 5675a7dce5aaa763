"""What can go wrong in correcting an object."""

from __future__ import annotations

from napari_tavis.errors import TavisError


class CorrectionError(TavisError):
    """An object cannot be corrected so; the message says what to do first."""
