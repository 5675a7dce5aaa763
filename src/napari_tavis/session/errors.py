"""What can go wrong with an annotation session."""

from __future__ import annotations

from napari_tavis.errors import TavisError


class SessionError(TavisError):
    """A session cannot be read, written or changed so; the message names the file."""
