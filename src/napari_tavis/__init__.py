"""Semi-automatic annotation of what sounds in video: TAViS as a napari plugin.

What scripts and notebooks need is imported from here, when it is first used: see
``docs/python.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_tavis.core.lazy import imported_late

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

__getattr__ = imported_late(
    __name__,
    {
        "AnnotationSession": "napari_tavis.annotation",
        "ExportRequest": "napari_tavis.exchange.format",
        "Task": "napari_tavis.core.tasks",
        "TavisError": "napari_tavis.core.errors",
        "annotate": "napari_tavis.project.annotating",
        "evaluate": "napari_tavis.lab.evaluation",
        "export": "napari_tavis.exchange.exporting",
        "import_dataset": "napari_tavis.exchange.importing",
        "load_model": "napari_tavis.model",
        "open_clip": "napari_tavis.media",
        "open_dataset": "napari_tavis.datasets.avsbench",
        "validate": "napari_tavis.datasets.avsbench",
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
