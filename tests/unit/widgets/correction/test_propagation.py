from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.proposals import Proposal, Proposals
from napari_tavis.core.errors import CorrectionError
from napari_tavis.widgets.correction.propagation import (
    Direction,
    Reach,
    frames_between,
    plan_propagation,
)

SAMPLED = [1, 4, 7, 10]
SIZE = (8, 9)


def square(column: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[2:5, column : column + 3] = True
    return mask


@pytest.fixture
def session(tmp_path: Path) -> AnnotationSession:
    """A dog proposed in all sampled frames of a video of twelve frames."""
    video = tmp_path / "clip.mp4"
    video.write_bytes(b"a video's bytes")
    dog = Proposal("dog", 0.9, {frame: square(1) for frame in SAMPLED})
    times = [frame / 10 for frame in SAMPLED]
    proposals = Proposals(SAMPLED, times, SIZE, [dog], vocabulary=("dog",), frame_count=12)
    return AnnotationSession.create(video, proposals)


@pytest.mark.parametrize(
    ("direction", "frames"),
    [
        (Direction.FORWARDS, [7, 10]),
        (Direction.BACKWARDS, [1]),
        (Direction.BOTH, [1, 7, 10]),
    ],
)
def test_goes_over_the_sampled_frames(session, direction: Direction, frames: list[int]) -> None:
    plan = plan_propagation(session, 1, 4, direction, Reach())
    assert plan.frames == frames
    assert list(plan.conditions) == [4]
    np.testing.assert_array_equal(plan.conditions[4], square(1))


def test_goes_over_every_frame_of_the_range(session) -> None:
    reach = Reach(every_frame=True, first=2, last=6)
    assert plan_propagation(session, 1, 4, Direction.BOTH, reach).frames == [2, 3, 5, 6]


def test_checked_frames_are_conditions_and_never_written(session) -> None:
    session.set_mask(1, 7, square(5))
    session.accept(1, 1)
    plan = plan_propagation(session, 1, 4, Direction.BOTH, Reach())
    assert plan.frames == [10]
    assert sorted(plan.conditions) == [1, 4, 7]
    np.testing.assert_array_equal(plan.conditions[7], square(5))
    forwards = plan_propagation(session, 1, 4, Direction.FORWARDS, Reach())
    assert sorted(forwards.conditions) == [4, 7]


def test_a_frame_where_a_person_found_nothing_is_a_condition(session) -> None:
    session.set_mask(1, 7, np.zeros(SIZE, bool))
    plan = plan_propagation(session, 1, 4, Direction.FORWARDS, Reach())
    assert not plan.conditions[7].any()
    assert plan.frames == [10]


def test_needs_a_mask_to_begin_from(session) -> None:
    with pytest.raises(CorrectionError, match="no mask in this frame"):
        plan_propagation(session, 1, 5, Direction.BOTH, Reach())


def test_says_when_nothing_is_left(session) -> None:
    session.accept(1)
    with pytest.raises(CorrectionError, match="No frame is left"):
        plan_propagation(session, 1, 4, Direction.BOTH, Reach())


def test_a_range_of_times_holds_the_frames_shown_in_it() -> None:
    times = np.array([0.0, 0.0417, 0.0834, 0.1251])
    assert frames_between(times, 0.0, 0.13) == (0, 3)
    assert frames_between(times, 0.04, 0.08) == (1, 2), "as typed, rounded to hundredths"
    assert frames_between(times, 0.06, 0.07) == (2, 1)
