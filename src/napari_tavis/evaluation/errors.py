"""Errors of evaluation."""

from __future__ import annotations

from napari_tavis.errors import TavisError


class EvaluationError(TavisError):
    """A model cannot be evaluated; the message says what to do."""
