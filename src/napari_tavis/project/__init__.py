"""A set of videos: working through it, and what has become of it. No torch, no Qt."""

from __future__ import annotations

from napari_tavis.core.errors import ProjectError
from napari_tavis.project.looking import QueueItem
from napari_tavis.project.queue import VideoQueue
from napari_tavis.project.states import QueueState

__all__ = ["ProjectError", "QueueItem", "QueueState", "VideoQueue"]
