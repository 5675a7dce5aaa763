"""The dock widget in a real viewer, on videos whose session is known."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from napari.viewer import Viewer

from napari_tavis.annotation import AnnotationSession, FrameStatus
from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.object_table import CLASS, STATUS

pytestmark = pytest.mark.gui

DOG, DRUM, SCENE = 1, 2, 3


def is_saved(video: Path) -> bool:
    """Whether the disk has what was painted at row and column 200 of the dog's frame 23."""
    return bool(AnnotationSession.open(video).mask(DOG, 23)[200, 200])


def test_a_saved_session_is_resumed(
    viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in
) -> None:
    open_in(dock, annotated_video)
    names = [layer.name for layer in viewer.layers]
    assert names == ["clip", "scene: all that sounds", "drum", "dog"]
    assert "Resumed" in dock.footer.message.value
    assert dock.annotate.objects.table.rowCount() == 3
    shape = viewer.layers[0].data.shape
    for layer in viewer.layers[1:]:
        assert layer.data.shape == shape[:3]


def test_a_brush_stroke_is_an_edit_and_undo_takes_it_back(
    qtbot, viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in, stroke
) -> None:
    open_in(dock, annotated_video)
    dock.controller.choose(DOG)
    dock.controller.navigation.go_to(48)
    layer = dock.controller.layers.layer(DOG)
    before = dock.controller.session.mask(DOG, 48)
    layer.mode = "paint"
    layer.brush_size = 9
    stroke((150, 30), (150, 50), (150, 70))

    dock.controller.collect_edits()
    painted = dock.controller.session.mask(DOG, 48)
    assert painted[150, 30:71].all()
    assert 41 * 5 < (painted & ~before).sum() < 60 * 12
    assert dock.controller.session.status(DOG, 48) is FrameStatus.EDITED
    assert dock.controller.session.status(DOG, 73) is FrameStatus.PROPOSED

    layer.undo()
    dock.controller.collect_edits()
    np.testing.assert_array_equal(dock.controller.session.mask(DOG, 48), before)


def test_the_eraser_and_the_bucket_edit_the_session(
    viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in, stroke
) -> None:
    open_in(dock, annotated_video)
    dock.controller.choose(DRUM)
    dock.controller.navigation.go_to(23)
    layer = dock.controller.layers.layer(DRUM)
    layer.mode = "erase"
    layer.brush_size = 5
    stroke((160, 150))
    layer.mode = "fill"
    layer.selected_label = 0
    dock.controller.navigation.go_to(48)
    stroke((160, 150))
    dock.controller.collect_edits()
    session = dock.controller.session
    assert not session.mask(DRUM, 23)[160, 150]
    assert session.mask(DRUM, 23).any()
    assert not session.mask(DRUM, 48).any()


def test_painting_where_there_is_no_mask_makes_one(
    viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in, stroke
) -> None:
    open_in(dock, annotated_video)
    dock.controller.choose(DRUM)
    dock.controller.navigation.go_to(60)
    layer = dock.controller.layers.layer(DRUM)
    assert not np.asarray(layer.data[60]).any()
    layer.mode = "paint"
    stroke((100, 100), (100, 120))
    dock.controller.collect_edits()
    assert dock.controller.session.mask(DRUM, 60)[100, 110]


def test_edits_reach_the_disk_by_themselves(
    qtbot, viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in
) -> None:
    open_in(dock, annotated_video)
    dock.controller.choose(DOG)
    dock.controller.navigation.go_to(23)
    dock.controller.layers.layer(DOG).paint((23, 200, 200), 1)
    qtbot.waitUntil(lambda: is_saved(annotated_video), timeout=60_000)


def test_layers_may_be_renamed_moved_and_deleted(
    viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in
) -> None:
    open_in(dock, annotated_video)
    controller = dock.controller
    dog = controller.layers.layer(DOG)
    dog.name = "something else"
    viewer.layers.move(viewer.layers.index(dog), 0)
    dog.paint((23, 200, 200), 1)
    viewer.layers.remove(dog)
    assert controller.session.mask(DOG, 23)[200, 200]
    assert dock.annotate.objects.table.rowCount() == 3
    assert "show it again" in dock.footer.message.value

    controller.choose(DOG)
    shown = controller.layers.layer(DOG)
    assert shown is not dog
    assert shown in viewer.layers
    assert shown.data[23, 200, 200] == 1


def test_choosing_a_row_selects_the_layer_and_the_other_way_round(
    viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in
) -> None:
    open_in(dock, annotated_video)
    dock.annotate.objects.table.selectRow(1)
    assert viewer.layers.selection.active is dock.controller.layers.layer(DRUM)
    viewer.layers.selection.active = dock.controller.layers.layer(DOG)
    assert dock.annotate.objects.table.object_id == DOG


def test_accepting_a_frame_and_an_object(
    viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in
) -> None:
    open_in(dock, annotated_video)
    session = dock.controller.session
    dock.annotate.objects.table.selectRow(0)
    dock.controller.navigation.go_to(48)
    dock.annotate.objects.accept_frame.click()
    assert session.status(DOG, 48) is FrameStatus.ACCEPTED
    assert session.status(DOG, 73) is FrameStatus.PROPOSED
    assert dock.annotate.objects.table.item(0, STATUS).text() == "1/5 checked"
    dock.annotate.objects.accept_object.click()
    assert session.status(DOG, 73) is FrameStatus.ACCEPTED
    assert dock.annotate.objects.table.item(0, STATUS).text() == "accepted"
    assert session.status(DRUM, 48) is FrameStatus.PROPOSED


def test_walking_over_the_sampled_frames(
    viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in
) -> None:
    open_in(dock, annotated_video)
    dock.controller.navigation.go_to(0)
    assert not dock.annotate.previous.enabled
    assert "No sampled frame before" in dock.annotate.previous.tooltip
    dock.annotate.next.native.click()
    assert viewer.dims.current_step[0] == 23
    assert viewer.canvas.overlays.text.text == "0.92 s · sampled frame 1 of 5"
    dock.annotate.next.native.click()
    assert viewer.dims.current_step[0] == 48
    dock.controller.navigation.go_to(50)
    assert viewer.canvas.overlays.text.text == "2.00 s · frame 51 of 125"
    dock.annotate.previous.native.click()
    assert viewer.dims.current_step[0] == 48


def test_a_class_typed_into_the_table_renames_and_recolours_the_layer(
    viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in
) -> None:
    open_in(dock, annotated_video)
    layer = dock.controller.layers.layer(DOG)
    before = layer.get_color(1)
    dock.annotate.objects.table.item(0, CLASS).setText("cat")
    assert dock.controller.session.object(DOG).class_name == "cat"
    assert layer.name == "cat"
    assert not np.allclose(layer.get_color(1), before)


def test_objects_are_painted_by_hand_where_there_is_no_session(
    viewer: Viewer, dock: AnnotationDock, video: Path, open_in
) -> None:
    open_in(dock, video)
    assert dock.controller.session is None
    dock.annotate.objects.new_class.setText("bell")
    dock.annotate.objects.add.click()
    (item,) = dock.controller.session.objects
    assert item.class_name == "bell"
    layer = dock.controller.layers.layer(item.object_id)
    assert viewer.layers.selection.active is layer
    layer.paint((23, 50, 50), 1)
    dock.close_session()
    assert AnnotationSession.open(video).mask(item.object_id, 23)[50, 50]


def test_buttons_say_why_they_are_disabled(dock: AnnotationDock) -> None:
    assert not dock.annotate.segment.enabled
    assert "Open a video first" in dock.annotate.segment.tooltip
    assert not dock.annotate.objects.accept_frame.isEnabled()
    assert "Open a video first" in dock.annotate.objects.accept_frame.toolTip()
    assert not dock.footer.cancel.enabled
    assert "Nothing is running" in dock.footer.cancel.tooltip


def test_the_toy_model_is_called_a_demonstration(dock: AnnotationDock, tmp_path: Path) -> None:
    assert dock.annotate.settings.demonstration.visible
    assert "demonstration" in dock.annotate.settings.demonstration.value
    dock.annotate.settings.choose_checkpoint(tmp_path / "other.safetensors")
    assert not dock.annotate.settings.demonstration.visible


@pytest.mark.own_window
def test_closing_the_window_saves(
    qtbot, viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in
) -> None:
    open_in(dock, annotated_video)
    dock.controller.layers.layer(DOG).paint((23, 200, 200), 1)
    viewer.window.close()
    qtbot.waitUntil(lambda: is_saved(annotated_video), timeout=60_000)


def test_closing_the_dock_saves_and_lets_go(
    qtbot, viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in
) -> None:
    open_in(dock, annotated_video)
    dock.controller.layers.layer(DOG).paint((23, 200, 200), 1)
    viewer.window.remove_dock_widget(dock)
    assert is_saved(annotated_video)


def test_the_video_shown_is_taken_when_the_dock_opens(
    qtbot, viewer: Viewer, annotated_video: Path
) -> None:
    viewer.open(annotated_video, plugin="napari-tavis")
    dock = AnnotationDock(viewer)
    viewer.window.add_dock_widget(dock)
    qtbot.waitUntil(lambda: dock.controller.session is not None, timeout=60_000)
    assert viewer.layers[0].name == "clip"
    assert len(viewer.layers) == 4
    dock.close_session()


def test_another_video_takes_the_place_of_the_first_whose_edits_are_saved(
    qtbot, viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in, tmp_path: Path
) -> None:
    open_in(dock, annotated_video)
    dock.controller.layers.layer(DOG).paint((23, 200, 200), 1)
    other = Path(shutil.copy(annotated_video, tmp_path / "other.mp4"))
    viewer.open(other, plugin="napari-tavis")
    qtbot.waitUntil(lambda: dock.controller.video == other, timeout=60_000)
    assert [layer.name for layer in viewer.layers] == ["clip", "other"]
    assert not viewer.layers["clip"].visible
    assert dock.controller.session is None
    assert is_saved(annotated_video)


def test_a_video_that_cannot_be_opened_leaves_the_first_as_it_was(
    viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in, tmp_path: Path
) -> None:
    open_in(dock, annotated_video)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    open_in(dock, broken)
    assert dock.controller.video == annotated_video
    assert len(viewer.layers) == 4
    dock.controller.layers.layer(DOG).paint((23, 200, 200), 1)
    dock.close_session()
    assert is_saved(annotated_video)
