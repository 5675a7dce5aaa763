from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession, FrameStatus
from napari_tavis.annotation.masks import Mask, PackedMasks
from napari_tavis.annotation.proposals import Proposal, Proposals
from napari_tavis.core.tasks import Task
from napari_tavis.widgets.correction.filling import Filled, Target, fill

SIZE = (6, 7)
EMPTY, WHOLE = np.zeros(SIZE, bool), np.ones(SIZE, bool)
DOG = 1


@pytest.fixture
def session(tmp_path: Path) -> AnnotationSession:
    """A dog proposed in frames 1 and 4 of a video of twelve frames."""
    video = tmp_path / "clip.mp4"
    video.write_bytes(b"a video's bytes")
    dog = Proposal("dog", 0.9, {1: WHOLE, 4: WHOLE})
    proposals = Proposals([1, 4], [0.1, 0.4], SIZE, [dog], vocabulary=("dog",), frame_count=12)
    return AnnotationSession.create(video, proposals)


@pytest.fixture
def target(session: AnnotationSession) -> Target:
    return Target(session, DOG, "Propagate", frame=1, total=4)


@pytest.fixture
def filled() -> Filled:
    return Filled(PackedMasks(SIZE))


def found(task: Task) -> Iterator[tuple[int, Mask, float]]:
    """Four frames; the dog is not in two of them."""
    yield from [(2, WHOLE, 0.8), (3, WHOLE, 0.7), (4, EMPTY, 0.1), (5, EMPTY, 0.1)]


def test_is_one_step_of_proposals(session: AnnotationSession, target, filled) -> None:
    fill(target, found, filled, Task())
    assert filled.written == [2, 3, 4, 5]
    assert session.status(DOG, 2) is FrameStatus.PROPOSED
    assert session.scores(DOG)[3] == 0.7
    assert not session.mask(DOG, 4).any()
    step = session.undo()
    assert (step.label, step.frame_index) == ("Propagate", 1)
    assert session.mask(DOG, 4).all()
    assert session.undo_label is None


def test_passes_over_what_was_edited_meanwhile(session, target, filled) -> None:
    def slowly(task):
        yield 2, WHOLE, 0.8
        session.set_mask(DOG, 2, EMPTY)
        yield 3, WHOLE, 0.8

    fill(target, slowly, filled, Task())
    assert filled.written == [3]
    assert not session.mask(DOG, 2).any()


def test_cancelled_it_keeps_what_was_reached(session, target, filled) -> None:
    task = Task()

    def cancelled(task):
        yield 2, WHOLE, 0.8
        task.cancel()
        yield 3, WHOLE, 0.8
        raise AssertionError("nothing is asked for after the cancel")

    fill(target, cancelled, filled, task)
    assert filled.written == [2, 3]
    assert "Cancelled: kept 2 frames" in filled.describe("Propagated over", 1.0)


def test_an_object_deleted_meanwhile_stays_deleted(session, target, filled) -> None:
    session.remove_object(DOG)
    fill(target, found, filled, Task())
    assert session.objects == []
    assert filled.describe("Propagated over", 1.0) == "Nothing was changed."


def test_says_where_the_object_was_lost(target, filled) -> None:
    fill(target, found, filled, Task())
    said = filled.describe("Propagated over", 1.0)
    assert "Propagated over 4 frames in 1.0 s" in said
    assert "not found in frame 5 and 1 more" in said
