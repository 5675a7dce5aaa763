"""The prompt mode in the real viewer, with mouse and keys, and the bundled model's SAM 2 part."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_tavis.annotation import AnnotationSession, FrameStatus
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.correction.panel import CorrectionPanel

pytestmark = pytest.mark.gui

DOG, DRUM = 1, 2
FRAME, NEXT = 23, 48
SHIFT = Qt.KeyboardModifier.ShiftModifier


def layer_names(controller: AnnotationController) -> list[str]:
    return [layer.name for layer in controller.viewer.layers]


@pytest.fixture
def prompting(panel: CorrectionPanel, hand) -> CorrectionPanel:
    """The prompt mode is on, for the dog."""
    panel.buttons["prompt"].click()
    return panel


def test_a_click_outlines_a_mask_and_enter_keeps_it(
    prompting: CorrectionPanel, session: AnnotationSession, controller, hand, found
) -> None:
    before = session.mask(DOG, FRAME)
    hand.click(110, 100)
    assert session.status(DOG, FRAME) is FrameStatus.PROPOSED, "nothing is changed unconfirmed"
    found()
    outlined = np.asarray(controller.viewer.layers["preview: dog"].data[FRAME], bool)
    assert outlined.any()
    np.testing.assert_array_equal(session.mask(DOG, FRAME), before)

    hand.type(Qt.Key.Key_Return)
    np.testing.assert_array_equal(session.mask(DOG, FRAME), outlined)
    assert session.status(DOG, FRAME) is FrameStatus.EDITED
    assert not np.asarray(controller.viewer.layers["preview: dog"].data[FRAME]).any()
    assert len(controller.viewer.layers["clicks: dog"].data) == 0

    controller.undo()
    np.testing.assert_array_equal(session.mask(DOG, FRAME), before)
    assert session.status(DOG, FRAME) is FrameStatus.PROPOSED


def test_enter_before_the_mask_is_there_keeps_it_once_it_is(
    qtbot, prompting: CorrectionPanel, session: AnnotationSession, hand
) -> None:
    hand.click(110, 100)
    hand.type(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: session.status(DOG, FRAME) is FrameStatus.EDITED, timeout=60_000)


def test_escape_drops_the_clicks_then_ends_the_mode(
    prompting: CorrectionPanel, session: AnnotationSession, controller, hand, found
) -> None:
    before = session.mask(DOG, FRAME)
    hand.click(110, 100)
    found()
    hand.type(Qt.Key.Key_Escape)
    assert prompting.corrector.prompts.active
    assert not prompting.corrector.prompts.prompts.points
    hand.type(Qt.Key.Key_Escape)
    assert not prompting.corrector.prompts.active
    assert not any("dog" in name and ":" in name for name in layer_names(controller))
    assert controller.viewer.layers.selection.active is controller.layers.layer(DOG)
    np.testing.assert_array_equal(session.mask(DOG, FRAME), before)


def test_shift_or_the_right_button_says_that_it_is_not_there(
    prompting: CorrectionPanel, hand
) -> None:
    hand.click(110, 100)
    hand.click(150, 120, key=SHIFT)
    hand.click(180, 60, button=Qt.MouseButton.RightButton)
    prompts = prompting.corrector.prompts.prompts
    assert prompts.labels == (True, False, False)
    np.testing.assert_allclose(prompts.points, [(110, 100), (150, 120), (180, 60)], atol=1)


def test_a_drag_is_a_box_and_the_picture_stays_where_it_is(
    prompting: CorrectionPanel, controller, hand, found
) -> None:
    center = controller.viewer.scene.camera.center
    hand.drag((60, 50), (150, 140))
    np.testing.assert_allclose(prompting.corrector.prompts.prompts.box, (60, 50, 150, 140), atol=1)
    assert controller.viewer.scene.camera.center == center
    (box,) = controller.viewer.layers["box: dog"].data
    assert set(box[:, 0]) == {FRAME}
    found()


def test_a_click_beside_the_picture_says_nothing(prompting: CorrectionPanel, hand) -> None:
    hand.click(-20, 100)
    assert not prompting.corrector.prompts.prompts.points


def test_points_go_one_by_one(prompting: CorrectionPanel, qtbot, controller, hand) -> None:
    prompts = prompting.corrector.prompts
    for x in (90, 120, 150, 180):
        hand.click(x, 100)
    hand.click(120, 100)  # again
    assert [round(x) for x, _ in prompts.prompts.points] == [90, 150, 180]
    hand.type(Qt.Key.Key_Backspace)
    assert len(prompts.prompts.points) == 4, "the removal is taken back"
    hand.type(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    prompting.buttons["prompt_undo"].click()
    assert [round(x) for x, _ in prompts.prompts.points] == [90, 120]


def test_napari_tools_move_and_delete_points(
    prompting: CorrectionPanel, qtbot, controller, hand
) -> None:
    prompts = prompting.corrector.prompts
    for x in (90, 120, 150):
        hand.click(x, 100)
    layer = controller.viewer.layers["clicks: dog"]
    layer.mode = "select"
    hand.click(120, 100)
    hand.type(Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: len(prompts.prompts.points) == 2, timeout=60_000)
    assert [round(x) for x, _ in prompts.prompts.points] == [90, 150]
    hand.click(150, 100)
    hand.drag((150, 100), (150, 130))
    qtbot.waitUntil(lambda: prompts.prompts.points[1][1] > 115, timeout=60_000)
    assert layer.mode == "select"
    assert prompts.prompts.labels == (True, True)


def test_refining_the_mask_that_is_there(
    prompting: CorrectionPanel, session: AnnotationSession, controller, found
) -> None:
    controller.layers.layer(DOG).paint((FRAME, 150, 150), 1)
    prompting.buttons["prompt_from_mask"].click()
    given = prompting.corrector.prompts.prompts.mask
    assert given[150, 150], "with what was painted just now"
    found()
    prompting.buttons["prompt_keep"].click()
    assert session.status(DOG, FRAME) is FrameStatus.EDITED


def test_prompts_wait_in_their_frame(
    prompting: CorrectionPanel, session: AnnotationSession, controller, hand, found
) -> None:
    hand.click(110, 100)
    found()
    controller.navigation.go_to(NEXT)
    assert len(controller.viewer.layers["clicks: dog"].data) == 0
    assert "frame 24" in prompting.how.text()
    hand.type(Qt.Key.Key_Return)
    assert controller.navigation.frame == FRAME
    assert session.status(DOG, FRAME) is FrameStatus.PROPOSED
    hand.type(Qt.Key.Key_Return)
    assert session.status(DOG, FRAME) is FrameStatus.EDITED


def test_the_mode_goes_with_the_chosen_object_and_ends_with_another_tool(
    qtbot, prompting: CorrectionPanel, session: AnnotationSession, controller, hand, found
) -> None:
    controller.choose(DRUM)
    qtbot.waitUntil(lambda: "clicks: drum" in layer_names(controller), timeout=60_000)
    assert controller.viewer.layers.selection.active.name == "clicks: drum"
    hand.click(150, 160)
    found()
    prompting.buttons["prompt_keep"].click()
    assert session.status(DRUM, FRAME) is FrameStatus.EDITED
    controller.viewer.layers.selection.active = controller.layers.layer(DRUM)
    qtbot.waitUntil(lambda: not prompting.corrector.prompts.active, timeout=60_000)
    assert controller.viewer.layers.selection.active is controller.layers.layer(DRUM)
    assert not prompting.buttons["prompt"].isChecked()


def test_deleting_one_of_its_layers_ends_the_mode(
    qtbot, prompting: CorrectionPanel, controller
) -> None:
    controller.viewer.layers.remove("box: dog")
    qtbot.waitUntil(lambda: not prompting.corrector.prompts.active, timeout=60_000)
    assert not any(":" in name and "dog" in name for name in layer_names(controller))


def test_a_model_that_cannot_be_loaded_is_said(
    qtbot, prompting: CorrectionPanel, controller, hand, tmp_path
) -> None:
    from dataclasses import replace

    from napari.utils.notifications import notification_manager

    controller.options = replace(controller.options, model=tmp_path / "missing.safetensors")
    hand.click(110, 100)
    qtbot.waitUntil(lambda: not prompting.corrector.prompts.computing, timeout=60_000)
    assert "missing.safetensors" in notification_manager.records[-1].message


def test_says_that_the_toy_model_is_a_demonstration(prompting: CorrectionPanel) -> None:
    assert "demonstration" in prompting.how.text()


def test_closing_ends_the_work(qtbot, prompting: CorrectionPanel, controller, hand) -> None:
    hand.click(110, 100)
    controller.close()
    assert not prompting.corrector.prompts.active
    assert not any("dog" in name and ":" in name for name in layer_names(controller))
