"""What can go wrong with a set of videos."""

from __future__ import annotations

from napari_tavis.errors import TavisError


class ProjectError(TavisError):
    """A set of videos cannot be read or kept; the message names the folder or file."""
