"""The section's buttons in the real viewer."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_tavis.annotation import AnnotationSession, FrameStatus
from napari_tavis.widgets.commands import GROUPS
from napari_tavis.widgets.correction.panel import CorrectionPanel
from napari_tavis.widgets.correction.propagation import Reach
from napari_tavis.widgets.keys import take_keys
from napari_tavis.widgets.workbench import Workbench

pytestmark = pytest.mark.gui

DOG = 1
FRAME, SECOND, LAST = 23, 48, 123


def test_without_a_video_every_button_says_why_not(qtbot, viewer) -> None:
    workbench = Workbench(viewer)
    panel = CorrectionPanel(workbench)
    qtbot.addWidget(panel)
    for button in panel.buttons.values():
        assert not button.isEnabled()
        assert "Open a video first." in button.toolTip()
    workbench.close()


def test_the_keys_work_over_the_picture_and_are_told(
    panel: CorrectionPanel, session: AnnotationSession, workbench: Workbench, hand
) -> None:
    take_keys(workbench)
    for command in GROUPS["Correct"]:
        if command.key is not None:
            assert f"Key: {command.key}." in panel.buttons[command.id].toolTip()
    hand.type(Qt.Key.Key_X, Qt.KeyboardModifier.ShiftModifier)
    assert not session.mask(DOG, FRAME).any()
    hand.type(Qt.Key.Key_Q)
    assert panel.corrector.prompts.active
    hand.type(Qt.Key.Key_Q)
    assert not panel.corrector.prompts.active


def test_copying_goes_to_the_next_frame_with_the_mask(
    panel: CorrectionPanel, session: AnnotationSession, controller
) -> None:
    mask = session.mask(DOG, FRAME)
    panel.buttons["copy_to_next"].click()
    assert controller.navigation.frame == SECOND
    np.testing.assert_array_equal(session.mask(DOG, SECOND), mask)
    layer = controller.layers.layer(DOG)
    np.testing.assert_array_equal(layer.data[SECOND], mask)


def test_painting_is_repaired_with_what_was_painted_just_now(
    panel: CorrectionPanel, session: AnnotationSession, controller
) -> None:
    layer = controller.layers.layer(DOG)
    layer.brush_size = 3
    layer.paint((FRAME, 200, 200), 1)
    panel.buttons["remove_islands"].click()
    assert not session.mask(DOG, FRAME)[200, 200]
    panel.buttons["clear_frame"].click()
    assert not session.mask(DOG, FRAME).any()
    panel.buttons["back_to_proposal"].click()
    assert session.mask(DOG, FRAME).any()
    assert session.status(DOG, FRAME) is FrameStatus.PROPOSED


def test_interpolates_between_accepted_frames(
    panel: CorrectionPanel, session: AnnotationSession, controller, finished
) -> None:
    session.accept(DOG, FRAME)
    session.accept(DOG, LAST)
    controller.navigation.go_to(70)
    panel.frames.setCurrentText("every frame")
    panel.buttons["interpolate"].click()
    finished()
    assert session.annotated_frames(DOG) == list(range(FRAME, LAST + 1))
    controller.undo()
    assert session.annotated_frames(DOG) == controller.navigation.sampled


def test_the_range_ends_at_the_frame_shown(panel: CorrectionPanel, controller) -> None:
    assert panel.corrector.reach == Reach()
    assert not panel.first.isVisible()
    panel.extent.setCurrentIndex(1)
    assert panel.first.isVisible()
    assert panel.corrector.reach == Reach(False, 0, 124)
    controller.navigation.go_to(37)
    panel.first_here.click()
    controller.navigation.go_to(80)
    panel.last_here.click()
    panel.frames.setCurrentText("every frame")
    assert panel.corrector.reach == Reach(True, 37, 80)
    panel.extent.setCurrentIndex(0)
    assert panel.corrector.reach == Reach(True)
