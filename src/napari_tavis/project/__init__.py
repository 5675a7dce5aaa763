"""Working through a set of videos, and statistics of it. No torch, no Qt."""

from __future__ import annotations

from napari_tavis.core.errors import ProjectError
from napari_tavis.project.queue import QueueItem, VideoQueue
from napari_tavis.project.states import QueueState

__all__ = ["ProjectError", "QueueItem", "QueueState", "VideoQueue"]
