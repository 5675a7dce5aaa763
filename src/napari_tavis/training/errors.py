"""Errors of training and evaluation."""

from __future__ import annotations

from napari_tavis.errors import TavisError


class TrainingError(TavisError):
    """Training or evaluation cannot go on; the message says what to do."""
