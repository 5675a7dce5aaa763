"""Which videos a folder or a list stands for, in which order, and where their sessions are."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_tavis.project import ProjectError
from napari_tavis.project.listing import (
    VIDEO_SUFFIXES,
    SessionFinder,
    list_videos,
    orphans,
    session_files,
)
from napari_tavis.widgets import reader

from .conftest import make_session, make_video, spoil


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def test_a_folder_is_counted_as_a_person_counts(folder: Path) -> None:
    assert names(list_videos(folder)) == ["Clip1.MOV", "clip2.mp4", "clip10.mp4"]


def test_folders_in_it_count_only_if_asked_for(folder: Path) -> None:
    make_video(folder / "later" / "clip1.mp4")
    assert len(list_videos(folder)) == 3
    assert list_videos(folder, recursive=True)[-1] == folder / "later" / "clip1.mp4"


def test_hidden_files_and_our_own_output_are_no_videos(folder: Path) -> None:
    for place in (".hidden.mp4", ".cache/a.mp4", "clip2.overlays/a.mp4"):
        make_video(folder / place)
    assert len(list_videos(folder, recursive=True)) == 3


def test_a_list_names_videos_in_its_own_order(folder: Path, tmp_path: Path) -> None:
    elsewhere = make_video(tmp_path / "elsewhere" / "a.mp4")
    file = folder / "list.txt"
    text = f"# to do\nclip10.mp4\n\n  clip2.mp4  \n{elsewhere}\nclip10.mp4\ngone.mp4\n"
    file.write_text(text, encoding="utf-8-sig")
    listed = list_videos(file)
    assert names(listed) == ["clip10.mp4", "clip2.mp4", "a.mp4", "gone.mp4"]
    assert listed[2] == elsewhere


def test_what_is_no_list_is_refused(folder: Path) -> None:
    broken = folder / "list.txt"
    broken.write_bytes(b"\xff\xfe\x00clip")
    with pytest.raises(ProjectError, match="not a list of videos"):
        list_videos(broken)
    broken.write_bytes(b"clip\0")
    with pytest.raises(ProjectError, match="not text"):
        list_videos(broken)
    with pytest.raises(ProjectError, match=r"nowhere.*choose a folder"):
        list_videos(folder / "nowhere")


def test_sessions_of_a_folder(folder: Path) -> None:
    make_session(folder / "clip10.mp4")
    make_session(folder / "clip2.mp4")
    make_session(make_video(folder / "later" / "clip1.mp4"))
    assert names(session_files(folder)) == ["clip2.mp4.tavis", "clip10.mp4.tavis"]
    assert len(session_files(folder, recursive=True)) == 3


def test_the_reader_takes_the_same_files() -> None:
    assert set(VIDEO_SUFFIXES) == set(reader.VIDEO_SUFFIXES)


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
