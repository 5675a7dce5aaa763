"""Where a session is kept that cannot be kept in its own place."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import (
    AnnotationSession,
    SessionError,
    find_session,
    folder_elsewhere,
)

from .conftest import box, dog, make_proposals, path_of, reopened, write_protected


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_TAVIS_HOME", str(tmp_path / "home"))


@pytest.fixture
def nowhere(video: Path) -> Path:
    """A place in which nobody can make a file, not even root: beneath a file."""
    blocked = video.with_name("blocked")
    blocked.write_text("no folder")
    return blocked / "clip.mp4.tavis"


def begin(video: Path, path: Path) -> AnnotationSession:
    return AnnotationSession.create(video, make_proposals(dog()), path=path, may_move=True)


def change_elsewhere(session: AnnotationSession, video: Path) -> AnnotationSession:
    """Save and close a session, and change it while its own place cannot be written to."""
    session.save()
    session.close()
    with write_protected(session.path):
        away = AnnotationSession.open(video, may_move=True)
        away.set_mask(1, 28, box(0, 0))
        away.save()
        away.close()
    return away


def test_a_session_that_cannot_be_made_is_kept_elsewhere_and_found(
    video: Path, nowhere: Path
) -> None:
    session = begin(video, nowhere)
    assert session.elsewhere is None
    session.save()
    assert not session.dirty
    assert session.path.parent == folder_elsewhere()
    assert session.elsewhere is not None
    assert str(nowhere) in session.elsewhere
    assert str(session.path) in session.elsewhere
    session.set_mask(1, 28, box(0, 0))
    session.save()
    session.close()

    assert find_session(video) == session.path
    again = AnnotationSession.open(video)
    assert again.video == video
    assert not again.read_only
    assert again.warnings == []
    assert again.elsewhere is not None
    assert np.array_equal(again.mask(1, 28), box(0, 0))
    assert again.undo_label == "Paint"


def test_it_is_found_when_the_video_was_renamed(video: Path, nowhere: Path) -> None:
    session = begin(video, nowhere)
    session.save()
    session.close()
    assert find_session(video.rename(video.with_name("other.mp4"))) == session.path


def test_only_who_asked_for_it_moves(video: Path, nowhere: Path) -> None:
    session = AnnotationSession.create(video, make_proposals(dog()), path=nowhere)
    with pytest.raises(SessionError, match="Cannot save the session"):
        session.save()
    assert session.dirty
    assert not folder_elsewhere().exists()


def test_if_nothing_can_be_written_that_is_said(video: Path, nowhere: Path, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no folder either")
    session = begin(video, nowhere)
    for _ in range(2):
        with pytest.raises(SessionError, match="nothing that you do is saved"):
            session.save()
    assert session.dirty
    assert session.path == nowhere
    (tmp_path / "home").unlink()
    session.save()
    assert not session.dirty
    assert reopened(session.path).objects == session.objects


def test_a_write_protected_session_is_worked_on_elsewhere(
    session: AnnotationSession, video: Path
) -> None:
    session.save()
    session.set_mask(1, 58, box(1, 1))
    session.save()
    session.close()
    with write_protected(session.path):
        again = AnnotationSession.open(video, may_move=True)
        assert not again.read_only
        assert again.elsewhere is not None
        assert not folder_elsewhere().exists()  # nothing is copied before there is something to do
        again.set_mask(1, 28, box(0, 0))
        again.save()
        assert again.path.parent == folder_elsewhere()
        again.close()
        third = AnnotationSession.open(video, may_move=True)
        assert third.path == again.path
        assert third.warnings == []
        assert np.array_equal(third.mask(1, 28), box(0, 0))
        assert np.array_equal(third.mask(1, 88), box(4, 4))
        assert third.undo() is not None
        assert third.undo() is not None
        assert np.array_equal(third.mask(1, 58), box(4, 3))
    assert np.array_equal(reopened(session.path).mask(1, 28), box(4, 2))


def test_work_goes_on_elsewhere_when_the_place_goes_away(video: Path, tmp_path: Path) -> None:
    share = tmp_path / "share"
    session = begin(video, share / "clip.mp4.tavis")
    session.save()
    session.set_mask(1, 28, box(0, 0))
    session.save()
    shutil.move(share, tmp_path / "unmounted")
    session.set_mask(1, 58, box(1, 1))
    session.save()
    assert session.elsewhere is not None
    assert session.warnings == []  # all masks could still be read
    session.close()
    again = AnnotationSession.open(video)
    assert again.objects == session.objects
    assert np.array_equal(again.mask(1, 28), box(0, 0))
    assert np.array_equal(again.mask(1, 58), box(1, 1))
    assert np.array_equal(again.mask(1, 88), box(4, 4))


def test_masks_that_went_with_their_place_are_said(video: Path, tmp_path: Path) -> None:
    share = tmp_path / "share"
    session = begin(video, share / "clip.mp4.tavis")
    session.save()
    session.close()
    session = AnnotationSession.open(share / "clip.mp4.tavis", may_move=True)
    assert session._store is not None
    assert session._store._reader is not None
    session._store._reader.close()  # as on a share that does not answer
    session._store._reader = None
    shutil.rmtree(share)
    session.set_mask(1, 28, box(0, 0))
    session.save()
    assert session.elsewhere is not None
    assert len(session.warnings) == 1
    assert session.warnings[0].startswith("3 masks that were saved before could not be read")
    session.close()
    again = AnnotationSession.open(video)
    assert np.array_equal(again.mask(1, 28), box(0, 0))
    assert again.annotated_frames(1) == [28]
    assert len(again.warnings) >= 2


def test_it_goes_back_when_its_own_place_can_be_written_again(
    session: AnnotationSession, video: Path
) -> None:
    away = change_elsewhere(session, video)
    back = AnnotationSession.open(video, may_move=True)
    assert back.path == path_of(video)
    assert back.elsewhere is None
    assert back.warnings == []
    assert np.array_equal(back.mask(1, 28), box(0, 0))
    assert back.undo_label == "Paint"
    assert not away.path.exists()
    back.close()
    assert find_session(video) == path_of(video)


def test_two_that_went_on_apart_both_stay(session: AnnotationSession, video: Path) -> None:
    away = change_elsewhere(session, video)
    other = AnnotationSession.open(path_of(video))
    other.set_mask(1, 58, box(1, 1))
    other.save()
    other.close()
    again = AnnotationSession.open(video, may_move=True)
    assert again.path == away.path
    assert again.elsewhere is not None
    assert "changed since" in again.elsewhere
    assert np.array_equal(again.mask(1, 28), box(0, 0))
    assert np.array_equal(reopened(path_of(video)).mask(1, 58), box(1, 1))


def test_a_session_moves_to_a_chosen_folder_and_goes_on_there(
    session: AnnotationSession, video: Path, tmp_path: Path
) -> None:
    session.save()
    session.set_mask(1, 28, box(0, 0))
    session.save()
    session.set_mask(1, 58, box(1, 1))
    stick = tmp_path / "stick"
    session.move_to(stick)
    assert not session.dirty
    assert session.path == stick / "clip.mp4.tavis"
    assert session.elsewhere == f"The session of clip.mp4 is kept in {session.path}, not beside it."
    session.set_mask(1, 88, box(2, 2))
    session.save()
    session.close()

    moved = AnnotationSession.open(session.path)
    assert moved.video == video
    assert moved.warnings == []
    assert moved.objects == session.objects
    for frame, at in ((28, 0), (58, 1), (88, 2)):
        assert np.array_equal(moved.mask(1, frame), box(at, at))
    assert np.array_equal(moved.mask(2, 28), box(10, 25))
    assert [moved.undo() is not None for _ in range(4)] == [True, True, True, False]
    assert np.array_equal(moved.mask(1, 88), box(4, 4))
    old = AnnotationSession.open(video)  # as it was saved there last, and free for others
    assert not old.read_only
    assert np.array_equal(old.mask(1, 28), box(0, 0))
    assert np.array_equal(old.mask(1, 58), box(4, 3))


def test_a_session_that_was_never_saved_can_be_moved(
    session: AnnotationSession, video: Path, tmp_path: Path
) -> None:
    session.move_to(tmp_path / "stick")
    assert not path_of(video).exists()
    assert reopened(session.path).objects == session.objects


@pytest.mark.parametrize("there", ["a session", "a file in the way"])
def test_a_session_that_cannot_be_moved_stays_and_is_saved_where_it_was(
    session: AnnotationSession, video: Path, tmp_path: Path, there: str
) -> None:
    session.save()
    session.set_mask(1, 28, box(0, 0))
    stick = tmp_path / "stick"
    if there == "a session":
        stick.mkdir()
        shutil.copy(path_of(video), stick)
        before = (stick / path_of(video).name).read_bytes()
    else:
        stick.write_text("no folder")
    with pytest.raises(SessionError, match="Cannot keep the session in"):
        session.move_to(stick)
    if there == "a session":
        assert (stick / path_of(video).name).read_bytes() == before
    assert session.dirty
    assert session.path == path_of(video)
    assert session.elsewhere is None
    session.save()
    assert np.array_equal(reopened(session.path).mask(1, 28), box(0, 0))
    assert reopened(session.path).undo_label == "Paint"


def test_a_session_is_moved_home_from_the_data_folder(
    video: Path, nowhere: Path, tmp_path: Path
) -> None:
    session = begin(video, nowhere)
    session.save()
    kept = session.path
    assert find_session(video) == kept
    session.set_mask(1, 28, box(0, 0))
    session.move_to(video.parent)
    assert session.elsewhere is None
    session.close()
    assert not kept.exists()
    assert find_session(video) == path_of(video)
    assert np.array_equal(reopened(path_of(video)).mask(1, 28), box(0, 0))


def test_what_is_open_for_reading_only_is_not_moved(
    session: AnnotationSession, video: Path, tmp_path: Path
) -> None:
    session.save()
    with pytest.raises(SessionError, match="reading only"):
        reopened(path_of(video)).move_to(tmp_path / "stick")
    assert not (tmp_path / "stick").exists()


def test_masks_that_cannot_be_read_for_a_move_are_said(
    session: AnnotationSession, video: Path, tmp_path: Path
) -> None:
    session.save()
    session.close()
    session = AnnotationSession.open(video)
    assert session._store is not None
    assert session._store._reader is not None
    session._store._reader.close()  # as on a share that does not answer
    session._store._reader = None
    path_of(video).rename(tmp_path / "unmounted")
    session.move_to(tmp_path / "stick")
    assert any("masks that were saved before could not be read" in one for one in session.warnings)


def test_copies_of_one_video_keep_a_session_each(video: Path, nowhere: Path) -> None:
    first = begin(video, nowhere)
    first.save()
    first.close()
    copy = Path(shutil.copy(video, video.with_name("copy.mp4")))
    assert find_session(copy) == first.path  # it has none of its own

    own = AnnotationSession.create(copy, make_proposals(dog()), may_move=True)
    own.save()
    own.close()
    assert find_session(copy) == path_of(copy)
    assert find_session(video) == first.path

    second = AnnotationSession.open(copy, may_move=True)
    shutil.move(second.path, video.with_name("away"))
    path_of(copy).mkdir()
    second.set_mask(1, 28, box(1, 1))
    second.save()
    second.close()
    assert second.path.parent == folder_elsewhere()
    assert second.path != first.path
    assert find_session(copy) == second.path
    with write_protected(first.path):
        assert find_session(copy) == second.path
    assert np.array_equal(reopened(second.path).mask(1, 28), box(1, 1))
    assert np.array_equal(reopened(first.path).mask(1, 28), box(4, 2))


def test_it_is_found_where_a_share_came_back_under_another_name(
    session: AnnotationSession, video: Path, tmp_path: Path
) -> None:
    away = change_elsewhere(session, video)
    other = tmp_path / "mounted elsewhere"
    other.mkdir()
    path_of(video).rename(other / path_of(video).name)
    assert find_session(video.rename(other / video.name)) == away.path


def test_a_path_too_long_for_sqlite_is_told_and_the_session_kept_elsewhere(
    video: Path, tmp_path: Path
) -> None:
    deep = tmp_path.joinpath(*["ü" * 100] * 3)
    deep.mkdir(parents=True)
    video = video.rename(deep / video.name)
    with pytest.raises(SessionError, match="its path is longer than 500 bytes"):
        AnnotationSession.create(video, make_proposals(dog())).save()
    assert list(deep.iterdir()) == [video]
    session = begin(video, path_of(video))
    session.save()
    session.close()
    assert session.path.parent == folder_elsewhere()
    assert find_session(video) == session.path
    path_of(video).write_bytes(session.path.read_bytes())
    with pytest.raises(SessionError, match="its path is longer than 500 bytes"):
        AnnotationSession.open(path_of(video))
