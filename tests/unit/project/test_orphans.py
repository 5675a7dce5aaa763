"""The session of a video that was renamed is found again."""

from __future__ import annotations

from pathlib import Path

from napari_tavis.project.orphans import SessionFinder, orphans

from .conftest import make_session, make_video, spoil


def test_the_session_of_a_renamed_video_is_found(folder: Path) -> None:
    directory = make_session(folder / "clip2.mp4")
    finder = SessionFinder()
    assert finder.find(folder / "clip2.mp4") == directory
    assert finder.find(folder / "clip10.mp4") is None
    assert orphans(folder) == []
    renamed = (folder / "clip2.mp4").rename(folder / "street.mp4")
    assert orphans(folder) == [directory]
    assert finder.find(renamed) == directory
    assert finder.find(folder / "clip10.mp4") is None


def test_another_video_of_the_same_size_is_not_taken_for_it(folder: Path) -> None:
    make_session(make_video(folder / "a.mp4", "one"))
    (folder / "a.mp4").unlink()
    assert SessionFinder().find(make_video(folder / "b.mp4", "two")) is None


def test_what_cannot_be_read_is_not_found(folder: Path) -> None:
    spoil(make_session(folder / "clip2.mp4"))
    renamed = (folder / "clip2.mp4").rename(folder / "street.mp4")
    assert SessionFinder().find(renamed) is None
    assert SessionFinder().find(folder / "gone" / "clip.mp4") is None
