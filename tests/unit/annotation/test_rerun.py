"""A new run of the model on a video that a person has worked on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession, FrameStatus, SessionError
from napari_tavis.annotation.proposals import Proposal, Proposals

from .conftest import box, dog, make_proposals, reopened, scene


def bell(top: int = 10, left: int = 25) -> Proposal:
    return Proposal("bell", 0.6, {28: box(top, left)}, {28: 0.6})


def names(session: AnnotationSession) -> dict[int, str]:
    return {item.object_id: item.class_name for item in session.objects}


def test_edited_and_accepted_frames_survive(session: AnnotationSession) -> None:
    session.set_mask(1, 28, box(5, 3))
    session.accept(1, 58)
    session.replace_proposals(make_proposals(scene(), dog(left=4), bell()))

    assert names(session) == {1: "dog", 2: "bell", 3: "scene"}
    assert np.array_equal(session.mask(1, 28), box(5, 3))
    assert session.status(1, 28) is FrameStatus.EDITED
    assert np.array_equal(session.mask(1, 58), box(4, 3))
    assert session.status(1, 58) is FrameStatus.ACCEPTED
    assert np.array_equal(session.mask(1, 88), box(4, 6))
    assert session.status(1, 88) is FrameStatus.PROPOSED


def test_a_persons_frames_are_replaced_when_asked_to(session: AnnotationSession) -> None:
    session.set_mask(1, 28, box(5, 3))
    session.accept(2)
    session.add_object("drum")
    session.replace_proposals(make_proposals(dog(left=4)), replace_edits=True)
    assert names(session) == {1: "dog"}
    assert np.array_equal(session.mask(1, 28), box(4, 4))
    assert session.status(1, 28) is FrameStatus.PROPOSED


def test_what_is_proposed_no_more_goes_and_what_was_edited_stays(
    session: AnnotationSession,
) -> None:
    session.set_mask(2, 58, box(0, 0))
    session.replace_proposals(make_proposals())
    assert names(session) == {2: "bell"}
    assert session.annotated_frames(2) == [58]


def test_an_erased_mask_is_not_brought_back(session: AnnotationSession) -> None:
    session.set_mask(1, 58, np.zeros((24, 40)))
    session.replace_proposals(make_proposals(dog()))
    assert not session.mask(1, 58).any()
    assert session.mask(1, 88).any()


def test_two_objects_of_one_class_are_told_apart_by_place(video: Path) -> None:
    left, right = dog(left=2), dog(left=25)
    session = AnnotationSession.create(video, make_proposals(left, right))
    session.accept(1, 28)
    session.accept(2, 28)
    session.replace_proposals(make_proposals(dog(left=26), dog(left=3)))
    assert names(session) == {1: "dog", 2: "dog"}
    assert np.array_equal(session.mask(1, 88), box(4, 5))
    assert np.array_equal(session.mask(2, 88), box(4, 28))


def test_an_object_of_the_class_elsewhere_is_another_one(session: AnnotationSession) -> None:
    session.accept(1, 28)
    session.replace_proposals(make_proposals(dog(left=25)))
    assert names(session) == {1: "dog", 4: "dog"}
    assert session.annotated_frames(1) == [28]
    assert session.annotated_frames(4) == [28, 58, 88]


def test_other_sampled_frames_do_not_make_another_object(session: AnnotationSession) -> None:
    session.accept(1, 28)
    session.replace_proposals(make_proposals(dog(frames=(43, 73)), indices=(13, 43, 73)))
    assert names(session) == {1: "dog"}
    assert session.annotated_frames(1) == [28, 43, 73]
    assert session.frame_indices.tolist() == [13, 43, 73]


def test_a_renamed_object_keeps_its_name(session: AnnotationSession) -> None:
    session.rename(1, "fox")
    session.replace_proposals(make_proposals(dog()))
    assert names(session) == {1: "fox"}
    assert session.annotated_frames(1) == [28, 58, 88]
    assert "fox" in session.vocabulary


def test_an_object_added_by_hand_stays(session: AnnotationSession) -> None:
    session.add_object("drum")
    session.replace_proposals(make_proposals(dog()))
    assert names(session) == {1: "dog", 4: "drum"}


def test_a_rerun_is_saved_and_reopened(session: AnnotationSession, video: Path) -> None:
    session.save()
    session.accept(1, 28)
    session.replace_proposals(make_proposals(dog(left=4), bell(top=0)))
    session.save()
    again = reopened(video)
    assert again.objects == session.objects
    assert again.warnings == []


def test_proposals_for_another_video_are_refused(session: AnnotationSession) -> None:
    other = Proposals(np.array([0]), np.array([0.0]), (8, 8), [], frame_count=1)
    with pytest.raises(SessionError, match=r"clip\.mp4"):
        session.replace_proposals(other)
    assert session.annotated_frames(1) == [28, 58, 88]
