"""The annotation of one video, edited by a person and saved beside it. No torch, no Qt."""

from __future__ import annotations

from napari_tavis.session.colors import class_colors
from napari_tavis.session.errors import SessionError
from napari_tavis.session.finding import default_path, find_session, folder_elsewhere
from napari_tavis.session.history import HistoryStep, SessionChange
from napari_tavis.session.marks import ExportNote
from napari_tavis.session.objects import FrameRecord, FrameStatus, ObjectState, SessionObject
from napari_tavis.session.session import AnnotationSession
from napari_tavis.session.store import holds_session, read_identity
from napari_tavis.session.video import VideoIdentity

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
