from __future__ import annotations

import numpy as np
import pytest

from napari_tavis.widgets.correction.preview import PreviewLabels

SHAPE = (4, 6, 5)
MASK = np.zeros(SHAPE[1:], bool)
MASK[2:4, 1:3] = True


@pytest.fixture
def labels() -> PreviewLabels:
    return PreviewLabels(SHAPE, {2: MASK}.get)


@pytest.mark.parametrize(
    "key",
    [
        2,
        np.int64(-2),
        (2, 3, 1),
        (slice(None), 3, 1),
        slice(1, 3),
        (2, slice(0, 4), slice(1, 5, 2)),
    ],
    ids=str,
)
def test_reads_like_the_dense_array(labels: PreviewLabels, key) -> None:
    dense = np.zeros(SHAPE, np.uint8)
    dense[2] = MASK
    np.testing.assert_array_equal(labels[key], dense[key])
    np.testing.assert_array_equal(np.asarray(labels), dense)


def test_a_frame_outside_the_video_is_an_index_error(labels: PreviewLabels) -> None:
    with pytest.raises(IndexError):
        labels[4]
