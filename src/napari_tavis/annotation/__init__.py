"""The annotation of one video, edited by a person and saved beside it. No torch, no Qt."""

from __future__ import annotations

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
