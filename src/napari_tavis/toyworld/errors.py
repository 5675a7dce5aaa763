"""Errors of making toy data."""

from __future__ import annotations

from napari_tavis.errors import TavisError


class ToyWorldError(TavisError):
    """Toy data cannot be made as asked; the message says why and what to do."""
