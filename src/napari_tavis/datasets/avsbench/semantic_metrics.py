"""The scores of audio-visual semantic segmentation (AVSS), as AVSBench's authors count them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench.metrics import f_measure


@dataclass(frozen=True)
class SemanticScores:
    """What AVSS reports.

    Attributes
    ----------
    miou, f_score : float
        Mean over all classes; a class that never occurs counts as 0, as the authors do.
    miou_no_background, f_score_no_background : float
        The same over the classes without the background, which is class 0. (The published
        scripts drop the *last* class instead, so their "no background" numbers differ.)
    class_iou, class_f_score : ndarray of float64, shape (classes,)
        Per class; 0 where the class never occurs.
    class_frames : ndarray of int64, shape (classes,)
        Frames in which the class occurs, in prediction or truth.
    """

    miou: float
    f_score: float
    miou_no_background: float
    f_score_no_background: float
    class_iou: npt.NDArray[np.float64]
    class_f_score: npt.NDArray[np.float64]
    class_frames: npt.NDArray[np.int64]


class SemanticMetric:
    """Sums of IoU and F-measure per class, frame by frame.

    Parameters
    ----------
    class_count : int
        Classes, background included.

    Notes
    -----
    The authors' script pads v1 clips to ten frames with black pictures and all-background
    labels and counts those, too; here only frames that were added count.
    """

    def __init__(self, class_count: int = len(AVSBENCH_CLASSES)) -> None:
        self._class_count = class_count
        self._iou = np.zeros(class_count)
        self._f = np.zeros(class_count)
        self._frames = np.zeros(class_count, dtype=np.int64)

    def add(self, predicted: npt.NDArray[Any], truth: npt.NDArray[Any]) -> None:
        """Count frames.

        Parameters
        ----------
        predicted, truth : ndarray of integers, shape (T, H, W) or (H, W)
            Class maps: the argmax over the classes' scores, and the labels.

        Raises
        ------
        ValueError
            If the shapes differ or a class index is out of range.
        """
        if predicted.shape != truth.shape or truth.ndim not in (2, 3):
            raise ValueError(
                f"prediction and truth must have one shape (T, H, W), "
                f"not {predicted.shape} and {truth.shape}"
            )
        shape = (-1, truth.shape[-2] * truth.shape[-1])
        for frame, frame_truth in zip(predicted.reshape(shape), truth.reshape(shape), strict=True):
            self._add_frame(frame, frame_truth)

    def add_scores(self, scores: npt.NDArray[Any], truth: npt.NDArray[Any]) -> None:
        """Count frames given the classes' scores.

        Parameters
        ----------
        scores : ndarray, shape (T, classes, H, W)
            Logits or probabilities.
        truth : ndarray of integers, shape (T, H, W)
            Class maps.
        """
        self.add(np.argmax(scores, axis=1), truth)

    def _add_frame(self, predicted: npt.NDArray[Any], truth: npt.NDArray[Any]) -> None:
        intersection = self._areas(truth[predicted == truth])
        predicted_area, true_area = self._areas(predicted), self._areas(truth)
        union = predicted_area + true_area - intersection
        self._iou += _ratio(intersection, union)
        self._f += f_measure(_ratio(intersection, predicted_area), _ratio(intersection, true_area))
        self._frames += union > 0

    def _areas(self, labels: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) < self._class_count:
            raise ValueError(f"class indices must lie in 0 to {self._class_count - 1}")
        return np.bincount(labels.astype(np.intp), minlength=self._class_count)

    def scores(self) -> SemanticScores:
        """Give the scores of what was added so far.

        Returns
        -------
        SemanticScores
        """
        iou, f = _ratio(self._iou, self._frames), _ratio(self._f, self._frames)
        return SemanticScores(
            miou=float(iou.mean()),
            f_score=float(f.mean()),
            miou_no_background=float(iou[1:].mean()),
            f_score_no_background=float(f[1:].mean()),
            class_iou=iou,
            class_f_score=f,
            class_frames=self._frames.copy(),
        )


def _ratio(numerator: npt.NDArray[Any], denominator: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    result = np.zeros(np.shape(numerator), dtype=np.float64)
    return np.divide(numerator, denominator, out=result, where=denominator > 0)
