from __future__ import annotations

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession, FrameStatus
from napari_tavis.widgets.object_texts import (
    count_statuses,
    describe_frames,
    describe_kind,
    describe_status,
    frames_with_mask,
)

DOG, DRUM, SCENE = 1, 2, 3


@pytest.fixture
def session(video, proposals) -> AnnotationSession:
    return AnnotationSession.create(video, proposals)


def test_what_is_proposed_accepted_and_edited_is_counted(session: AnnotationSession) -> None:
    assert describe_status(session.object(DOG)) == "proposed"
    session.accept(DOG, 48)
    session.set_mask(DOG, 73, np.zeros(session.frame_size, dtype=bool))
    dog = session.object(DOG)
    assert describe_status(dog) == "2/5 checked"
    assert describe_frames(dog) == "Frames: 1 accepted, 1 edited, 3 proposed."
    assert sum(count_statuses(dog).values()) == 5
    assert frames_with_mask(dog) == 4
    session.accept(DOG)
    assert describe_status(session.object(DOG)) == FrameStatus.ACCEPTED


def test_rejected_objects_and_the_scene_say_what_they_are(session: AnnotationSession) -> None:
    session.reject(DRUM)
    assert describe_status(session.object(DRUM)) == "rejected"
    assert "Restore" in describe_kind(session.object(DRUM))
    assert "all that sounds" in describe_kind(session.object(SCENE))


def test_an_object_without_masks_is_empty(session: AnnotationSession) -> None:
    added = session.add_object("bell")
    assert describe_status(added) == "empty"
    assert describe_frames(added) == "No frame has a mask."
