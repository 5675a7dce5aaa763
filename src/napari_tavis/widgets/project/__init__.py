"""The dock's pages about a set of videos: the queue and the statistics."""

from __future__ import annotations

from napari_tavis.widgets.project.queue_panel import QueuePanel
from napari_tavis.widgets.project.statistics_page import StatisticsPage

__all__ = ["QueuePanel", "StatisticsPage"]
