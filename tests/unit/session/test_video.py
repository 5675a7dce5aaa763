"""Finding the video of a session again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_tavis.session import AnnotationSession

from .conftest import dog, make_proposals


@pytest.fixture
def apart(video: Path, tmp_path: Path) -> Path:
    """A session that does not lie beside its video."""
    directory = tmp_path / "sessions" / "clip.mp4.tavis"
    AnnotationSession.create(video, make_proposals(dog()), directory=directory).save()
    return directory


def test_video_and_session_move_together(session: AnnotationSession, tmp_path: Path) -> None:
    session.save()
    moved = tmp_path / "archive"
    moved.mkdir()
    session.video.rename(moved / "clip.mp4")
    session.directory.rename(moved / "clip.mp4.tavis")
    again = AnnotationSession.open(moved / "clip.mp4")
    assert again.video == moved / "clip.mp4"
    assert again.warnings == []


def test_a_video_elsewhere_is_found(apart: Path, video: Path) -> None:
    again = AnnotationSession.open(apart)
    assert again.video == video
    assert again.warnings == []


def test_a_missing_video_is_told_and_masks_can_be_read(apart: Path, video: Path) -> None:
    video.unlink()
    again = AnnotationSession.open(apart)
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
    again = AnnotationSession.open(video)
    assert ["is not the file" in warning for warning in again.warnings] == [True]


def test_a_place_elsewhere_is_taken_only_for_the_very_file(
    apart: Path, video: Path, tmp_path: Path
) -> None:
    video.unlink()
    (tmp_path / "secret.txt").write_text("not a video")
    document = json.loads((apart / "session.json").read_text())
    document["video"]["place"] = str(tmp_path / "secret.txt")
    (apart / "session.json").write_text(json.dumps(document))
    again = AnnotationSession.open(apart)
    assert again.video == apart.parent / "clip.mp4"
    assert ["was not found" in warning for warning in again.warnings] == [True]
