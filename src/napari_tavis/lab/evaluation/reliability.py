"""Whether scores keep what they promise: how often what is said to be 80 % sure is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

BINS = 10


@dataclass(frozen=True)
class Reliability:
    """A reliability curve.

    Attributes
    ----------
    title : str
        What is held against what.
    confidence, outcome : tuple of float or None
        Mean score and mean truth in each bin of scores, 0 to 1; None where a bin is empty.
    count : tuple of int
        Cases in each bin.
    error : float
        Expected calibration error: the mean distance of the two, weighted by the cases.
        NaN without cases.
    """

    title: str
    confidence: tuple[float | None, ...]
    outcome: tuple[float | None, ...]
    count: tuple[int, ...]
    error: float


class ReliabilityTally:
    """Sums of scores and outcomes in ten bins of equal width.

    Parameters
    ----------
    title : str
        What is held against what.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._confidence = np.zeros(BINS)
        self._outcome = np.zeros(BINS)
        self._count = np.zeros(BINS, dtype=np.int64)

    def add(self, confidence: npt.ArrayLike, outcome: npt.ArrayLike) -> None:
        """Count cases.

        Parameters
        ----------
        confidence : array_like of float
            Scores, 0 to 1.
        outcome : array_like of bool or float, the same shape
            What was true, 0 to 1.
        """
        scores = np.asarray(confidence, dtype=np.float64).ravel()
        bins = np.clip((scores * BINS).astype(np.intp), 0, BINS - 1)
        truth = np.asarray(outcome, dtype=np.float64).ravel()
        self._confidence += np.bincount(bins, scores, BINS)
        self._outcome += np.bincount(bins, truth, BINS)
        self._count += np.bincount(bins, minlength=BINS)

    def curve(self) -> Reliability:
        """Give the curve of what was added so far."""
        total = int(self._count.sum())
        gap = np.abs(self._confidence - self._outcome).sum()
        return Reliability(
            title=self._title,
            confidence=self._means(self._confidence),
            outcome=self._means(self._outcome),
            count=tuple(int(number) for number in self._count),
            error=float(gap / total) if total else float("nan"),
        )

    def _means(self, sums: npt.NDArray[Any]) -> tuple[float | None, ...]:
        pairs = zip(sums, self._count, strict=True)
        return tuple(float(value / number) if number else None for value, number in pairs)
