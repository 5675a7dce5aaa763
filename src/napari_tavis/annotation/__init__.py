"""The annotation of one video, edited by a person and saved beside it. No torch, no Qt.

The session is imported when it is first asked for: who reads a dataset needs masks alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_tavis.annotation.colors import class_colors
    from napari_tavis.annotation.finding import default_path, find_session, folder_elsewhere
    from napari_tavis.annotation.history import HistoryStep, SessionChange
    from napari_tavis.annotation.marks import ExportNote
    from napari_tavis.annotation.objects import FrameRecord, FrameStatus, ObjectState, SessionObject
    from napari_tavis.annotation.session import AnnotationSession
    from napari_tavis.annotation.store import holds_session, read_identity
    from napari_tavis.annotation.video import VideoIdentity
    from napari_tavis.core.errors import SessionError

__all__ = [
    "AnnotationSession",
    "ExportNote",
    "FrameRecord",
    "FrameStatus",
    "HistoryStep",
    "ObjectState",
    "SessionChange",
    "SessionError",
    "SessionObject",
    "VideoIdentity",
    "class_colors",
    "default_path",
    "find_session",
    "folder_elsewhere",
    "holds_session",
    "read_identity",
]

_PLACES = {
    "AnnotationSession": "annotation.session",
    "ExportNote": "annotation.marks",
    "FrameRecord": "annotation.objects",
    "FrameStatus": "annotation.objects",
    "HistoryStep": "annotation.history",
    "ObjectState": "annotation.objects",
    "SessionChange": "annotation.history",
    "SessionError": "core.errors",
    "SessionObject": "annotation.objects",
    "VideoIdentity": "annotation.video",
    "class_colors": "annotation.colors",
    "default_path": "annotation.finding",
    "find_session": "annotation.finding",
    "folder_elsewhere": "annotation.finding",
    "holds_session": "annotation.store",
    "read_identity": "annotation.store",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for (PEP 562)."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"napari_tavis.{_PLACES[name]}"), name)
