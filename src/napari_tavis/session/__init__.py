"""The annotation of one video, edited by a person and saved beside it. No torch, no Qt."""

from __future__ import annotations

from napari_tavis.session.changes import SessionChange
from napari_tavis.session.colors import class_colors
from napari_tavis.session.errors import SessionError
from napari_tavis.session.finding import default_directory, find_session
from napari_tavis.session.history import HistoryStep
from napari_tavis.session.marks import ExportNote
from napari_tavis.session.objects import FrameRecord, FrameStatus, ObjectState, SessionObject
from napari_tavis.session.session import AnnotationSession
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
    "default_directory",
    "find_session",
]
