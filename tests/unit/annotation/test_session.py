from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import (
    AnnotationSession,
    FrameStatus,
    SessionChange,
    SessionError,
    default_path,
)
from napari_tavis.annotation.proposals import Proposal
from napari_tavis.core.vocabulary import class_color, class_index

from .conftest import SIZE, box, dog, make_proposals, reopened


def same(first: AnnotationSession, second: AnnotationSession) -> bool:
    """Compare everything that a session holds."""
    facts = ("frame_size", "frame_count", "vocabulary", "model_name", "objects")
    return (
        all(getattr(first, fact) == getattr(second, fact) for fact in facts)
        and np.array_equal(first.frame_indices, second.frame_indices)
        and np.array_equal(first.frame_times, second.frame_times)
        and all(
            np.array_equal(first.mask(item.object_id, frame), second.mask(item.object_id, frame))
            for item in first.objects
            for frame in first.annotated_frames(item.object_id)
        )
    )


def test_a_new_session_holds_the_proposals(session: AnnotationSession, video: Path) -> None:
    assert [(item.class_name, item.kind) for item in session.objects] == [
        ("dog", "object"),
        ("bell", "object"),
        ("scene", "scene"),
    ]
    first = session.objects[0]
    assert session.annotated_frames(first.object_id) == [28, 58, 88]
    assert session.status(first.object_id, 58) is FrameStatus.PROPOSED
    assert session.status(first.object_id, 59) is None
    assert np.array_equal(session.mask(first.object_id, 58), box(4, 3))
    assert not session.mask(first.object_id, 59).any()
    assert session.mask(first.object_id, 59).shape == SIZE
    assert session.frame_indices.tolist() == [28, 58, 88]
    assert session.video == video
    assert session.dirty


def test_nothing_is_written_before_save(session: AnnotationSession, video: Path) -> None:
    assert not default_path(video).exists()
    session.save()
    assert default_path(video) == video.parent / "clip.mp4.tavis"
    assert default_path(video).is_file()


def test_reopens_exactly(session: AnnotationSession, video: Path) -> None:
    dog_id, bell_id, _ = (item.object_id for item in session.objects)
    session.set_mask(dog_id, 31, box(0, 0, 24, 40))
    session.set_mask(dog_id, 58, np.zeros(SIZE))
    session.accept(bell_id)
    session.rename(bell_id, "Theremin")
    session.add_object("church bell")
    session.save()

    for place in (video, default_path(video)):
        again = reopened(place)
        assert same(session, again)
        assert again.video == video
        assert again.warnings == []
        assert not again.dirty


def test_painting_marks_a_frame_edited(session: AnnotationSession) -> None:
    labels = np.zeros(SIZE, dtype=np.int32)
    labels[2:5, 3:9] = 7
    session.save()
    session.set_mask(1, 58, labels)
    assert session.dirty
    assert session.status(1, 58) is FrameStatus.EDITED
    assert np.array_equal(session.mask(1, 58), labels > 0)
    assert session.status(1, 28) is FrameStatus.PROPOSED


def test_any_frame_of_the_video_can_be_painted(session: AnnotationSession) -> None:
    session.set_mask(1, 149, box(0, 0))
    assert session.annotated_frames(1) == [28, 58, 88, 149]
    for outside in (-1, 150):
        with pytest.raises(IndexError, match="149"):
            session.set_mask(1, outside, box(0, 0))


def test_a_mask_of_another_size_is_refused(session: AnnotationSession) -> None:
    with pytest.raises(ValueError, match="24, 40"):
        session.set_mask(1, 28, np.zeros((40, 24)))
    assert session.status(1, 28) is FrameStatus.PROPOSED


def test_a_rubbed_out_mask_stays_rubbed_out(session: AnnotationSession, video: Path) -> None:
    session.set_mask(1, 28, np.zeros(SIZE))
    session.save()
    again = reopened(video)
    assert again.status(1, 28) is FrameStatus.EDITED
    assert not again.mask(1, 28).any()


def test_the_mask_that_is_given_can_be_changed_without_harm(session: AnnotationSession) -> None:
    session.mask(1, 28)[:] = True
    assert np.array_equal(session.mask(1, 28), box(4, 2))


def test_accepting_a_frame_an_object_or_everything(session: AnnotationSession) -> None:
    session.accept(1, 28)
    assert session.status(1, 28) is FrameStatus.ACCEPTED
    assert session.status(1, 58) is FrameStatus.PROPOSED
    assert np.array_equal(session.mask(1, 28), box(4, 2))
    session.accept(1)
    assert {session.status(1, frame) for frame in (28, 58, 88)} == {FrameStatus.ACCEPTED}
    assert session.status(2, 28) is FrameStatus.PROPOSED
    session.accept()
    assert session.status(2, 28) is FrameStatus.ACCEPTED


def test_accepting_where_there_is_no_mask_says_that_nothing_is_there(
    session: AnnotationSession, video: Path
) -> None:
    session.accept(2, 58)
    session.save()
    again = reopened(video)
    assert again.status(2, 58) is FrameStatus.ACCEPTED
    assert not again.mask(2, 58).any()


def test_painting_an_accepted_frame_makes_it_edited(session: AnnotationSession) -> None:
    session.accept(1, 28)
    session.set_mask(1, 28, box(0, 0))
    assert session.status(1, 28) is FrameStatus.EDITED


def test_objects_have_their_classes_colours(session: AnnotationSession) -> None:
    assert session.objects[0].color == class_color(class_index("dog") or 0)
    session.rename(1, "cat")
    assert session.objects[0].class_name == "cat"
    assert session.objects[0].color == class_color(class_index("cat") or 0)
    assert "cat" in session.vocabulary


def test_object_numbers_are_never_used_again(session: AnnotationSession, video: Path) -> None:
    session.remove_object(3)
    session.save()
    session.close()
    again = AnnotationSession.open(video)
    assert [item.object_id for item in again.objects] == [1, 2]
    assert again.add_object("dog").object_id == 4
    with pytest.raises(KeyError):
        again.mask(3, 28)


@pytest.mark.parametrize("word", ["", "  ", "background"])
def test_words_that_are_no_class_are_refused(session: AnnotationSession, word: str) -> None:
    with pytest.raises(SessionError, match="cannot be an object's class"):
        session.rename(1, word)
    with pytest.raises(SessionError, match="cannot be an object's class"):
        session.add_object(word)
    assert session.objects[0].class_name == "dog"
    assert len(session.objects) == 3


def test_there_is_one_scene_mask_and_it_has_no_class(session: AnnotationSession) -> None:
    with pytest.raises(SessionError, match="scene"):
        session.add_object("", kind="scene")
    with pytest.raises(SessionError, match="scene"):
        session.rename(3, "dog")
    session.remove_object(3)
    assert session.add_object("", kind="scene").class_name == "scene"


def test_observers_are_told_of_every_change(session: AnnotationSession) -> None:
    heard: list[SessionChange] = []
    session.changed.connect(heard.append)
    session.set_mask(1, 28, box(0, 0))
    session.accept(1, 28)
    session.rename(1, "cat")
    session.add_object("dog")
    session.remove_object(4)
    session.replace_proposals(make_proposals(dog()))
    session.save()
    session.save()
    assert heard == [
        SessionChange("mask", 1, 28),
        SessionChange("status", 1, 28),
        SessionChange("renamed", 1),
        SessionChange("added", 4),
        SessionChange("removed", 4),
        SessionChange("replaced"),
        SessionChange("saved"),
    ]


def test_a_second_session_does_not_replace_the_first(
    session: AnnotationSession, video: Path
) -> None:
    rival = AnnotationSession.create(video, make_proposals())
    session.save()
    with pytest.raises(SessionError, match="holds a session already"):
        AnnotationSession.create(video, make_proposals())
    with pytest.raises(SessionError, match="holds a session already"):
        rival.save()
    assert rival.dirty
    assert same(reopened(video), session)


def test_a_session_in_a_place_of_its_own(video: Path, tmp_path: Path) -> None:
    path = tmp_path / "work" / "one"
    AnnotationSession.create(video, make_proposals(dog()), path=path).save()
    again = reopened(path)
    assert again.video == video
    assert again.path == path
    assert again.warnings == []


def test_proposals_outside_the_video_are_refused(video: Path) -> None:
    with pytest.raises(IndexError, match="150"):
        AnnotationSession.create(video, make_proposals(dog(frames=(150,))))
    wrong = Proposal("dog", 0.5, {28: np.ones((4, 4), dtype=bool)})
    with pytest.raises(ValueError, match="4, 4"):
        AnnotationSession.create(video, make_proposals(wrong))


def test_a_missing_video_is_named(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match=r"gone\.mp4"):
        AnnotationSession.create(tmp_path / "gone.mp4", make_proposals())


def test_warnings_of_the_proposals_are_kept(video: Path) -> None:
    proposals = make_proposals()
    proposals.warnings = ("clip.mp4 has no soundtrack.",)
    assert AnnotationSession.create(video, proposals).warnings == ["clip.mp4 has no soundtrack."]
