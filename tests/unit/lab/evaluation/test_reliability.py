from __future__ import annotations

import math

import numpy as np
import pytest

from napari_tavis.lab.evaluation.tallies import ReliabilityTally


def test_error_is_the_weighted_distance_of_bins() -> None:
    tally = ReliabilityTally("promise: truth")
    tally.add([0.91, 0.93, 0.95, 0.97], [True, True, False, True])
    tally.add(np.array([[0.0, 1.0]]), np.array([[False, True]]))
    curve = tally.curve()
    assert curve.count == (1, 0, 0, 0, 0, 0, 0, 0, 0, 5)
    assert curve.outcome[9] == pytest.approx(4 / 5)
    assert curve.confidence[9] == pytest.approx((0.91 + 0.93 + 0.95 + 0.97 + 1) / 5)
    assert curve.error == pytest.approx((5 * (0.952 - 0.8)) / 6)


def test_nothing_is_not_reliable() -> None:
    assert math.isnan(ReliabilityTally("").curve().error)
