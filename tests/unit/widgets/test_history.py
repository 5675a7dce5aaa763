"""Undo and redo over strokes, classes, accepting and deleting, in one order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.viewer import Viewer
from qtpy.QtGui import QKeySequence
from qtpy.QtTest import QTest

from napari_tavis.annotation import AnnotationSession, FrameStatus
from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.napari_compat import canvas_of

pytestmark = pytest.mark.gui

DOG, DRUM, SCENE = 1, 2, 3


def press(viewer: Viewer, key: str) -> None:
    """Press a key over the picture."""
    QTest.keySequence(canvas_of(viewer), QKeySequence(key))


def test_one_order_over_everything(
    viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in, stroke
) -> None:
    open_in(dock, annotated_video)
    controller, objects = dock.controller, dock.workbench.objects
    session = controller.session
    before = session.mask(DOG, 48)
    controller.choose(DOG)
    controller.navigation.go_to(48)
    layer = controller.layers.layer(DOG)
    layer.mode = "paint"
    stroke((150, 30), (150, 50), (150, 70))
    stroke((180, 30), (180, 50), (180, 70))
    two_strokes = session.mask(DOG, 48)
    assert two_strokes[150, 50]
    assert two_strokes[180, 50]
    objects.accept_frame()
    controller.navigation.go_to(73)
    objects.rename(DRUM, "bell")
    objects.delete()
    assert [item.object_id for item in session.objects] == [DRUM, SCENE]

    press(viewer, "Ctrl+Z")
    assert controller.layers.layer(DOG) in viewer.layers
    press(viewer, "Ctrl+Z")
    assert session.object(DRUM).class_name == "drum"
    assert controller.layers.layer(DRUM).name == "drum"
    press(viewer, "Ctrl+Z")
    assert session.status(DOG, 48) is FrameStatus.EDITED
    assert controller.navigation.frame == 48  # where it was done
    press(viewer, "Ctrl+Z")
    one_stroke = session.mask(DOG, 48)
    assert one_stroke[150, 50]
    assert not one_stroke[180, 50]
    press(viewer, "Ctrl+Z")
    np.testing.assert_array_equal(session.mask(DOG, 48), before)
    np.testing.assert_array_equal(controller.layers.layer(DOG).data[48], before)
    press(viewer, "Ctrl+Z")
    assert dock.footer.message.value == "Nothing to undo."

    for _ in range(5):
        press(viewer, "Ctrl+Shift+Z")
    assert [item.object_id for item in session.objects] == [DRUM, SCENE]
    assert session.object(DRUM).class_name == "bell"
    press(viewer, "Ctrl+Z")
    np.testing.assert_array_equal(session.mask(DOG, 48), two_strokes)


def test_saving_in_the_middle_of_a_stroke_does_not_break_it_in_two(
    viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in, stroke
) -> None:
    open_in(dock, annotated_video)
    controller = dock.controller
    controller.choose(DOG)
    controller.navigation.go_to(48)
    layer = controller.layers.layer(DOG)
    layer.mode = "paint"
    before = controller.session.mask(DOG, 48)

    def save_now(event) -> None:
        controller._autosave._save()

    viewer.cursor.events.position.connect(save_now)
    stroke((150, 30), (150, 50), (150, 70), (150, 90), (150, 110))
    QTest.qWait(50)
    viewer.cursor.events.position.disconnect(save_now)
    assert controller.session.mask(DOG, 48)[150, 30:111].all()
    controller.undo()
    np.testing.assert_array_equal(controller.session.mask(DOG, 48), before)
    assert controller.session.undo_label is None


def test_undo_after_painting_in_two_layers_chooses_the_object_concerned(
    viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in
) -> None:
    open_in(dock, annotated_video)
    controller = dock.controller
    controller.layers.layer(DOG).paint((23, 200, 200), 1)
    controller.layers.layer(DRUM).paint((48, 200, 200), 1)
    controller.choose(DOG)
    controller.navigation.go_to(98)
    controller.undo()
    assert controller.chosen == DRUM
    assert controller.navigation.frame == 48
    controller.undo()
    assert controller.chosen == DOG
    assert controller.navigation.frame == 23


def test_what_is_open_elsewhere_is_read_only(
    viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in
) -> None:
    owner = AnnotationSession.open(annotated_video)
    open_in(dock, annotated_video)
    controller = dock.controller
    assert controller.session.read_only
    assert dock.notice.isVisible()
    assert "reading only" in dock.notice.text()
    assert not controller.layers.layer(DOG).editable
    assert not dock.annotate.objects.accept_frame.isEnabled()
    assert "reading only" in dock.annotate.objects.accept_frame.toolTip()
    assert not dock.annotate.segment.enabled
    owner.close()
