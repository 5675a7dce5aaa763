"""Which query found which of the things that sound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from napari_tavis.datasets.avsbench import ClipAnnotation
from napari_tavis.lab.evaluation.prediction import ClipPrediction

SMALLEST_OBJECT = 20  # objects of this many pixels or fewer are not looked for, as in training

FOUND_IOU = 0.5


@dataclass(frozen=True)
class SoundingObject:
    """A class that sounds and is seen in a frame, and the query that covers it best."""

    frame: int  # position in the clip
    class_index: int  # 1 to 70
    query: int  # that was assigned to it
    iou: float  # of that query's mask with it

    @property
    def found(self) -> bool:
        """Whether the query covers it with an IoU over 0.5."""
        return self.iou > FOUND_IOU


def sounding_objects(clip: ClipAnnotation, found: ClipPrediction) -> list[SoundingObject]:
    """Assign queries to what sounds in the labelled frames, by masks alone, none to two objects.

    The clip has a class map; objects come by frame and class, without those of 20 pixels or fewer.
    """
    objects = []
    queries = found.queries
    for frame, classes, masks in true_masks(clip):
        overlap = pairwise_iou(masks, queries[frame])
        for row, query in zip(*linear_sum_assignment(-overlap), strict=True):
            iou = float(overlap[row, query])
            objects.append(SoundingObject(frame, int(classes[row]), int(query), iou))
    return objects


def true_masks(
    clip: ClipAnnotation,
) -> Iterator[tuple[int, npt.NDArray[np.int64], npt.NDArray[np.bool_]]]:
    """Give each labelled frame in which something sounds, its classes (O,) and masks (O, H, W).

    Nothing for a clip without a class map.
    """
    if clip.class_map is None:
        return
    for frame in np.flatnonzero(clip.labelled):
        shown = clip.class_map[frame]
        counts = np.bincount(shown.ravel())
        counts[0] = 0
        classes = np.flatnonzero(counts > SMALLEST_OBJECT)
        if len(classes):
            yield int(frame), classes, shown[None] == classes[:, None, None]


def pairwise_iou(
    first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Compute the IoU (A, B) of masks (A, H, W) with masks (B, H, W); 0 where both are empty."""
    a = first.reshape(len(first), -1).astype(np.float32)  # exact up to 2**24 pixels
    b = second.reshape(len(second), -1).astype(np.float32)
    both = (a @ b.T).astype(np.float64)
    either = a.sum(1, dtype=np.float64)[:, None] + b.sum(1, dtype=np.float64)[None] - both
    return np.divide(both, either, out=np.zeros_like(both), where=either > 0)
