"""What can be wrong with installing weights."""

from __future__ import annotations

from napari_tavis.errors import TavisError


class WeightsError(TavisError):
    """Weights cannot be installed, found or removed."""


class DownloadError(WeightsError):
    """A file could not be downloaded."""


class ChecksumError(DownloadError):
    """A file is not the one that was expected."""
