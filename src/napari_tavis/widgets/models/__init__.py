"""The dialog *Models*: what is installed, what can be downloaded, and files to import."""

from __future__ import annotations

from napari_tavis.widgets.models.dialog import ModelsDialog
from napari_tavis.widgets.models.model_work import ModelWork

__all__ = ["ModelWork", "ModelsDialog"]
