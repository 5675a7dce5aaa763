"""Rejecting, restoring, merging, splitting and removing objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import (
    AnnotationSession,
    FrameStatus,
    ObjectState,
    SessionChange,
    SessionError,
)
from napari_tavis.annotation.proposals import Proposal

from .conftest import box, dog, make_proposals, reopened


@pytest.fixture
def with_background(video: Path) -> AnnotationSession:
    hum = Proposal("background", 0.4, {28: box(12, 20), 58: box(12, 21)}, kind="background")
    return AnnotationSession.create(video, make_proposals(dog(), hum))


def test_a_rejected_object_stays_in_reach(session: AnnotationSession, video: Path) -> None:
    session.reject(1)
    session.save()
    again = reopened(video)
    assert again.object(1).state is ObjectState.REJECTED
    assert not again.object(1).takes_part
    assert again.mask(1, 28).any()
    session.restore(1)
    assert session.object(1).takes_part


def test_accepting_all_leaves_rejected_and_background_ones(
    with_background: AnnotationSession,
) -> None:
    session = with_background
    session.reject(1)
    session.accept()
    assert set(session.statuses(1).values()) == {FrameStatus.PROPOSED}
    assert set(session.statuses(2).values()) == {FrameStatus.PROPOSED}


def test_a_background_query_can_become_an_object(
    with_background: AnnotationSession, video: Path
) -> None:
    session = with_background
    item = session.object(2)
    assert (item.kind, item.class_name, item.takes_part) == ("background", "background", False)
    assert "background" not in session.vocabulary
    session.restore(2)
    assert session.object(2).kind == "object"
    with pytest.raises(SessionError, match="cannot be an object's class"):
        session.rename(2, "background")
    session.rename(2, "drum")
    session.save()
    assert reopened(video).object(2).class_name == "drum"
    assert reopened(video).object(2).kind == "object"


def test_a_restored_background_query_survives_a_new_run(
    with_background: AnnotationSession,
) -> None:
    session = with_background
    session.restore(2)
    session.replace_proposals(make_proposals(dog()))
    assert session.object(2).kind == "object"
    hum = Proposal("background", 0.4, {28: box(12, 20)}, kind="background")
    session.replace_proposals(make_proposals(dog(), hum))
    assert len(session.objects) >= 2
    assert session.object(2).kind == "object"


def test_a_rejected_object_stays_rejected_in_a_new_run(session: AnnotationSession) -> None:
    session.reject(1)
    session.replace_proposals(make_proposals(dog()))
    assert session.object(1).state is ObjectState.REJECTED


def test_merging_takes_the_union(session: AnnotationSession, video: Path) -> None:
    session.accept(1, 28)
    session.set_mask(2, 31, box(0, 0))
    session.merge(1, 2)
    assert [item.object_id for item in session.objects] == [1, 3]
    assert np.array_equal(session.mask(1, 28), box(4, 2) | box(10, 25))
    assert session.status(1, 28) is FrameStatus.EDITED
    assert np.array_equal(session.mask(1, 31), box(0, 0))
    assert session.status(1, 31) is FrameStatus.EDITED
    assert session.status(1, 58) is FrameStatus.PROPOSED
    assert np.array_equal(session.proposal_mask(1, 28), box(4, 2) | box(10, 25))
    session.save()
    session.close()
    again = AnnotationSession.open(video)
    assert np.array_equal(again.mask(1, 28), box(4, 2) | box(10, 25))
    assert again.objects == session.objects


def test_merging_two_proposals_gives_a_proposal(session: AnnotationSession) -> None:
    session.merge(2, 1)
    assert session.status(2, 28) is FrameStatus.PROPOSED
    assert session.annotated_frames(2) == [28, 58, 88]
    assert session.scores(2)[28] == 0.75


def test_merging_asks_for_two_objects(session: AnnotationSession) -> None:
    with pytest.raises(SessionError, match="itself"):
        session.merge(1, 1)
    for pair in ((1, 3), (3, 1)):
        with pytest.raises(SessionError, match="scene"):
            session.merge(*pair)
    with pytest.raises(KeyError):
        session.merge(1, 99)
    assert len(session.objects) == 3


def test_splitting_moves_the_later_frames(session: AnnotationSession, video: Path) -> None:
    session.accept(1, 88)
    new = session.split(1, 58)
    assert (new.object_id, new.class_name, new.score) == (4, "dog", 0.75)
    assert session.annotated_frames(1) == [28]
    assert session.annotated_frames(4) == [58, 88]
    assert session.status(4, 88) is FrameStatus.ACCEPTED
    session.save()
    session.close()
    again = AnnotationSession.open(video)
    assert np.array_equal(again.mask(4, 58), box(4, 3))
    again.remove_object(1)  # the masks of the other half lie in its folder
    again.save()
    again.close()
    assert np.array_equal(reopened(video).mask(4, 58), box(4, 3))


@pytest.mark.parametrize("frame", [0, 28, 89, 149])
def test_splitting_needs_masks_on_both_sides(session: AnnotationSession, frame: int) -> None:
    with pytest.raises(SessionError, match="one side"):
        session.split(1, frame)
    assert session.annotated_frames(1) == [28, 58, 88]


def test_observers_hear_of_objects(session: AnnotationSession) -> None:
    heard: list[SessionChange] = []
    session.changed.connect(heard.append)
    session.reject(1)
    session.restore(1)
    session.split(1, 58)
    session.merge(1, 4)
    assert heard == [
        SessionChange("state", 1),
        SessionChange("state", 1),
        SessionChange("added", 4),
        SessionChange("mask", 1),
        SessionChange("removed", 4),
        SessionChange("mask", 1),
    ]
