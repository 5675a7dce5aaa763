"""Small corrections, asked of a session as the panel asks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession, FrameStatus
from napari_tavis.annotation.proposals import Proposal, Proposals
from napari_tavis.core.errors import CorrectionError
from napari_tavis.widgets.correction import repairs
from napari_tavis.widgets.correction.propagation import Reach

SAMPLED = [1, 5, 9]
SIZE = (30, 40)
DOG = 1


def square(column: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[10:20, column : column + 10] = True
    return mask


@pytest.fixture
def session(tmp_path: Path) -> AnnotationSession:
    """A dog that moves to the right, proposed in all three sampled frames."""
    video = tmp_path / "clip.mp4"
    video.write_bytes(b"a video's bytes")
    dog = Proposal("dog", 0.9, {frame: square(2 * frame) for frame in SAMPLED})
    times = [frame / 10 for frame in SAMPLED]
    proposals = Proposals(SAMPLED, times, SIZE, [dog], vocabulary=("dog",), frame_count=12)
    return AnnotationSession.create(video, proposals)


def test_the_next_frame_is_the_next_that_is_worked_on(session: AnnotationSession) -> None:
    assert repairs.next_frame(session, 1, Reach()) == 5
    assert repairs.next_frame(session, 1, Reach(every_frame=True)) == 2
    with pytest.raises(CorrectionError, match="no frame after"):
        repairs.next_frame(session, 9, Reach())


def test_copying_edits_the_other_frame(session: AnnotationSession) -> None:
    repairs.copy_mask(session, DOG, 1, 5)
    np.testing.assert_array_equal(session.mask(DOG, 5), square(2))
    assert session.status(DOG, 5) is FrameStatus.EDITED
    assert session.status(DOG, 1) is FrameStatus.PROPOSED
    session.undo()
    np.testing.assert_array_equal(session.mask(DOG, 5), square(10))


def test_interpolates_between_the_edited_frames(session: AnnotationSession) -> None:
    session.set_mask(DOG, 1, square(2))
    session.accept(DOG, 9)
    ((frame, mask, score),) = repairs.interpolate(repairs.find_gap(session, DOG, 5, Reach()))
    assert (frame, score) == (5, None)
    np.testing.assert_array_equal(mask, square(10))

    gap = repairs.find_gap(session, DOG, 5, Reach(every_frame=True))
    found = {frame: mask for frame, mask, _ in repairs.interpolate(gap)}
    assert list(found) == list(range(2, 9))
    columns = [np.flatnonzero(mask.any(0)).mean() for mask in found.values()]
    assert np.all(np.diff(columns) > 0)


def test_interpolating_from_the_later_end(session: AnnotationSession) -> None:
    session.accept(DOG, 1)
    session.accept(DOG, 9)
    gap = repairs.find_gap(session, DOG, 9, Reach())
    assert (gap.first, gap.last, gap.frames) == (1, 9, [5])


def test_interpolating_needs_two_edited_frames(session: AnnotationSession) -> None:
    session.set_mask(DOG, 1, square(2))
    with pytest.raises(CorrectionError, match="on each side"):
        repairs.find_gap(session, DOG, 5, Reach())


def test_interpolating_needs_a_frame_between(session: AnnotationSession) -> None:
    session.accept(DOG, 1)
    session.accept(DOG, 5)
    with pytest.raises(CorrectionError, match="every frame"):
        repairs.find_gap(session, DOG, 1, Reach())


def test_interpolating_needs_masks(session: AnnotationSession) -> None:
    session.accept(DOG, 1)
    repairs.clear_frame(session, DOG, 9)
    with pytest.raises(CorrectionError, match="empty"):
        repairs.find_gap(session, DOG, 5, Reach())


def test_a_cleared_frame_is_an_edited_one_without_the_object(session: AnnotationSession) -> None:
    repairs.clear_frame(session, DOG, 5)
    assert not session.mask(DOG, 5).any()
    assert session.status(DOG, 5) is FrameStatus.EDITED


def test_holes_are_filled(session: AnnotationSession) -> None:
    mask = square(10)
    mask[14:16, 14:16] = False
    session.set_mask(DOG, 5, mask)
    assert "4 pixels" in repairs.fill_frame_holes(session, DOG, 5)
    np.testing.assert_array_equal(session.mask(DOG, 5), square(10))
    assert repairs.fill_frame_holes(session, DOG, 5) == "The mask has no holes."


def test_islands_are_removed(session: AnnotationSession) -> None:
    mask = square(10)
    mask[2, 30] = True
    session.set_mask(DOG, 5, mask)
    assert "1 pixel changed" in repairs.remove_frame_islands(session, DOG, 5)
    np.testing.assert_array_equal(session.mask(DOG, 5), square(10))


def test_nothing_to_do_is_no_step(session: AnnotationSession) -> None:
    repairs.fill_frame_holes(session, DOG, 5)
    repairs.remove_frame_islands(session, DOG, 5)
    assert session.undo_label is None


def test_back_to_what_the_model_proposed(session: AnnotationSession) -> None:
    session.set_mask(DOG, 5, square(20))
    repairs.back_to_proposal(session, DOG, 5)
    np.testing.assert_array_equal(session.mask(DOG, 5), square(10))
    assert session.status(DOG, 5) is FrameStatus.PROPOSED


def test_where_the_model_proposed_nothing(session: AnnotationSession) -> None:
    session.set_mask(DOG, 6, square(20))
    assert "nothing" in repairs.back_to_proposal(session, DOG, 6)
    assert session.status(DOG, 6) is FrameStatus.EDITED
