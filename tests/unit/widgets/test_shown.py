"""What is shown is worked out from the session, and handed out where it differs."""

from __future__ import annotations

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession, FrameStatus
from napari_tavis.widgets.shown import resolve, row_of
from napari_tavis.widgets.workbench import Workbench

DOG, DRUM, SCENE = 1, 2, 3


@pytest.fixture
def session(video, proposals) -> AnnotationSession:
    return AnnotationSession.create(video, proposals)


def test_what_is_proposed_accepted_and_edited_is_counted(session: AnnotationSession) -> None:
    assert row_of(session.object(DOG)).status == "proposed"
    session.accept(DOG, 48)
    session.set_mask(DOG, 73, np.zeros(session.frame_size, dtype=bool))
    dog = row_of(session.object(DOG))
    assert dog.status == "2/5 checked"
    assert dog.about_frames == "Frames: 1 accepted, 1 edited, 3 proposed."
    assert sum(dog.counts.values()) == 5
    assert dog.frames == 4
    session.accept(DOG)
    assert row_of(session.object(DOG)).status == FrameStatus.ACCEPTED


def test_rejected_objects_and_the_scene_say_what_they_are(session: AnnotationSession) -> None:
    session.reject(DRUM)
    assert row_of(session.object(DRUM)).status == "rejected"
    assert "Restore" in row_of(session.object(DRUM)).about_class
    assert "all that sounds" in row_of(session.object(SCENE)).about_class


def test_an_object_without_masks_is_empty(session: AnnotationSession) -> None:
    added = row_of(session.add_object("bell"))
    assert added.status == "empty"
    assert added.about_frames == "Nothing is known of any frame yet."


@pytest.mark.gui
def test_a_panel_is_handed_its_part_now_and_where_it_differs(annotated: Workbench) -> None:
    controller = annotated.controller
    controller.navigation.go_to(23)
    rows: list[list[str]] = []
    frames: list[int] = []
    display = annotated.display
    display.follow(lambda shown: shown.objects, lambda part: rows.append([r.status for r in part]))
    display.follow(lambda shown: shown.frames.current, frames.append)
    assert rows == [["proposed"] * 3]
    controller.navigation.go_to(48)
    assert frames == [23, 48]
    assert len(rows) == 1
    controller.choose(DOG)
    annotated.objects.accept_frame()
    assert rows[1:] == [["1/5 checked", "proposed", "proposed"]]
    assert frames == [23, 48]
    controller.layers.layer(DRUM).visible = False
    assert [row.visible for row in display.shown.objects] == [True, False, False]


@pytest.mark.gui
def test_what_is_taken_from_before_is_what_is_resolved_anew(annotated: Workbench) -> None:
    controller = annotated.controller
    controller.choose(DOG)
    before = annotated.display.shown
    controller.navigation.go_to(73)
    after = annotated.display.shown
    assert after.objects is before.objects
    for change in (
        lambda: annotated.objects.rename(DOG, "cat"),
        lambda: annotated.objects.reject(),
        lambda: controller.undo(),
        lambda: controller.do(lambda session: session.set_done(True)),
    ):
        change()
        anew = resolve(controller, annotated.opener, annotated.correction)
        assert annotated.display.shown == anew
