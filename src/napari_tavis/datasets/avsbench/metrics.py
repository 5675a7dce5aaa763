"""The scores of AVSBench: M_J, M_F and those of semantic segmentation, exactly and in numpy.

Source: the evaluation scripts of AVSBench (Zhou et al., ECCV 2022; IJCV 2024). Two habits of
theirs are kept because published numbers depend on them: a frame with an empty ground truth
counts in M_J by its true negatives and not at all in M_F, and both depend on the batch size.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Scores: TypeAlias = Literal["sigmoid", "logits"]
Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Mask: TypeAlias = npt.NDArray[Any]

THRESHOLD_COUNT = 255
BETA_SQUARED = 0.3
_IOU_GUARD = 1e-7
_PRECISION_GUARD = 1e-20


def mask_iou(logits: Floats, truth: Mask) -> npt.NDArray[np.float64]:
    """Compute the Jaccard index of every frame, as AVSBench counts it.

    A frame whose truth is empty scores the share of its pixels that are predicted empty.

    Parameters
    ----------
    logits : ndarray, shape (..., H, W)
        Predicted mask logits; foreground is ``sigmoid(logit) > 0.5``. NaN is background.
    truth : ndarray, shape (..., H, W)
        Ground truth; foreground where not zero.

    Returns
    -------
    ndarray of float64, shape (...)
        ``intersection / (union + 1e-7)`` per frame, in [0, 1].

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    predicted, wanted = _same_shape(logits, truth)
    return iou_of_masks(predicted > 0, wanted)


def iou_of_masks(predicted: Mask, truth: Mask) -> npt.NDArray[np.float64]:
    """Compute the Jaccard index of every frame of binary masks, as `mask_iou` does.

    Parameters
    ----------
    predicted, truth : ndarray, shape (..., H, W)
        Foreground where not zero.

    Returns
    -------
    ndarray of float64, shape (...)
    """
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
    """Give the 255 thresholds of M_F, ``linspace(0, 1 - 1e-10, 255)`` in single precision.

    Filled from both ends with one rounding, as the scripts' ``torch.linspace`` does, so that a
    score which ties with a threshold falls on the same side. The last one rounds to exactly 1.

    Returns
    -------
    ndarray of float32, shape (255,)
    """
    last = THRESHOLD_COUNT - 1
    end = np.float32(1 - 1e-10)
    step = np.float64(end / np.float32(last))
    index = np.arange(THRESHOLD_COUNT)
    values = np.where(index < THRESHOLD_COUNT // 2, step * index, end - step * (last - index))
    return values.astype(np.float32)


def f_curve(logits: Floats, truth: Mask, scores: Scores = "sigmoid") -> npt.NDArray[np.float64]:
    """Compute the F-measure of one frame at every threshold.

    The scores are put into the bins between the thresholds once, and the counts summed from
    the top: the same numbers as 255 comparisons of the whole frame.

    Parameters
    ----------
    logits : ndarray, shape (H, W)
        Predicted mask logits. NaN is never foreground.
    truth : ndarray, shape (H, W)
        Ground truth; foreground where not zero.
    scores : {"sigmoid", "logits"}
        What the thresholds apply to: ``"sigmoid"`` as AVSBench's scripts do, ``"logits"`` the
        raw logits as TAViS's release does.

    Returns
    -------
    ndarray of float64, shape (255,)
        F-measure with beta squared 0.3; 0 where precision and recall are both 0.
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

    The thresholds lie evenly but for their rounding, so the count follows from a product and
    one comparison with either neighbour: exact, and ten times faster than a search.
    """
    edges = _edges()
    values = np.fmin(np.fmax(values, np.float32(-1)), np.float32(1))
    bins = (values * np.float32(THRESHOLD_COUNT - 1)).astype(np.intp)
    bins += 1
    np.maximum(bins, 0, out=bins)
    bins -= values < edges[bins]
    bins += values >= edges[bins + 1]
    return bins


@cache
def _edges() -> npt.NDArray[np.float32]:
    """Give the thresholds between minus and plus infinity."""
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
    """Combine precision and recall with beta squared 0.3; 0 where both are 0.

    Parameters
    ----------
    precision, recall : ndarray, any one shape
        In [0, 1].

    Returns
    -------
    ndarray of float64, the same shape
    """
    numerator = (1 + BETA_SQUARED) * precision * recall
    denominator = BETA_SQUARED * precision + recall
    result = np.zeros(np.shape(numerator), dtype=np.float64)
    return np.divide(numerator, denominator, out=result, where=denominator > 0)


class MJ:
    """M_J, the mean Jaccard index: mean over a batch's frames, then over batches.

    Parameters
    ----------
    batch_size : int
        Clips per batch; matters only where clips differ in length or the last batch is short.
    """

    def __init__(self, batch_size: int = 1) -> None:
        self._batches = _Batches(batch_size)

    def add(self, logits: Floats, truth: Mask) -> float:
        """Count one clip.

        Parameters
        ----------
        logits, truth : ndarray, shape (T, H, W)
            As for `mask_iou`.

        Returns
        -------
        float
            M_J of this clip alone; NaN if it has no frame.
        """
        frames = list(mask_iou(logits, truth).ravel())
        self._batches.add(frames)
        return _mean(frames)

    @property
    def value(self) -> float:
        """M_J of what was added so far, in [0, 1]; NaN if that is nothing."""
        return _mean(np.mean(batch) for batch in self._batches.all() if batch)


class MF:
    """M_F, the maximal F-measure over 255 thresholds.

    The curve is averaged over the frames of a batch that hold something, then maximised, then
    averaged over batches; so it depends on the batch size, and on what is thresholded: say both
    beside a number.

    Parameters
    ----------
    scores : {"sigmoid", "logits"}
        As for `f_curve`.
    batch_size : int
        Clips per batch: AVSBench's test command uses 4, its script's default and TAViS 1.
    skip_empty : bool
        Leave out a batch in which no frame holds anything. AVSBench's scripts count such a
        batch as 0, which is the default here.
    """

    def __init__(
        self, scores: Scores = "sigmoid", batch_size: int = 1, *, skip_empty: bool = False
    ) -> None:
        self._scores = scores
        self._skip_empty = skip_empty
        self._batches = _Batches(batch_size)

    def add(self, logits: Floats, truth: Mask) -> float:
        """Count one clip.

        Parameters
        ----------
        logits, truth : ndarray, shape (T, H, W)
            As for `f_curve`, frame by frame.

        Returns
        -------
        float
            M_F of this clip alone; NaN if none of its frames holds anything.
        """
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
    """Values of frames, gathered into batches of so many clips."""

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
    """Compute M_J over clips.

    Parameters
    ----------
    logits, truth : iterable of ndarray, each of shape (T, H, W)
        One entry per clip, so also one array of shape (clips, T, H, W).
    batch_size : int
        Clips per batch.

    Returns
    -------
    float
        M_J in [0, 1].
    """
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
    """Compute M_F over clips.

    Parameters
    ----------
    logits, truth : iterable of ndarray, each of shape (T, H, W)
        One entry per clip.
    scores, batch_size, skip_empty
        As for `MF`.

    Returns
    -------
    float
        M_F in [0, 1].
    """
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
