"""Going through a set of videos, today and tomorrow."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from napari_tavis.annotation import AnnotationSession
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.project import ProjectError, QueueState, VideoQueue
from napari_tavis.project.queue import mark_done
from napari_tavis.project.queue_file import FOLDER_FILE

from .conftest import box, make_session, make_video


def states(queue: VideoQueue) -> dict[str, str]:
    return {queue.place(item.path): str(item.state) for item in queue.videos}


def finish(session: AnnotationSession) -> None:
    session.set_done(True)


def test_each_video_has_its_state(folder: Path) -> None:
    make_session(folder / "clip2.mp4")
    make_session(folder / "clip10.mp4", finish)
    (folder / "empty.mp4").touch()
    queue = VideoQueue.open(folder)
    assert states(queue) == {
        "Clip1.MOV": "new",
        "clip2.mp4": "segmented",
        "clip10.mp4": "done",
        "empty.mp4": "broken",
    }
    assert set(queue.counts.values()) == {1}
    assert "empty.mp4 is empty" in queue.videos[-1].why


def test_next_and_previous(folder: Path) -> None:
    make_session(folder / "clip2.mp4", finish)
    (folder / "clip3.mp4").touch()  # broken
    queue = VideoQueue.open(folder)
    first, second, _, last = (item.path for item in queue.videos)
    assert queue.next().path == first
    assert queue.next(first).path == second
    assert queue.next(first, skip_finished=True).path == last
    assert queue.next(second).path == last
    assert queue.next(last) is None
    assert queue.previous(last).path == second
    assert queue.previous(first) is None
    assert queue.next(Path("elsewhere.mp4")).path == first


def test_what_to_segment_ahead(folder: Path) -> None:
    first, second, last = (item.path for item in VideoQueue.open(folder).videos)
    make_session(second)
    queue = VideoQueue.open(folder)
    assert queue.to_segment(None, 1) == [first]
    assert queue.to_segment(first, 1) == []
    assert queue.to_segment(first, 2) == [last]
    assert queue.to_segment(None, 99) == [first, last]
    mark_done(second.with_name(second.name + ".tavis"))
    queue.refresh()
    assert queue.to_segment(first, 1) == [last]


def test_a_vanished_video_stays_in_the_queue_with_why(folder: Path) -> None:
    queue = VideoQueue.open(folder)
    (folder / "clip2.mp4").unlink()
    queue.refresh()
    item = queue.item(folder / "clip2.mp4")
    assert item.state is QueueState.MISSING
    assert "not there" in item.why
    assert queue.next(folder / "Clip1.MOV").path == folder / "clip10.mp4"
    make_video(folder / "clip2.mp4")
    queue.refresh()
    assert queue.item(folder / "clip2.mp4").state is QueueState.NEW


def test_an_annotation_without_its_video_is_told(folder: Path) -> None:
    make_session(folder / "clip2.mp4")
    (folder / "clip2.mp4").unlink()
    item = VideoQueue.open(folder).item(folder / "clip2.mp4")
    assert item.state is QueueState.MISSING
    assert "clip2.mp4.tavis" in item.why


def test_a_renamed_video_takes_its_session_along(folder: Path) -> None:
    make_session(folder / "clip2.mp4", finish)
    (folder / "clip2.mp4").rename(folder / "street.mp4")
    assert states(VideoQueue.open(folder)) == {
        "Clip1.MOV": "new",
        "clip10.mp4": "new",
        "street.mp4": "done",
    }


def test_broken_videos_are_found_before_their_turn(folder: Path, toy_video: Path) -> None:
    for item in VideoQueue.open(folder).videos:
        item.path.unlink()
    shutil.copy(toy_video, folder / "good.mp4")
    (folder / "bad.mp4").write_bytes(b"no video at all")
    queue = VideoQueue.open(folder)
    assert states(queue) == {"bad.mp4": "new", "good.mp4": "new"}
    queue.check()
    assert states(queue) == {"bad.mp4": "broken", "good.mp4": "new"}
    assert "bad.mp4" in queue.item(folder / "bad.mp4").why
    queue.save()
    again = VideoQueue.open(folder)
    assert states(again) == {"bad.mp4": "broken", "good.mp4": "new"}
    shutil.copy(toy_video, folder / "bad.mp4")
    again.refresh()
    assert states(again) == {"bad.mp4": "new", "good.mp4": "new"}


def test_place_and_settings_survive_a_restart(folder: Path) -> None:
    make_video(folder / "later" / "clip1.mp4")
    queue = VideoQueue.open(folder, recursive=True)
    queue.current = folder / "later" / "clip1.mp4"
    queue.ahead, queue.skip_finished = 3, False
    queue.save()
    again = VideoQueue.open(folder)
    assert again.current == folder / "later" / "clip1.mp4"
    assert (again.recursive, again.ahead, again.skip_finished) == (True, 3, False)
    assert VideoQueue.open(folder / FOLDER_FILE).videos == again.videos


def test_remembered_states_are_read_again_when_a_session_has_changed(folder: Path) -> None:
    directory = make_session(folder / "clip2.mp4")
    VideoQueue.open(folder).save()
    session = AnnotationSession.open(directory)
    session.set_mask(1, 5, box(4))
    session.save()
    session.close()
    assert states(VideoQueue.open(folder))["clip2.mp4"] == "in work"
    directory.unlink()
    assert states(VideoQueue.open(folder))["clip2.mp4"] == "new"


def test_a_queue_moves_with_its_folder(folder: Path, tmp_path: Path) -> None:
    queue = VideoQueue.open(folder)
    queue.current = folder / "clip2.mp4"
    queue.save()
    moved = folder.rename(tmp_path / "moved")
    assert VideoQueue.open(moved).current == moved / "clip2.mp4"


def test_a_file_that_cannot_be_read_costs_nothing_but_the_place(folder: Path) -> None:
    make_session(folder / "clip2.mp4", finish)
    (folder / FOLDER_FILE).write_text('{"schema_version": 1, "videos": 3}')
    queue = VideoQueue.open(folder)
    assert FOLDER_FILE in queue.warnings[0]
    assert states(queue)["clip2.mp4"] == "done"
    queue.save()
    assert not VideoQueue.open(folder).warnings


def test_the_file_adds_no_videos(folder: Path, tmp_path: Path) -> None:
    outside = make_video(tmp_path / "outside.mp4")
    queue = VideoQueue.open(folder)
    queue.save()
    document = json.loads((folder / FOLDER_FILE).read_text())
    document["videos"]["../outside.mp4"] = document["videos"]["clip2.mp4"]
    document["current"] = "../outside.mp4"
    (folder / FOLDER_FILE).write_text(json.dumps(document))
    again = VideoQueue.open(folder)
    assert again.item(outside) is None
    assert again.current is None


def test_a_list_has_its_own_file(folder: Path) -> None:
    (folder / "today.txt").write_text("clip10.mp4\ngone.mp4\n")
    queue = VideoQueue.open(folder / "today.txt")
    assert states(queue) == {"clip10.mp4": "new", "gone.mp4": "missing"}
    queue.save()
    assert queue.file == folder / "today.tavis-queue.json"
    assert queue.file.is_file()
    elsewhere = VideoQueue.open(folder / "today.txt", file=folder / "mine.json")
    elsewhere.save()
    assert (folder / "mine.json").is_file()


def test_a_refused_disk_is_told(folder: Path) -> None:
    queue = VideoQueue.open(folder, file=folder / "notes.txt" / "queue.json")
    with pytest.raises(ProjectError, match=r"queue\.json"):
        queue.save()


def test_cancelling_leaves_the_queue_as_it_was(folder: Path) -> None:
    queue = VideoQueue.open(folder)
    before = queue.videos
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        queue.refresh(task=task)
    assert queue.videos == before


def test_marking_done_and_not_done(folder: Path) -> None:
    directory = make_session(folder / "clip2.mp4")
    queue = VideoQueue.open(folder)
    mark_done(directory)
    assert queue.refresh_video(folder / "clip2.mp4").state is QueueState.DONE
    mark_done(directory, False)
    assert queue.refresh_video(folder / "clip2.mp4").state is QueueState.SEGMENTED
