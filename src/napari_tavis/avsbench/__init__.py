"""AVSBench: writing, reading and checking its folders, and its scores. No Qt, no torch models."""

from __future__ import annotations

from napari_tavis.avsbench.annotation import ClipAnnotation
from napari_tavis.avsbench.errors import ClipExistsError, DatasetError, MissingFilesError
from napari_tavis.avsbench.metrics import (
    MF,
    MJ,
    iou_of_masks,
    mask_iou,
    max_f_measure,
    mean_jaccard,
)
from napari_tavis.avsbench.semantic_metrics import SemanticMetric, SemanticScores
from napari_tavis.avsbench.writer import write_clip

__all__ = [
    "MF",
    "MJ",
    "ClipAnnotation",
    "ClipExistsError",
    "DatasetError",
    "MissingFilesError",
    "SemanticMetric",
    "SemanticScores",
    "iou_of_masks",
    "mask_iou",
    "max_f_measure",
    "mean_jaccard",
    "write_clip",
]
