"""Closing the window while work runs: asks once, and loses nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from napari.viewer import Viewer
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication, QDialog, QMessageBox

from napari_tavis.annotation import AnnotationSession
from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.napari_compat import main_window

pytestmark = [pytest.mark.gui, pytest.mark.own_window]

DOG = 1


@pytest.fixture
def working(dock: AnnotationDock, annotated_video: Path, open_in) -> AnnotationDock:
    """A dock with a painted stroke that is not saved, and work that runs until cancelled."""
    open_in(dock, annotated_video)
    started = threading.Event()

    def work(task) -> None:
        task.report(1, 10, "segmenting")
        started.set()
        idle = threading.Event()
        while not idle.wait(0.01):  # what waits in earnest leaves the window its time
            task.check()

    dock.controller.jobs.start(work, lambda result: None)
    assert started.wait(20)
    dock.controller.layers.layer(DOG).paint((23, 200, 200), 1)
    return dock


def answer(button: QMessageBox.StandardButton, asked: list[str]) -> Callable[[], None]:
    """Press a button of the question that is open, and note what is asked."""

    def press() -> None:
        for dialog in QApplication.topLevelWidgets():
            if isinstance(dialog, QDialog) and dialog.isVisible():
                asked.append(dialog.text() if isinstance(dialog, QMessageBox) else "napari's own")
                if isinstance(dialog, QMessageBox):
                    dialog.button(button).click()
                else:
                    dialog.accept()

    return press


def close_as_a_user(
    qtbot, viewer: Viewer, button: QMessageBox.StandardButton
) -> tuple[list[str], bool]:
    """Close the window by its frame; give the questions that came, and whether it is closed."""
    window = main_window(viewer)
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)  # the fixture closes it, too
    asked: list[str] = []
    timer = QTimer()
    timer.timeout.connect(answer(button, asked))
    timer.start(100)
    window.windowHandle().close()
    if button == QMessageBox.StandardButton.Close:
        qtbot.waitUntil(lambda: not window.isVisible(), timeout=60_000)
    else:
        qtbot.wait(500)
    timer.stop()
    return asked, not window.isVisible()


def test_who_says_no_goes_on(qtbot, viewer: Viewer, working: AnnotationDock) -> None:
    qtbot.waitUntil(lambda: working.controller.jobs.doing == "segmenting", timeout=60_000)
    asked, closed = close_as_a_user(qtbot, viewer, QMessageBox.StandardButton.Cancel)
    assert asked == ["Work is running: segmenting."]
    assert not closed
    assert working.controller.jobs.busy


def test_who_says_yes_is_asked_once_and_loses_nothing(
    qtbot, viewer: Viewer, working: AnnotationDock, annotated_video: Path
) -> None:
    jobs = working.controller.jobs
    qtbot.waitUntil(lambda: jobs.doing == "segmenting", timeout=60_000)
    asked, closed = close_as_a_user(qtbot, viewer, QMessageBox.StandardButton.Close)
    assert asked == ["Work is running: segmenting."]
    assert closed
    assert not jobs.busy
    assert AnnotationSession.open(annotated_video).mask(DOG, 23)[200, 200]
