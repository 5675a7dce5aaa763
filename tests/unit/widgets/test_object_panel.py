"""The object list in a real viewer: what its rows, buttons, menu and filter do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.viewer import Viewer
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLineEdit

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.masks import encode_logits
from napari_tavis.annotation.proposals import Proposal, Proposals
from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.object_panel import ObjectPanel
from napari_tavis.widgets.object_table import CLASS, SHOWN

pytestmark = pytest.mark.gui

DOG, DRUM, SCENE = 1, 2, 3


def distance(size: tuple[int, int]) -> np.ndarray:
    """Distance of each pixel from the middle."""
    rows, columns = np.ogrid[: size[0], : size[1]]
    return np.hypot(rows - size[0] / 2, columns - size[1] / 2)


@pytest.fixture
def panel(dock: AnnotationDock, annotated_video: Path, open_in) -> ObjectPanel:
    open_in(dock, annotated_video)
    dock.controller.choose(DOG)
    return dock.annotate.objects


def listed(panel: ObjectPanel) -> list[str]:
    return [panel.table.item(row, CLASS).text() for row in range(panel.table.rowCount())]


def show(panel: ObjectPanel, title: str) -> None:
    index = next(i for i in range(panel.filter.count()) if panel.filter.itemText(i) == title)
    panel.filter.setCurrentIndex(index)


def test_a_rejected_object_leaves_the_list_and_stays_in_reach(
    viewer: Viewer, dock: AnnotationDock, panel: ObjectPanel
) -> None:
    controller = dock.controller
    panel.reject.click()
    assert listed(panel) == ["drum", "scene"]
    assert controller.layers.layer(DOG) is None
    assert controller.chosen == DRUM
    show(panel, "Rejected (1)")
    assert listed(panel) == ["dog"]
    panel.table.selectRow(0)
    assert controller.layers.layer(DOG) in viewer.layers  # to look at it
    assert panel.reject.text() == "Restore"
    assert "Restore the object first" in panel.accept_frame.toolTip()
    panel.reject.click()
    show(panel, "Objects (3)")
    assert listed(panel) == ["dog", "drum", "scene"]


def test_looking_at_a_rejected_object_ends_with_choosing_another(
    dock: AnnotationDock, panel: ObjectPanel
) -> None:
    controller = dock.controller
    panel.reject.click()
    controller.choose(DOG)
    assert controller.layers.layer(DOG) is not None
    controller.choose(DRUM)
    assert controller.layers.layer(DOG) is None


def test_background_queries_can_become_objects(
    dock: AnnotationDock, video: Path, proposals: Proposals, open_in
) -> None:
    mask = {48: distance(proposals.frame_size) < 20}
    quiet = Proposal("background", 0.2, mask, kind="background")
    proposals.objects.append(quiet)
    AnnotationSession.create(video, proposals).save()
    open_in(dock, video)
    panel = dock.annotate.objects
    assert listed(panel) == ["dog", "drum", "scene"]
    show(panel, "Background (1)")
    assert listed(panel) == ["background"]
    panel.table.selectRow(0)
    panel.reject.click()
    assert "give it a class" in dock.footer.message.value
    show(panel, "Objects (4)")
    assert "background" in listed(panel)


def test_the_check_box_shows_and_hides_the_layer(dock: AnnotationDock, panel: ObjectPanel) -> None:
    layer = dock.controller.layers.layer(DRUM)
    cell = panel.table.item(panel.table.row_of(DRUM), SHOWN)
    cell.setCheckState(Qt.CheckState.Unchecked)
    assert not layer.visible
    layer.visible = True  # by the eye in napari's layer list
    assert cell.checkState() == Qt.CheckState.Checked


def test_typing_a_class_completes_from_the_vocabulary(
    qtbot, dock: AnnotationDock, panel: ObjectPanel
) -> None:
    panel.table.edit_class(DOG)
    (editor,) = panel.table.viewport().findChildren(QLineEdit)
    qtbot.keyClicks(editor, "dru")
    completer = editor.completer()
    offered = {completer.completionModel().index(row, 0).data() for row in range(3)}
    assert "drum" in offered
    completer.activated.emit("drum")  # the user picks it from the list
    assert dock.controller.session.object(DOG).class_name == "drum"

    panel.table.edit_class(DOG)
    editors = panel.table.viewport().findChildren(QLineEdit)
    editor = next(one for one in editors if one.isVisible())
    editor.setText("cat")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    session = dock.controller.session
    qtbot.waitUntil(lambda: session.object(DOG).class_name == "cat", timeout=60_000)


def test_a_word_that_is_no_class_is_taken_back(dock: AnnotationDock, panel: ObjectPanel) -> None:
    panel.table.item(panel.table.row_of(DOG), CLASS).setText("  ")
    assert panel.table.item(panel.table.row_of(DOG), CLASS).text() == "dog"


def test_merging_splitting_and_deleting_can_be_undone(
    dock: AnnotationDock, panel: ObjectPanel
) -> None:
    controller, objects = dock.controller, dock.workbench.objects
    before = listed(panel)
    controller.navigation.go_to(73)
    objects.split()
    assert listed(panel) == ["dog", "drum", "scene", "dog"]
    assert controller.session.annotated_frames(controller.chosen) == [73, 98, 123]
    controller.choose(DOG)
    objects.merge(DRUM)
    assert listed(panel) == ["dog", "scene", "dog"]
    objects.delete()
    assert listed(panel) == ["scene", "dog"]
    for _ in range(3):
        controller.undo()
    assert listed(panel) == before
    assert controller.session.undo_label is None


def test_the_menu_offers_the_other_objects_to_merge_with(panel: ObjectPanel) -> None:
    panel.menu.aboutToShow.emit()
    entries = {entry.text(): entry for entry in panel.menu.actions() if entry.text()}
    assert {"Split the object at this frame", "Delete the object"} <= set(entries)
    merge = entries["Merge another object into this one"].menu()
    assert [entry.text() for entry in merge.actions()] == ["drum (score 0.70)"]


def test_a_class_that_is_typed_is_kept_for_its_object_whatever_happens_to_the_list(
    qtbot, dock: AnnotationDock, panel: ObjectPanel
) -> None:
    controller = dock.controller
    panel.table.edit_class(DRUM)
    (editor,) = panel.table.viewport().findChildren(QLineEdit)
    editor.setText("piano")
    controller.do(lambda session: session.accept(DRUM))  # its row changes
    assert editor.text() == "piano"
    controller.do(lambda session: session.reject(DOG))  # the scene mask is in this row now
    QTest.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: listed(panel) == ["piano", "scene"], timeout=60_000)
    assert controller.item(DRUM).class_name == "piano"


def test_the_menu_of_the_scene_mask_offers_only_what_can_be_done(
    dock: AnnotationDock, panel: ObjectPanel
) -> None:
    dock.controller.choose(SCENE)
    panel.menu.aboutToShow.emit()
    assert [entry.text() for entry in panel.menu.actions() if entry.text()] == ["Delete the object"]


def test_the_threshold_cuts_the_kept_logits(
    qtbot, dock: AnnotationDock, video: Path, proposals: Proposals, open_in
) -> None:
    height, width = proposals.frame_size
    size = (height // 2, width // 2)
    slope = 3.0 - distance(size) / 8  # a cone: the lower the threshold, the larger the disk
    logits = encode_logits(slope.astype(np.float32))
    cone = Proposal("bell", 0.8, {48: distance((height, width)) < 48}, logits={48: logits})
    proposals.objects.append(cone)
    AnnotationSession.create(video, proposals).save()
    open_in(dock, video)
    controller, threshold = dock.controller, dock.annotate.objects.threshold
    bell = controller.session.objects[-1].object_id
    controller.choose(DOG)
    assert not threshold.slider.isEnabled()
    assert "no proposed frame" in threshold.slider.toolTip()
    controller.choose(bell)
    controller.navigation.go_to(48)
    default = controller.session.mask(bell, 48).sum()
    threshold.slider.setValue(20)
    threshold.slider.setValue(10)
    assert controller.session.mask(bell, 48).sum() > 1.2 * default
    assert controller.layers.layer(bell)._slice.image.raw.sum() > 1.2 * default
    controller.undo()  # a drag is one step
    assert controller.session.mask(bell, 48).sum() == default
    assert threshold.slider.value() == 50


def test_an_object_is_added_by_its_class(dock: AnnotationDock, panel: ObjectPanel) -> None:
    panel.new_class.setText("bell")
    QTest.keyClick(panel.new_class, Qt.Key.Key_Return)
    assert "bell" in listed(panel)
    assert dock.controller.item(dock.controller.chosen).class_name == "bell"
    assert panel.new_class.text() == ""
    panel.new_class.setText("background")
    QTest.keyClick(panel.new_class, Qt.Key.Key_Return)
    assert panel.new_class.text() == "background"  # refused, and there to be corrected
