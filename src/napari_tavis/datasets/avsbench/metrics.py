"""The scores of AVSBench: M_J, M_F and those of semantic segmentation, exactly and in numpy.

Source: the evaluation scripts of AVSBench (Zhou et al., ECCV 2022; IJCV 2024). Two habits of
theirs are kept because published numbers depend on them: a frame with an empty ground truth counts
in M_J by its true negatives and not at all in M_F, and both depend on the batch size.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES

Scores: TypeAlias = Literal["sigmoid", "logits"]
Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Mask: TypeAlias = npt.NDArray[Any]

THRESHOLD_COUNT = 255  # of M_F
BETA_SQUARED = 0.3
_IOU_GUARD = 1e-7  # against 0 / 0, as in the scripts
_PRECISION_GUARD = 1e-20


def mask_iou(logits: Floats, truth: Mask) -> npt.NDArray[np.float64]:
    """Compute the Jaccard index of every frame, as AVSBench counts it.

    Logits and truth have shape (..., H, W); predicted foreground is ``sigmoid(logit) > 0.5``, true
    foreground what is not zero; NaN is background. Returns ``intersection / (union + 1e-7)`` per
    frame, (...), in [0, 1]. A frame whose truth is empty scores the share of its pixels that are
    predicted empty. Raises `ValueError` if the shapes differ.
    """
    predicted, wanted = _same_shape(logits, truth)
    return iou_of_masks(predicted > 0, wanted)


def iou_of_masks(predicted: Mask, truth: Mask) -> npt.NDArray[np.float64]:
    """Compute the Jaccard index of every frame of binary masks, as `mask_iou` does."""
    predicted, truth = _same_shape(np.asarray(predicted) != 0, truth)
    axes = (-2, -1)
    pixels = truth.shape[-2] * truth.shape[-1]
    intersection = np.count_nonzero(predicted & truth, axis=axes)
    union = np.count_nonzero(predicted | truth, axis=axes)
    empty = ~truth.any(axis=axes)
    intersection = np.where(empty, pixels - union, intersection)  # union = false positives here
    union = np.where(empty, pixels, union)
    return np.asarray(intersection / (union + _IOU_GUARD), dtype=np.float64)


def thresholds() -> npt.NDArray[np.float32]:
    """Return the 255 thresholds of M_F, ``linspace(0, 1 - 1e-10, 255)`` in single precision.

    They are filled from both ends with one rounding, as by the scripts' ``torch.linspace``, so
    that a score that ties with a threshold falls on the same side. The last one rounds to exactly
    1.
    """
    last = THRESHOLD_COUNT - 1
    end = np.float32(1 - 1e-10)
    step = np.float64(end / np.float32(last))
    index = np.arange(THRESHOLD_COUNT)
    values = np.where(index < THRESHOLD_COUNT // 2, step * index, end - step * (last - index))
    return values.astype(np.float32)


def f_curve(logits: Floats, truth: Mask, scores: Scores = "sigmoid") -> npt.NDArray[np.float64]:
    """Compute the F-measure of one frame at every threshold, (255,), with beta squared 0.3.

    Logits and truth have shape (H, W). `scores` says what the thresholds apply to: ``"sigmoid"``,
    as in AVSBench's scripts, or the raw ``"logits"``, as in TAViS's release. NaN is never
    foreground. The value is 0 where precision and recall are both 0.

    The scores are put into the bins between the thresholds once, and the counts summed from the
    top: the same numbers as 255 comparisons of the whole frame.
    """
    predicted, wanted = _same_shape(logits, truth)
    bins = _thresholds_reached(_score_values(predicted, scores).ravel())
    bins += (THRESHOLD_COUNT + 1) * wanted.ravel()  # both counts in one pass
    counts = np.bincount(bins, minlength=2 * (THRESHOLD_COUNT + 1)).reshape(2, -1)
    positive = _count_from_top(counts[1])
    selected = positive + _count_from_top(counts[0])
    precision = positive / (selected + _PRECISION_GUARD)
    recall = positive / (np.count_nonzero(wanted) + _PRECISION_GUARD)
    return f_measure(precision, recall)


def _thresholds_reached(values: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    """Count, for every score, the thresholds at or below it; 0 for NaN.

    The thresholds are evenly spaced except for their rounding, so the count follows from a product
    and one comparison with either neighbour: exact, and ten times faster than a search.
    """
    edges = _edges()
    # fmax and fmin, unlike maximum and minimum, take the number where the other is NaN.
    values = np.fmin(np.fmax(values, np.float32(-1)), np.float32(1))
    bins = (values * np.float32(THRESHOLD_COUNT - 1)).astype(np.intp)
    bins += 1  # the first edge is minus infinity
    np.maximum(bins, 0, out=bins)
    # The product may be off by one either way.
    bins -= values < edges[bins]
    bins += values >= edges[bins + 1]
    return bins


@cache
def _edges() -> npt.NDArray[np.float32]:
    """Return the thresholds between minus and plus infinity."""
    return np.concatenate([[-np.inf], thresholds(), [np.inf]]).astype(np.float32)


def _score_values(logits: Floats, scores: Scores) -> npt.NDArray[np.float32]:
    if scores not in ("sigmoid", "logits"):
        raise ValueError(f"scores must be 'sigmoid' or 'logits', not {scores!r}")
    values = np.asarray(logits, dtype=np.float32)
    return np.asarray(expit(values)) if scores == "sigmoid" else values


def _count_from_top(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Sum, for every threshold, the pixels whose score reaches it."""
    return np.cumsum(counts[::-1], dtype=np.int64)[::-1][1:]


def f_measure(precision: Floats, recall: Floats) -> npt.NDArray[np.float64]:
    """Combine precision and recall with beta squared 0.3; 0 where both are 0."""
    numerator = (1 + BETA_SQUARED) * precision * recall
    denominator = BETA_SQUARED * precision + recall
    result = np.zeros(np.shape(numerator), dtype=np.float64)
    return np.divide(numerator, denominator, out=result, where=denominator > 0)


class MJ:
    """M_J, the mean Jaccard index: mean over a batch's frames, then over batches.

    The batch size, in clips, matters only if clips differ in length or the last batch is short.
    """

    def __init__(self, batch_size: int = 1) -> None:
        self._batches = _Batches(batch_size)

    def add(self, logits: Floats, truth: Mask) -> float:
        """Count one clip, (T, H, W), and return its own M_J; NaN if it has no frame."""
        frames = list(mask_iou(logits, truth).ravel())
        self._batches.add(frames)
        return _mean(frames)

    @property
    def value(self) -> float:
        """M_J of what was added so far, in [0, 1]; NaN if that is nothing."""
        return _mean(np.mean(batch) for batch in self._batches.all() if batch)


class MF:
    """M_F, the maximal F-measure over 255 thresholds.

    The curve is averaged over the frames of a batch that have foreground, then maximised, then
    averaged over batches; so it depends on the batch size, and on what is thresholded (`scores`,
    as in `f_curve`): state both beside a number. AVSBench's test command uses batches of 4 clips,
    its script's default and TAViS 1. `skip_empty` leaves out batches in which no frame has
    foreground; AVSBench's scripts count such a batch as 0, which is the default here.
    """

    def __init__(
        self, scores: Scores = "sigmoid", batch_size: int = 1, *, skip_empty: bool = False
    ) -> None:
        self._scores = scores
        self._skip_empty = skip_empty
        self._batches = _Batches(batch_size)

    def add(self, logits: Floats, truth: Mask) -> float:
        """Count one clip, (T, H, W), and return its own M_F; NaN if no frame has foreground."""
        predicted, wanted = _same_shape(logits, truth)
        curves = [
            f_curve(frame, frame_truth, self._scores)
            for frame, frame_truth in zip(predicted, wanted, strict=True)
            if frame_truth.any()
        ]
        self._batches.add(curves)
        return float(np.mean(curves, axis=0).max()) if curves else float("nan")

    @property
    def value(self) -> float:
        """M_F of what was added so far, in [0, 1]; NaN if that is nothing."""
        return _mean(
            np.mean(batch, axis=0).max() if batch else 0.0
            for batch in self._batches.all()
            if batch or not self._skip_empty
        )


class _Batches:
    """Values of frames, collected into batches of so many clips."""

    def __init__(self, batch_size: int) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {batch_size}")
        self._batch_size = batch_size
        self._clips = 0
        self._batches: list[list[Any]] = []

    def add(self, frames: list[Any]) -> None:
        if self._clips % self._batch_size == 0:
            self._batches.append([])
        self._batches[-1].extend(frames)
        self._clips += 1

    def all(self) -> list[list[Any]]:
        return self._batches


def mean_jaccard(logits: Iterable[Floats], truth: Iterable[Mask], batch_size: int = 1) -> float:
    """Compute M_J, in [0, 1], over clips of shape (T, H, W)."""
    metric = MJ(batch_size)
    for clip_logits, clip_truth in zip(logits, truth, strict=True):
        metric.add(clip_logits, clip_truth)
    return metric.value


def max_f_measure(
    logits: Iterable[Floats],
    truth: Iterable[Mask],
    scores: Scores = "sigmoid",
    batch_size: int = 1,
    *,
    skip_empty: bool = False,
) -> float:
    """Compute M_F, in [0, 1], over clips of shape (T, H, W); see `MF`."""
    metric = MF(scores, batch_size, skip_empty=skip_empty)
    for clip_logits, clip_truth in zip(logits, truth, strict=True):
        metric.add(clip_logits, clip_truth)
    return metric.value


def _same_shape(predicted: Any, truth: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    predicted, truth = np.asarray(predicted), np.asarray(truth)
    if predicted.shape != truth.shape or predicted.ndim < 2:
        raise ValueError(
            f"prediction and truth must have one shape ending in (H, W), "
            f"not {predicted.shape} and {truth.shape}"
        )
    return predicted, truth if truth.dtype == np.bool_ else truth != 0


def _mean(values: Iterable[Any]) -> float:
    listed = list(values)
    return float(np.mean(listed)) if listed else float("nan")


@dataclass(frozen=True)
class SemanticScores:
    """What audio-visual semantic segmentation (AVSS) reports, as AVSBench's authors count it.

    "No background" means without class 0. (The published scripts drop the *last* class instead, so
    their numbers differ.)
    """

    miou: float  # mean over all classes; one that never occurs counts as 0, as there
    f_score: float  # likewise
    miou_no_background: float
    f_score_no_background: float
    class_iou: npt.NDArray[np.float64]  # (classes,), 0 where the class never occurs
    class_f_score: npt.NDArray[np.float64]  # likewise
    class_frames: npt.NDArray[np.int64]  # frames in which the class occurs, in prediction or truth


class SemanticMetric:
    """Sums of IoU and F-measure per class (background included), frame by frame.

    The authors' script pads v1 clips to ten frames with black pictures and all-background labels
    and counts those, too; here only frames that were added count.
    """

    def __init__(self, class_count: int = len(AVSBENCH_CLASSES)) -> None:
        self._class_count = class_count
        self._iou = np.zeros(class_count)
        self._f = np.zeros(class_count)
        self._frames = np.zeros(class_count, dtype=np.int64)

    def add(self, predicted: npt.NDArray[Any], truth: npt.NDArray[Any]) -> None:
        """Count frames, (T, H, W) or (H, W): predicted and true class maps.

        Raises `ValueError` if the shapes differ or a class index is out of range.
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
        """Count frames given the classes' logits or probabilities, (T, classes, H, W)."""
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
        """Return the scores of what was added so far."""
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
