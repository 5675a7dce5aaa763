"""AVSBench: writing, reading and checking its folders, and its scores. No Qt, no torch models."""

from __future__ import annotations

from napari_tavis.core.errors import ClipExistsError, DatasetError, MissingFilesError
from napari_tavis.datasets.avsbench.annotation import ClipAnnotation
from napari_tavis.datasets.avsbench.mapping import UnmappedClassError
from napari_tavis.datasets.avsbench.metrics import (
    MF,
    MJ,
    SemanticMetric,
    SemanticScores,
    iou_of_masks,
    mask_iou,
    max_f_measure,
    mean_jaccard,
)
from napari_tavis.datasets.avsbench.reader import DatasetReader, open_dataset, read_clip
from napari_tavis.datasets.avsbench.validate import validate
from napari_tavis.datasets.avsbench.writer import OFF_SCREEN, write_clip
from napari_tavis.datasets.files import Violation

__all__ = [
    "MF",
    "MJ",
    "OFF_SCREEN",
    "ClipAnnotation",
    "ClipExistsError",
    "DatasetError",
    "DatasetReader",
    "MissingFilesError",
    "SemanticMetric",
    "SemanticScores",
    "UnmappedClassError",
    "Violation",
    "iou_of_masks",
    "mask_iou",
    "max_f_measure",
    "mean_jaccard",
    "open_dataset",
    "read_clip",
    "validate",
    "write_clip",
]
