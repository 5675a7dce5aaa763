from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.overlay import OverlayMask, draw_masks, draw_session
from napari_tavis.annotation.proposals import Proposal, Proposals

RED, WHITE = (200, 0, 0), (255, 255, 255)


@pytest.fixture
def frame() -> np.ndarray:
    return np.full((120, 200, 3), 90, dtype=np.uint8)


def square() -> np.ndarray:
    mask = np.zeros((120, 200), dtype=bool)
    mask[60:100, 80:140] = True
    return mask


def test_a_mask_is_tinted_and_outlined(frame: np.ndarray) -> None:
    picture = draw_masks(frame, [OverlayMask(square(), RED)])
    assert picture.dtype == np.uint8
    assert picture.shape == frame.shape
    assert tuple(picture[60, 100]) == RED  # the rim
    inside = picture[80, 110].astype(int)
    assert 90 < inside[0] < 200
    assert inside[1] < 90
    assert (picture[20:40, :40] == 90).all()
    assert (frame == 90).all()


def test_an_outline_alone_leaves_the_inside(frame: np.ndarray) -> None:
    picture = draw_masks(frame, [OverlayMask(square(), WHITE, filled=False)])
    assert tuple(picture[60, 100]) == WHITE
    assert (picture[75:85, 100:120] == 90).all()


@pytest.mark.parametrize("rows", [slice(0, 3), slice(117, 120), slice(0, 120)])
def test_a_label_stays_inside_the_picture(frame: np.ndarray, rows: slice) -> None:
    mask = np.zeros((120, 200), dtype=bool)
    mask[rows, 195:] = True
    without = draw_masks(frame, [OverlayMask(mask, RED)])
    labelled = draw_masks(frame, [OverlayMask(mask, RED, "emergency-car")])
    changed = np.argwhere((without != labelled).any(axis=-1))
    assert len(changed) > 100
    ground = np.count_nonzero((labelled == RED).all(axis=-1))
    assert ground > 200


def test_labels_do_not_cover_each_other(frame: np.ndarray) -> None:
    blue = (0, 0, 200)
    both = draw_masks(
        frame, [OverlayMask(square(), RED, "man"), OverlayMask(square(), blue, "guitar")]
    )
    first = draw_masks(frame, [OverlayMask(square(), RED, "man")])
    label = (first[:58] == RED).all(axis=-1)
    assert label.any()
    assert (both[:58][label] == RED).all()


def test_empty_masks_draw_nothing(frame: np.ndarray) -> None:
    empty = np.zeros((120, 200), dtype=bool)
    assert np.array_equal(draw_masks(frame, [OverlayMask(empty, RED, "dog")]), frame)
    assert np.array_equal(draw_masks(frame, []), frame)


def test_a_session_is_drawn_in_its_colours(frame: np.ndarray, tmp_path: Path) -> None:
    video = tmp_path / "clip.mp4"
    video.write_bytes(b"the file is not looked into")
    proposals = Proposals(
        np.array([3]),
        np.array([0.1]),
        (120, 200),
        [
            Proposal("dog", 0.5, {3: square()}),
            Proposal("background", 0.1, {3: np.roll(square(), -50, 0)}, kind="background"),
            Proposal("scene", 0.5, {3: np.roll(square(), 40, 1)}, kind="scene"),
        ],
        frame_count=10,
    )
    session = AnnotationSession.create(video, proposals)
    picture = draw_session(frame, session, 3)
    assert tuple(picture[98, 80]) == session.objects[0].color
    assert tuple(picture[60, 170]) == WHITE
    assert (picture[75:85, 150:170] == 90).all()  # the scene is an outline
    assert (picture[10:30, 80:140] == 90).all()  # background is not drawn
    assert np.array_equal(draw_session(frame, session, 4), frame)
    session.reject(session.objects[0].object_id)
    assert tuple(draw_session(frame, session, 3)[98, 78]) == (90, 90, 90)
