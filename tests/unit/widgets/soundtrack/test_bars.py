"""Where each object sounds, as bars."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession, FrameStatus
from napari_tavis.annotation.proposals import Proposal, Proposals
from napari_tavis.media import open_clip
from napari_tavis.widgets.soundtrack.bars import Bar, object_bars

SAMPLED = [12, 37, 62, 87, 112]
TIMES = np.arange(125) / 25


@pytest.fixture
def session(toy_video: Path, tmp_path: Path) -> AnnotationSession:
    with open_clip(toy_video) as clip:
        mask = np.zeros(clip.size, dtype=bool)
    mask[5:20, 5:20] = True
    dog = Proposal("dog", 0.9, {12: mask, 37: mask, 112: mask}, {12: 0.9, 37: 0.9, 112: 0.5})
    scene = Proposal("scene", 0.9, {12: mask}, {12: 0.9}, kind="scene")
    proposals = Proposals(SAMPLED, TIMES[SAMPLED], mask.shape, [dog, scene], frame_count=len(TIMES))
    return AnnotationSession.create(toy_video, proposals, path=tmp_path / "clip.tavis")


def bars(session: AnnotationSession) -> list[Bar]:
    return object_bars(session, session.active_objects[0].object_id, TIMES, 5.0)


def test_sampled_frames_fill_the_time_between_them(session: AnnotationSession) -> None:
    first, last = bars(session)
    assert (first.start, first.stop) == pytest.approx((0.0, (37 + 62) / 50))
    assert (last.start, last.stop) == pytest.approx(((87 + 112) / 50, 5.0))
    assert first.score == pytest.approx(0.9, abs=0.04)
    assert last.score == pytest.approx(0.5, abs=0.04)
    assert {first.status, last.status} == {FrameStatus.PROPOSED}


def test_an_edited_or_accepted_frame_is_a_bar_of_its_own(session: AnnotationSession) -> None:
    dog = session.active_objects[0].object_id
    session.accept(dog, 12)
    session.set_mask(dog, 37, session.mask(dog, 12))
    accepted, edited, proposed = bars(session)
    assert accepted.status is FrameStatus.ACCEPTED
    assert edited.status is FrameStatus.EDITED
    assert edited.score == 1.0
    assert accepted.stop == edited.start == pytest.approx((12 + 37) / 50)
    assert proposed.status is FrameStatus.PROPOSED


def test_frames_in_a_row_keep_to_their_own_time(session: AnnotationSession) -> None:
    dog = session.active_objects[0].object_id
    mask = session.mask(dog, 12)
    for frame in range(38, 50):
        session.set_mask(dog, frame, mask)
    found = bars(session)
    assert [(bar.start, bar.stop) for bar in found] == [
        pytest.approx((0.0, (12 + 37) / 50)),
        pytest.approx((37 / 25, 38 / 25)),
        pytest.approx((38 / 25, 50 / 25)),
        pytest.approx(((87 + 112) / 50, 5.0)),
    ]


def test_scene_rejected_and_background_have_no_row(session: AnnotationSession) -> None:
    dog = session.active_objects[0]
    assert dog.class_name == "dog"
    session.reject(dog.object_id)
    assert session.active_objects == []
    session.restore(dog.object_id)
    assert [item.class_name for item in session.active_objects] == ["dog"]


def test_an_object_without_masks_has_no_bars(session: AnnotationSession) -> None:
    added = session.add_object("cat")
    assert object_bars(session, added.object_id, TIMES, 5.0) == []
