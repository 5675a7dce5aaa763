from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession, FrameStatus, SessionChange, SessionError
from napari_tavis.annotation.history import History

from .conftest import box, change, dog, make_proposals, reopened, rows


def facts(session: AnnotationSession) -> tuple[object, ...]:
    """Everything that undo has to bring back."""
    masks = {
        (item.object_id, frame): session.mask(item.object_id, frame).tobytes()
        for item in session.objects
        for frame in session.annotated_frames(item.object_id)
    }
    statuses = {item.object_id: session.statuses(item.object_id) for item in session.objects}
    heads = [item.bare() for item in session.objects]
    return heads, masks, statuses, session.vocabulary


def do_everything(session: AnnotationSession) -> list[tuple[object, ...]]:
    """Do one of each; give what the session was before each of them."""
    actions = [
        lambda: session.set_mask(1, 31, box(0, 0)),
        lambda: session.set_mask(1, 28, np.zeros((24, 40))),
        lambda: session.accept(1, 58),
        lambda: session.rename(1, "Wolpertinger"),
        lambda: session.reject(2),
        lambda: session.restore(2),
        lambda: session.add_object("drum"),
        lambda: session.set_mask(4, 3, box(1, 1)),
        lambda: session.merge(1, 2),
        lambda: session.split(1, 58),
        lambda: session.remove_object(1),
        lambda: session.set_threshold(3, 0.7),
        lambda: session.propose_masks(4, {7: box(2, 2), 9: box(3, 3)}),
        lambda: session.set_masks(4, {7: box(4, 4), 8: box(5, 5)}, label="Interpolate"),
        lambda: session.revert(4, 7),
        lambda: session.accept(),
    ]
    before = []
    for action in actions:
        before.append(facts(session))
        action()
    return before


@pytest.mark.parametrize("save", [False, True])
def test_everything_can_be_undone_and_redone_in_order(
    session: AnnotationSession, save: bool
) -> None:
    before = do_everything(session)
    after = facts(session)
    if save:  # what undo needs is still there when its masks have gone to the disk
        session.save()
    states = [*before, after]
    for state in reversed(before):
        assert session.undo() is not None
        assert facts(session) == state
    assert session.undo() is None
    for state in states[1:]:
        assert session.redo() is not None
        assert facts(session) == state
    assert session.redo() is None


def test_what_is_undone_is_saved(session: AnnotationSession, video: Path) -> None:
    session.save()
    before = do_everything(session)
    session.save()
    for _ in before:
        session.undo()
    assert session.dirty
    session.save()
    assert facts(reopened(video)) == facts(session) == before[0]
    session.redo()
    session.save()
    assert np.array_equal(reopened(video).mask(1, 31), box(0, 0))


def test_a_step_says_what_it_was_and_where(session: AnnotationSession) -> None:
    assert session.undo_label is session.redo_label is None
    session.set_mask(1, 28, box(0, 0))
    session.set_mask(2, 58, box(0, 0), label="Erase")
    session.accept(1)
    assert session.undo_label == "Accept"
    assert session.undo().frame_index is None  # type: ignore[union-attr]
    step = session.undo()
    assert step is not None
    assert (step.label, step.object_ids, step.frame_index) == ("Erase", frozenset({2}), 58)
    assert session.undo_label == "Paint"
    assert session.redo_label == "Erase"
    assert session.redo() == step


def test_doing_something_else_ends_redo(session: AnnotationSession) -> None:
    session.set_mask(1, 28, box(0, 0))
    session.undo()
    session.accept(2)
    assert session.redo_label is None
    assert session.redo() is None


def test_steps_can_be_grouped(session: AnnotationSession) -> None:
    before = facts(session)
    with session.step("Tidy up", frame_index=58):
        session.set_mask(1, 28, box(0, 0))
        session.remove_object(2)
        with session.step("within"):
            session.rename(1, "cat")
    step = session.undo()
    assert step is not None
    assert (step.label, step.object_ids, step.frame_index) == ("Tidy up", frozenset({1, 2}), 58)
    assert facts(session) == before
    session.redo()
    assert [item.class_name for item in session.objects] == ["cat", "scene"]


def test_a_group_that_fails_keeps_what_was_done_as_a_step(session: AnnotationSession) -> None:
    with pytest.raises(SessionError), session.step("Both"):  # noqa: PT012
        session.set_mask(1, 28, box(0, 0))
        session.rename(1, "")
    assert np.array_equal(session.mask(1, 28), box(0, 0))
    assert session.undo_label == "Both"


def test_another_threads_work_is_not_in_the_group(session: AnnotationSession) -> None:
    with session.step("Propagate", 58):
        session.propose_masks(1, {60: box(0, 0)})
        painter = threading.Thread(target=session.set_mask, args=(2, 28, box(1, 1)))
        painter.start()
        painter.join()
        session.propose_masks(1, {61: box(0, 0)})
    assert session.undo_label == "Propagate"
    session.undo()
    assert session.status(1, 60) is session.status(1, 61) is None
    assert np.array_equal(session.mask(2, 28), box(1, 1))
    assert session.undo_label == "Paint"


def test_what_changes_nothing_is_no_step(session: AnnotationSession) -> None:
    session.accept(1, 28)
    session.accept(1, 28)
    session.restore(1)
    session.rename(1, "cat")
    session.rename(1, "cat")
    session.set_mask(1, 31, box(0, 0))
    session.set_mask(1, 31, box(0, 0))
    labels = []
    while (step := session.undo()) is not None:
        labels.append(step.label)
    assert labels == ["Paint", "Rename", "Accept"]


def test_a_dragged_threshold_is_one_step(session: AnnotationSession) -> None:
    for value in (0.6, 0.7, 0.8):
        session.set_threshold(1, value)
    session.set_threshold(2, 0.3)
    session.undo()
    assert (session.threshold(1), session.threshold(2)) == (0.8, 0.5)
    session.undo()
    assert session.threshold(1) == 0.5
    assert session.undo() is None


def test_a_refused_change_changes_nothing(session: AnnotationSession) -> None:
    before = facts(session)
    with pytest.raises(SessionError):
        session.merge(1, 3)
    with pytest.raises(SessionError):
        session.split(2, 28)
    with pytest.raises(KeyError):
        session.remove_object(99)
    assert facts(session) == before
    assert session.undo() is None


@pytest.mark.parametrize("reopen", [False, True])
def test_a_new_run_of_the_model_is_a_step_like_any_other(
    session: AnnotationSession, video: Path, reopen: bool
) -> None:
    session.save()
    session.set_mask(1, 28, box(0, 0))
    before = facts(session), session.frame_indices.tolist()
    session.replace_proposals(make_proposals(dog(left=25, frames=(13, 43)), indices=(13, 43)))
    after = facts(session), session.frame_indices.tolist()
    assert after != before
    if reopen:
        session.save()
        session.close()
        session = AnnotationSession.open(video)
    assert session.undo_label == "Segment"
    session.undo()
    assert (facts(session), session.frame_indices.tolist()) == before
    session.redo()
    assert (facts(session), session.frame_indices.tolist()) == after
    session.undo()
    session.undo()
    assert session.status(1, 28) is FrameStatus.PROPOSED
    assert session.undo() is None


def test_undo_and_redo_outlive_closing(session: AnnotationSession, video: Path) -> None:
    session.save()
    before = do_everything(session)
    states = [*before, facts(session)]
    for state in (before[-1], before[-2]):
        session.undo()
        assert facts(session) == state
    session.save()
    session.close()
    again = AnnotationSession.open(video)
    assert facts(again) == before[-2]
    assert again.redo_label == "Back to the proposal"
    for state in reversed(before[:-2]):
        assert again.undo() is not None
        assert facts(again) == state
    assert again.undo() is None
    assert again.forgotten_steps == 0
    again.save()
    again.close()
    third = AnnotationSession.open(video)
    for state in states[1:]:
        assert third.redo() is not None
        assert facts(third) == state
    assert third.redo() is None
    third.undo()
    third.set_mask(4, 28, box(0, 0))
    third.save()
    third.close()
    fourth = AnnotationSession.open(video)
    assert fourth.redo_label is None
    assert fourth.undo_label == "Paint"


def test_a_step_that_is_damaged_on_the_disk_is_said_and_given_up(
    session: AnnotationSession, video: Path
) -> None:
    session.save()
    for left in (1, 2, 3):
        session.set_mask(1, 28, box(0, left))
    session.save()
    session.close()
    change(video, "UPDATE steps SET changes='[' || changes WHERE number=2")
    again = AnnotationSession.open(video)
    assert again.warnings == []
    again.undo()
    with pytest.raises(SessionError, match=r"Paint cannot be undone, .* as they were"):
        again.undo()
    assert np.array_equal(again.mask(1, 28), box(0, 2))
    assert again.undo() is None
    assert again.forgotten_steps == 2


def test_what_history_forgets_is_counted_and_gone_from_the_disk(
    session: AnnotationSession, video: Path
) -> None:
    session._history = History(most_steps=3)
    for left in range(5):
        session.set_mask(1, 28, box(0, left))
    session.save()
    session.close()
    assert rows(video, "SELECT count(*) FROM steps") == [(3,)]
    assert AnnotationSession.open(video).forgotten_steps == 2


def test_observers_refresh_after_undo(session: AnnotationSession) -> None:
    session.set_mask(1, 28, box(0, 0))
    session.remove_object(2)
    heard: list[SessionChange] = []
    session.changed.connect(heard.append)
    session.undo()
    session.undo()
    session.redo()
    assert heard == [SessionChange("undone"), *[SessionChange("undone", 1)] * 2]


def test_history_is_bounded(session: AnnotationSession) -> None:
    session._history = History(most_steps=3, most_bytes=10**9)
    for left in range(5):
        session.set_mask(1, 28, box(0, left))
    steps = 0
    while session.undo():
        steps += 1
    assert steps == 3
    assert np.array_equal(session.mask(1, 28), box(0, 1))


def test_history_is_bounded_in_bytes_but_keeps_the_last_step(session: AnnotationSession) -> None:
    session._history = History(most_steps=200, most_bytes=10)
    session.set_mask(1, 28, box(0, 0))
    session.accept()
    session.save()
    assert session.undo() is not None
    assert session.undo() is None
