"""The dock's page for writing what was annotated: AVSBench and other formats."""

from __future__ import annotations

from napari_tavis.widgets.export.panel import ExportPanel

__all__ = ["ExportPanel"]
