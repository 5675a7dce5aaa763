"""Finding the video of a session again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_tavis.annotation import AnnotationSession, find_session

from .conftest import change, dog, make_proposals, reopened, rows


@pytest.fixture
def apart(video: Path, tmp_path: Path) -> Path:
    """A session that does not lie beside its video."""
    directory = tmp_path / "sessions" / "clip.mp4.tavis"
    AnnotationSession.create(video, make_proposals(dog()), path=directory).save()
    return directory


def test_video_and_session_move_together(session: AnnotationSession, tmp_path: Path) -> None:
    session.save()
    moved = tmp_path / "archive"
    moved.mkdir()
    session.video.rename(moved / "clip.mp4")
    session.path.rename(moved / "clip.mp4.tavis")
    again = reopened(moved / "clip.mp4")
    assert again.video == moved / "clip.mp4"
    assert again.warnings == []


def test_a_video_elsewhere_is_found(apart: Path, video: Path) -> None:
    again = reopened(apart)
    assert again.video == video
    assert again.warnings == []


def test_a_missing_video_is_told_and_masks_can_be_read(apart: Path, video: Path) -> None:
    video.unlink()
    again = reopened(apart)
    assert ["was not found" in warning for warning in again.warnings] == [True]
    assert again.mask(1, 28).any()


def test_a_moved_video_can_be_named(apart: Path, video: Path, tmp_path: Path) -> None:
    moved = video.rename(tmp_path / "renamed.mp4")
    again = AnnotationSession.open(apart, video=moved)
    assert again.video == moved
    assert again.warnings == []


def test_a_changed_video_is_told(session: AnnotationSession, video: Path) -> None:
    session.save()
    data = bytearray(video.read_bytes())
    data[-1] ^= 1
    video.write_bytes(data)
    again = reopened(video)
    assert ["is not the file" in warning for warning in again.warnings] == [True]


def test_a_place_elsewhere_is_taken_only_for_the_very_file(
    apart: Path, video: Path, tmp_path: Path
) -> None:
    video.unlink()
    (tmp_path / "secret.txt").write_text("not a video")
    (found,) = rows(apart.with_suffix(""), "SELECT value FROM facts WHERE name='video'")
    document = json.loads(str(found[0])) | {"place": str(tmp_path / "secret.txt")}
    change(
        apart.with_suffix(""),
        f"UPDATE facts SET value='{json.dumps(document)}' WHERE name='video'",
    )
    again = reopened(apart)
    assert again.video == apart.parent / "clip.mp4"
    assert ["was not found" in warning for warning in again.warnings] == [True]


def test_a_renamed_video_finds_its_session(session: AnnotationSession, video: Path) -> None:
    session.save()
    session.close()
    renamed = video.rename(video.with_name("street at night.mp4"))
    assert find_session(renamed) == session.path
    again = AnnotationSession.open(renamed)
    assert again.path == session.path
    assert again.video == renamed
    assert again.warnings == []
    again.accept(1)
    again.save()
    assert reopened(session.path).identity.name == "street at night.mp4"


def test_a_session_finds_its_renamed_video(session: AnnotationSession, video: Path) -> None:
    session.save()
    (video.parent / "another.mp4").write_bytes(video.read_bytes()[:-1] + b"#")
    renamed = video.rename(video.with_name("renamed.mp4"))
    again = reopened(session.path)
    assert again.video == renamed
    assert again.warnings == []


def test_a_video_moved_and_renamed_beside_a_lone_session_is_found(apart: Path, video: Path) -> None:
    renamed = video.rename(video.with_name("renamed.mp4"))
    assert reopened(apart).video == renamed


def test_a_copy_of_a_video_does_not_take_its_session(
    session: AnnotationSession, video: Path
) -> None:
    session.save()
    copy = video.with_name("copy.mp4")
    copy.write_bytes(video.read_bytes())
    assert find_session(copy) is None
    assert find_session(video) == session.path


def test_a_video_without_a_session_has_none(video: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.tavis").write_text("{")
    (tmp_path / "folder.tavis").mkdir()
    assert find_session(video) is None
    assert find_session(tmp_path / "gone.mp4") is None


def test_a_session_without_its_video_can_be_read(session: AnnotationSession, video: Path) -> None:
    session.save()
    video.unlink()
    assert reopened(session.path).mask(1, 28).any()
    assert find_session(video) == session.path
