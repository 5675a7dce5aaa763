from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.layers import Labels

from napari_tavis.annotation import AnnotationSession, FrameStatus
from napari_tavis.annotation.proposals import Proposal, Proposals
from napari_tavis.widgets.session_labels import SessionLabels

FRAMES, HEIGHT, WIDTH = 12, 20, 30


def square(top: int, left: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[top : top + 6, left : left + 6] = True
    return mask


@pytest.fixture
def session(tmp_path: Path) -> AnnotationSession:
    video = tmp_path / "clip.mp4"
    video.write_bytes(b"a video's bytes")
    dog = Proposal("dog", 0.9, {3: square(2, 2), 7: square(8, 20)}, {3: 0.9, 7: 0.9})
    proposals = Proposals(
        [3, 7], [0.3, 0.7], (HEIGHT, WIDTH), [dog], vocabulary=("dog",), frame_count=FRAMES
    )
    return AnnotationSession.create(video, proposals)


@pytest.fixture
def labels(session: AnnotationSession) -> SessionLabels:
    return SessionLabels(session, session.objects[0].object_id)


@pytest.fixture
def layer(labels: SessionLabels) -> Labels:
    layer = Labels(labels)
    layer.selected_label = 1
    layer._slice_dims(layer_dims(3))
    return layer


def layer_dims(frame: int):
    from napari.components import Dims

    dims = Dims(ndim=3, ndisplay=2, range=((0, FRAMES - 1, 1), (0, HEIGHT, 1), (0, WIDTH, 1)))
    dims.set_current_step(0, frame)
    return dims


def dense() -> np.ndarray:
    array = np.zeros((FRAMES, HEIGHT, WIDTH), dtype=np.uint8)
    array[3], array[7] = square(2, 2), square(8, 20)
    return array


ROWS, COLUMNS = np.array([2, 3, 9, 0]), np.array([2, 9, 21, 0])
KEYS = [
    3,
    -5,
    np.int64(7),
    (3, 4, 5),
    (slice(None), 4, 5),
    (slice(2, 8), slice(1, 9), slice(None, None, 2)),
    (slice(8, 2, -1), slice(None)),
    (slice(3, 4), slice(0, 5), slice(0, 7)),
    (Ellipsis, 4),
    (7, Ellipsis),
    (np.array([7, 3, 3]), slice(None), slice(0, 9)),
    (np.array([3, 3, 7, 0]), ROWS, COLUMNS),
    (3, ROWS, COLUMNS),
    dense() > 0,
    (slice(0, 0), slice(None), slice(None)),
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_reads_like_the_dense_array(labels: SessionLabels, key) -> None:
    read = labels[key]
    np.testing.assert_array_equal(read, dense()[key])
    assert read.shape == dense()[key].shape
    assert read.dtype == np.uint8


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_writes_like_the_dense_array(labels: SessionLabels, key) -> None:
    expected = dense()
    expected[key] = 1
    labels[key] = 1
    np.testing.assert_array_equal(np.asarray(labels), expected)


def test_a_frame_outside_the_video_is_an_index_error(labels: SessionLabels) -> None:
    with pytest.raises(IndexError):
        labels[FRAMES]
    with pytest.raises(IndexError):
        labels[FRAMES] = 1


def test_what_is_read_is_a_copy(labels: SessionLabels) -> None:
    labels[3][:] = 1
    np.testing.assert_array_equal(np.asarray(labels), dense())


def test_any_label_but_the_background_is_the_object(labels: SessionLabels) -> None:
    labels[5, 1:3, 1:3] = [[7, 0], [255, 1]]
    np.testing.assert_array_equal(labels[5, 1:3, 1:3], [[1, 0], [1, 1]])


def test_flush_makes_writes_edits_of_the_session(
    session: AnnotationSession, labels: SessionLabels
) -> None:
    labels[5, 4, 4] = 1
    labels[3, 2, 2] = 1  # is so already
    assert session.status(labels.object_id, 5) is None
    assert labels.flush() == [5]
    assert session.status(labels.object_id, 5) is FrameStatus.EDITED
    assert session.status(labels.object_id, 3) is FrameStatus.PROPOSED
    assert session.mask(labels.object_id, 5).sum() == 1
    assert labels.flush() == []


def test_each_write_is_told(session: AnnotationSession) -> None:
    told = []
    labels = SessionLabels(session, 1, lambda: told.append(True))
    labels[5, 4, 4] = 1
    labels[6] = 0
    assert len(told) == 2


def test_no_frame_is_kept_that_was_not_written(labels: SessionLabels) -> None:
    np.asarray(labels)
    labels[5, 4, 4] = 1
    assert list(labels._written) == [5]


def test_napari_brush_eraser_and_undo(layer: Labels) -> None:
    layer.brush_size = 3
    layer.paint((3, 15, 15), 1)
    assert layer.data[3, 15, 15] == 1
    assert layer.data[3].sum() > 36
    layer.paint((3, 4, 4), 0)
    assert layer.data[3, 4, 4] == 0
    layer.undo()
    assert layer.data[3, 4, 4] == 1
    layer.undo()
    np.testing.assert_array_equal(np.asarray(layer.data), dense())
    layer.redo()
    assert layer.data[3, 15, 15] == 1


def test_napari_fill_and_polygon(layer: Labels) -> None:
    layer.fill((3, 3, 3), 0)
    assert layer.data[3].sum() == 0
    layer.paint_polygon([(3, 1, 1), (3, 1, 10), (3, 10, 10), (3, 10, 1)], 1)
    assert layer.data[3, 5, 5] == 1
    assert layer.data[3].sum() == 100
    layer.undo()
    layer.undo()
    np.testing.assert_array_equal(np.asarray(layer.data), dense())


def test_napari_data_setitem_and_undo(layer: Labels) -> None:
    where = (np.array([3, 3, 9]), np.array([0, 1, 2]), np.array([0, 1, 2]))
    layer.data_setitem(where, 1)
    assert layer.data[9, 2, 2] == 1
    layer.undo()
    np.testing.assert_array_equal(np.asarray(layer.data), dense())


def test_the_layer_shows_what_is_painted(layer: Labels) -> None:
    layer.brush_size = 1
    layer.paint((3, 18, 28), 1)
    assert layer._slice.image.raw[18, 28] == 1
    layer.refresh()
    assert layer._slice.image.raw[18, 28] == 1
