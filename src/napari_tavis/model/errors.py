"""What can be wrong with a model or its weights."""

from __future__ import annotations

from napari_tavis.errors import TavisError


class ModelError(TavisError):
    """A model was asked for something it does not have: a preset, an image size, a protocol."""


class CheckpointError(TavisError):
    """A file of weights is missing, damaged, or does not fit the model."""


class CheckpointWriteError(CheckpointError):
    """A file of weights cannot be written, whatever the weights are."""
