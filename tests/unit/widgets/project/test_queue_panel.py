"""Going through a folder of videos in a real viewer."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from napari.viewer import Viewer
from qtpy.QtCore import Qt

from napari_tavis.annotation import AnnotationSession, default_path
from napari_tavis.project import QueueState, VideoQueue
from napari_tavis.project.queue_file import FOLDER_FILE
from napari_tavis.widgets.commands import COMMANDS
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.napari_compat import keys_of
from napari_tavis.widgets.objects import empty_session
from napari_tavis.widgets.project.queue_panel import QueuePanel
from napari_tavis.widgets.workbench import Workbench

pytestmark = pytest.mark.gui


def remember(folder: Path, ahead: int) -> None:
    """Set how many videos are segmented in advance."""
    queue = VideoQueue.open(folder)
    queue.ahead = ahead
    queue.save()


def shown(panel: QueuePanel) -> dict[str, str]:
    """What the table shows: state by name."""
    model = panel.model
    cells = [
        (model.index(row, 0).data(), model.index(row, 1).data()) for row in range(model.rowCount())
    ]
    return dict(cells)


def annotate_open_video(controller: AnnotationController) -> AnnotationSession:
    """Begin a session of the open video by hand."""
    assert controller.clip is not None
    session = empty_session(controller.clip, 1.0)
    controller.take_session(session)
    item = session.add_object("dog")
    controller.refresh()
    assert item.object_id
    return session


@pytest.fixture
def opened(panel: QueuePanel, folder: Path, settle) -> QueuePanel:
    """The panel with the folder's queue, and nothing segmented in advance."""
    remember(folder, ahead=0)
    panel.work.open(folder)
    settle()
    return panel


def test_the_videos_are_listed_with_their_states(panel: QueuePanel, folder: Path, settle) -> None:
    remember(folder, ahead=0)
    (folder / "clip3.mp4").write_bytes(b"no video")
    panel.work.open(folder)
    settle()
    assert shown(panel) == {
        "clip1.mp4": "new",
        "clip2.mp4": "new",
        "clip3.mp4": "broken",
        "clip10.mp4": "new",
    }
    tip = panel.model.index(2, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert "clip3.mp4" in tip
    assert tip != str(folder / "clip3.mp4")


def test_next_and_previous_by_command(
    opened: QueuePanel, viewer: Viewer, workbench: Workbench, folder: Path, settle
) -> None:
    controller = workbench.controller
    for name in ("clip1.mp4", "clip2.mp4"):
        COMMANDS["next_video"].run(workbench)
        settle(lambda name=name: controller.video == folder / name)
        settle()
    assert [layer.name for layer in viewer.layers] == ["clip2"]
    COMMANDS["previous_video"].run(workbench)
    settle(lambda: controller.video == folder / "clip1.mp4")
    settle()
    assert opened.table.selected.path == folder / "clip1.mp4"
    assert not opened.previous.isEnabled()
    assert "no previous video" in opened.previous.toolTip()


def test_a_double_click_opens_a_video(
    opened: QueuePanel, controller: AnnotationController, folder: Path, settle
) -> None:
    opened.table.activated.emit(opened.model.index(2, 0))
    settle(lambda: controller.video == folder / "clip10.mp4")
    settle()
    assert opened.work.next_item() is None
    assert "no other video" in opened.next.toolTip()


def test_the_state_follows_the_work_and_survives_a_restart(
    opened: QueuePanel, controller: AnnotationController, folder: Path, settle
) -> None:
    opened.next.click()
    settle(lambda: controller.video is not None)
    settle()
    annotate_open_video(controller)
    settle(lambda: shown(opened)["clip1.mp4"] == "in work")
    opened.done.click()
    settle(lambda: controller.video == folder / "clip2.mp4")
    settle()
    assert shown(opened)["clip1.mp4"] == "done"
    again = VideoQueue.open(folder)
    assert again.item(folder / "clip1.mp4").state is QueueState.DONE
    assert again.current == folder / "clip2.mp4"


def test_next_goes_on_where_one_stopped(
    panel: QueuePanel, controller: AnnotationController, folder: Path, settle
) -> None:
    remember(folder, ahead=0)
    queue = VideoQueue.open(folder)
    queue.current = folder / "clip2.mp4"
    queue.save()
    panel.work.open(folder)
    settle()
    assert panel.next.text() == "Continue ▶"
    panel.next.click()
    settle(lambda: controller.video == folder / "clip2.mp4")
    settle()
    assert panel.next.text() == "Next ▶"


def test_a_video_opened_elsewhere_brings_its_queue(
    panel: QueuePanel, workbench: Workbench, folder: Path, settle
) -> None:
    remember(folder, ahead=0)
    workbench.opener.open(folder / "clip2.mp4")
    settle(lambda: panel.work.queue is not None)
    settle()
    assert (folder / FOLDER_FILE).is_file()
    assert panel.work.current == folder / "clip2.mp4"


def test_a_vanished_video_is_passed_over_and_told(
    opened: QueuePanel, controller: AnnotationController, folder: Path, settle
) -> None:
    (folder / "clip1.mp4").unlink()
    opened.work.go_to(folder / "clip1.mp4")
    assert shown(opened)["clip1.mp4"] == "missing"
    opened.next.click()
    settle(lambda: controller.video == folder / "clip2.mp4")
    settle()


def test_a_video_that_does_not_open_is_broken_from_then_on(
    opened: QueuePanel, controller: AnnotationController, folder: Path, settle
) -> None:
    stamp = (folder / "clip1.mp4").stat()
    (folder / "clip1.mp4").write_bytes(bytes(stamp.st_size))
    opened.next.click()
    settle(lambda: shown(opened)["clip1.mp4"] == "broken")
    settle()
    assert opened.work.next_item().path == folder / "clip2.mp4"


def test_marking_another_video_done(
    opened: QueuePanel, controller: AnnotationController, folder: Path, settle
) -> None:
    opened.table.select(folder / "clip10.mp4")
    assert not opened.mark.isEnabled()
    assert "not annotated" in opened.mark.toolTip()
    opened.work.go_to(folder / "clip10.mp4")
    settle(lambda: controller.video is not None)
    settle()
    annotate_open_video(controller)
    opened.work.go_to(folder / "clip1.mp4")
    settle(lambda: controller.video == folder / "clip1.mp4")
    settle()
    opened.table.select(folder / "clip10.mp4")
    opened.mark.click()
    assert shown(opened)["clip10.mp4"] == "done"
    assert AnnotationSession.open(folder / "clip10.mp4", read_only=True).done
    opened.mark.click()
    assert shown(opened)["clip10.mp4"] == "in work"


def test_the_next_video_is_segmented_while_one_works(
    panel: QueuePanel, controller: AnnotationController, folder: Path, settle
) -> None:
    panel.work.open(folder)
    settle(lambda: shown(panel).get("clip1.mp4") == "segmented")
    assert shown(panel)["clip2.mp4"] == "new"
    panel.next.click()
    settle(lambda: controller.session is not None)
    assert [item.kind for item in controller.session.objects]
    settle(lambda: shown(panel)["clip2.mp4"] == "segmented")
    settle()
    assert controller.video == folder / "clip1.mp4"
    assert shown(panel)["clip10.mp4"] == "new"
    session = AnnotationSession.open(folder / "clip2.mp4", read_only=True)
    assert session.objects
    assert not session.warnings
    assert [path.name for path in folder.glob(".*")] == []


def test_segmenting_ahead_gives_way_to_the_dock(
    opened: QueuePanel, controller: AnnotationController, folder: Path, settle
) -> None:
    release = threading.Event()
    controller.jobs.start(lambda task: release.wait(60), lambda result: None)
    opened.work.set_ahead(1)
    assert opened.work.segmenter.video is None
    release.set()
    settle(lambda: opened.work.segmenter.video == folder / "clip1.mp4")
    release.clear()
    controller.jobs.start(lambda task: release.wait(60), lambda result: None)
    assert opened.work.segmenter.paused
    assert "waits for the other work to finish" in opened.message.text()
    release.set()
    settle(lambda: shown(opened)["clip1.mp4"] == "segmented")
    assert not opened.work.segmenter.paused


def test_what_a_person_begins_meanwhile_is_never_touched(
    opened: QueuePanel, controller: AnnotationController, folder: Path, settle
) -> None:
    opened.work.set_ahead(1)
    assert opened.work.segmenter.video == folder / "clip1.mp4"
    opened.next.click()
    settle(lambda: controller.video == folder / "clip1.mp4" and not controller.jobs.busy)
    if controller.session is None:  # opened before it was segmented
        session = annotate_open_video(controller)
        settle(lambda: opened.work.segmenter.video != folder / "clip1.mp4")
        assert controller.session is session
        assert [item.class_name for item in session.objects] == ["dog"]
        controller.collect_edits().save()
    settle()
    assert not AnnotationSession.open(folder / "clip1.mp4", read_only=True).warnings


def test_a_video_opened_while_it_is_segmented_gets_its_objects(
    opened: QueuePanel, controller: AnnotationController, folder: Path, settle
) -> None:
    opened.work.set_ahead(1)
    opened.next.click()
    settle(lambda: controller.session is not None)
    settle()
    assert controller.video == folder / "clip1.mp4"
    assert not controller.session.read_only
    assert controller.session.objects
    assert shown(opened)["clip1.mp4"] == "segmented"


def test_a_problem_of_all_videos_stops_it_once(
    opened: QueuePanel, controller: AnnotationController, folder: Path, tmp_path: Path, settle
) -> None:
    controller.options = type(controller.options)(model=tmp_path / "gone.safetensors")
    opened.work.set_ahead(10)
    settle(lambda: bool(opened.work.segmenter.problem))
    assert "gone.safetensors" in opened.message.text()
    assert opened.work.segmenter.video is None
    assert not default_path(folder / "clip1.mp4").exists()


def test_the_panel_is_no_wider_than_the_dock(opened: QueuePanel, folder: Path, settle) -> None:
    (folder / f"{'long' * 30}.mp4").write_bytes(b"no video")
    opened.work.reload()
    settle()
    assert opened.minimumSizeHint().width() <= 320


def test_the_commands_have_their_keys(dock: AnnotationDock) -> None:
    assert [keys_of(name) for name in ("next_video", "previous_video", "video_done")] == [
        ["U"],
        ["Shift+U"],
        ["Alt+U"],
    ]
    assert "Key: U" in dock.queue.next.toolTip()


def test_controls_say_why_they_are_disabled(panel: QueuePanel) -> None:
    for control in (panel.next, panel.previous, panel.done, panel.skip, panel.ahead, panel.reload):
        assert not control.isEnabled()
        assert "Choose a folder" in control.toolTip()
    assert panel.folder.isEnabled()
