"""The annotation of one video, edited by a person and saved beside it. No torch, no Qt.

The session is imported when it is first asked for: whoever reads a dataset only needs masks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_tavis.core.lazy import imported_late

if TYPE_CHECKING:
    from napari_tavis.annotation.finding import default_path, find_session, folder_elsewhere
    from napari_tavis.annotation.history import HistoryStep, SessionChange
    from napari_tavis.annotation.objects import FrameRecord, FrameStatus, ObjectState, SessionObject
    from napari_tavis.annotation.session import AnnotationSession
    from napari_tavis.annotation.state import ExportNote, VideoIdentity
    from napari_tavis.annotation.store import holds_session, read_identity
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
    "default_path",
    "find_session",
    "folder_elsewhere",
    "holds_session",
    "read_identity",
]

__getattr__ = imported_late(
    __name__,
    {
        "AnnotationSession": "napari_tavis.annotation.session",
        "ExportNote": "napari_tavis.annotation.state",
        "FrameRecord": "napari_tavis.annotation.objects",
        "FrameStatus": "napari_tavis.annotation.objects",
        "HistoryStep": "napari_tavis.annotation.history",
        "ObjectState": "napari_tavis.annotation.objects",
        "SessionChange": "napari_tavis.annotation.history",
        "SessionError": "napari_tavis.core.errors",
        "SessionObject": "napari_tavis.annotation.objects",
        "VideoIdentity": "napari_tavis.annotation.state",
        "default_path": "napari_tavis.annotation.finding",
        "find_session": "napari_tavis.annotation.finding",
        "folder_elsewhere": "napari_tavis.annotation.finding",
        "holds_session": "napari_tavis.annotation.store",
        "read_identity": "napari_tavis.annotation.store",
    },
)
