"""Semi-automatic annotation of what sounds in video: TAViS as a napari plugin.

What scripts and notebooks need is imported from here, when it is first used: see
``docs/python.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_tavis.annotation import AnnotationSession
    from napari_tavis.core.errors import TavisError
    from napari_tavis.core.tasks import Task
    from napari_tavis.datasets.avsbench import open_dataset, validate
    from napari_tavis.exchange.exporting import export
    from napari_tavis.exchange.format import ExportRequest
    from napari_tavis.exchange.importing import import_dataset
    from napari_tavis.lab.evaluation import evaluate
    from napari_tavis.media import open_clip
    from napari_tavis.model import load_model
    from napari_tavis.project.annotating import annotate

__version__ = "0.1.0"

__all__ = [
    "AnnotationSession",
    "ExportRequest",
    "Task",
    "TavisError",
    "annotate",
    "evaluate",
    "export",
    "import_dataset",
    "load_model",
    "open_clip",
    "open_dataset",
    "validate",
]

_PLACES = {
    "AnnotationSession": "annotation",
    "ExportRequest": "exchange.format",
    "Task": "core.tasks",
    "TavisError": "core.errors",
    "annotate": "project.annotating",
    "evaluate": "lab.evaluation",
    "export": "exchange.exporting",
    "import_dataset": "exchange.importing",
    "load_model": "model",
    "open_clip": "media",
    "open_dataset": "datasets.avsbench",
    "validate": "datasets.avsbench",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for (PEP 562): torch and PyAV are not needed to say the version."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
