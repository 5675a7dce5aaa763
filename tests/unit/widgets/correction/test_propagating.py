"""Propagation in the real viewer, with the bundled model's SAM 2 part."""

from __future__ import annotations

import numpy as np
import pytest
from napari.utils.notifications import notification_manager

from napari_tavis.annotation import AnnotationSession, FrameStatus
from napari_tavis.widgets.correction.panel import CorrectionPanel

pytestmark = pytest.mark.gui

DOG, DRUM = 1, 2
FRAME, SECOND, THIRD, LAST = 23, 48, 73, 123


def masks(session: AnnotationSession) -> dict[int, np.ndarray]:
    return {frame: session.mask(DOG, frame) for frame in session.annotated_frames(DOG)}


def same(first: dict[int, np.ndarray], second: dict[int, np.ndarray]) -> bool:
    return first.keys() == second.keys() and all(
        np.array_equal(first[frame], second[frame]) for frame in first
    )


def test_forwards_writes_what_nobody_checked_and_is_one_step(
    panel: CorrectionPanel, session: AnnotationSession, controller, finished
) -> None:
    session.accept(DOG, THIRD)
    before = masks(session)
    said = []
    controller.said.connect(said.append)
    panel.buttons["propagate_forwards"].click()
    assert not panel.buttons["propagate_forwards"].isEnabled()
    finished()
    after = masks(session)
    for frame in (FRAME, THIRD):
        np.testing.assert_array_equal(after[frame], before[frame])
    assert session.status(DOG, THIRD) is FrameStatus.ACCEPTED
    assert session.status(DOG, SECOND) is FrameStatus.PROPOSED
    changed = [one for one in before if not np.array_equal(before[one], after[one])]
    assert set(changed) <= {SECOND, 98, LAST}
    assert changed
    assert "3 frames" in said[-1]
    assert not any("propagate" in layer.name for layer in controller.viewer.layers)

    controller.navigation.go_to(LAST)
    controller.undo()
    assert same(masks(session), before)
    assert controller.navigation.frame == FRAME
    controller.redo()
    assert same(masks(session), after)


def test_every_frame_of_a_range_backwards(
    panel: CorrectionPanel, session: AnnotationSession, controller, finished
) -> None:
    panel.frames.setCurrentText("every frame")
    panel.extent.setCurrentIndex(1)
    panel.first.setValue(18 / 25)
    panel.buttons["propagate_backwards"].click()
    finished()
    assert session.annotated_frames(DOG) == [18, 19, 20, 21, 22, 23, 48, 73, 98, 123]


def test_cancelling_keeps_what_was_reached_as_one_step(
    qtbot, panel: CorrectionPanel, session: AnnotationSession, controller, finished
) -> None:
    panel.frames.setCurrentText("every frame")
    before = masks(session)
    reached = []
    controller.jobs.progressed.connect(lambda done, total, what: reached.append(done))
    said = []
    controller.said.connect(said.append)
    panel.buttons["propagate_forwards"].click()
    qtbot.waitUntil(lambda: bool(reached) and reached[-1] >= 2, timeout=60_000)
    controller.jobs.cancel()
    finished()
    written = [one for one in session.annotated_frames(DOG) if one not in before]
    assert 2 <= len(written) < LAST - FRAME
    assert "Cancelled: kept" in said[-1]
    controller.undo()
    assert same(masks(session), before)


def test_cancelling_at_once_changes_nothing(
    panel: CorrectionPanel, session: AnnotationSession, controller, finished
) -> None:
    before, said = masks(session), []
    controller.said.connect(said.append)
    panel.buttons["propagate_both"].click()
    controller.jobs.cancel()
    finished()
    assert same(masks(session), before)
    assert "Nothing was changed" in said[-1]


def test_a_mask_that_is_shown_is_kept_first(
    panel: CorrectionPanel, session: AnnotationSession, hand, found, finished
) -> None:
    panel.buttons["prompt"].click()
    hand.click(110, 100)
    found()
    panel.buttons["propagate_forwards"].click()
    finished()
    assert session.status(DOG, FRAME) is FrameStatus.EDITED
    assert session.status(DOG, SECOND) is FrameStatus.PROPOSED


def test_what_is_painted_meanwhile_stays(
    qtbot, panel: CorrectionPanel, session: AnnotationSession, controller, finished
) -> None:
    panel.buttons["propagate_forwards"].click()
    controller.layers.layer(DOG).paint((LAST, 5, 5), 1)
    controller.collect_edits()
    painted = session.mask(DOG, LAST)
    finished()
    np.testing.assert_array_equal(session.mask(DOG, LAST), painted)
    assert session.status(DOG, LAST) is FrameStatus.EDITED


def test_says_what_is_missing(panel: CorrectionPanel, controller) -> None:
    controller.navigation.go_to(50)
    panel.buttons["propagate_both"].click()
    assert "no mask in this frame" in notification_manager.records[-1].message
    assert not controller.jobs.busy
