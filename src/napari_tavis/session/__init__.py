"""The annotation of one video, edited by a person and saved beside it. No torch, no Qt."""

from __future__ import annotations

from napari_tavis.session.changes import SessionChange
from napari_tavis.session.colors import class_colors
from napari_tavis.session.errors import SessionError
from napari_tavis.session.objects import FrameStatus, SessionObject
from napari_tavis.session.session import AnnotationSession, default_directory

__all__ = [
    "AnnotationSession",
    "FrameStatus",
    "SessionChange",
    "SessionError",
    "SessionObject",
    "class_colors",
    "default_directory",
]
