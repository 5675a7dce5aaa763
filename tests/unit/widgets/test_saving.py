"""Where nothing can be written: the window says so for as long as it is so, and loses nothing."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from napari.viewer import Viewer
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication, QDialog, QFileDialog, QMessageBox

from napari_tavis.annotation import AnnotationSession
from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.napari_compat import main_window
from napari_tavis.widgets.opening import may_leave

pytestmark = pytest.mark.gui

DOG = 1
SPOT = (23, 200, 200)
CANCEL, SAVE, LOSE = (
    QMessageBox.StandardButton.Cancel,
    QMessageBox.StandardButton.Save,
    QMessageBox.StandardButton.Discard,
)


class Disk:
    """The disk of this process: full for all but the shortest files, or not."""

    def __init__(self) -> None:
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, self._limits[1]))

    def clear(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk()
    yield disk
    disk.clear()


@pytest.fixture
def unsaved(
    qtbot, dock: AnnotationDock, annotated_video: Path, open_in, disk: Disk
) -> Iterator[AnnotationDock]:
    """A dock in which something was painted that cannot be saved."""
    open_in(dock, annotated_video)
    disk.fill()
    noise = np.random.default_rng(0).random((224, 224)) < 0.5
    noise[SPOT[1:]] = True
    dock.controller.layers.layer(DOG).data[SPOT[0]] = noise  # more than the disk has room for
    qtbot.waitUntil(lambda: not dock.controller.saves, timeout=60_000)
    yield dock
    disk.clear()


class Answers:
    """Presses a button of each question that comes, and notes what was asked."""

    def __init__(self, button: QMessageBox.StandardButton) -> None:
        self.asked: list[str] = []
        self._button = button
        self._timer = QTimer()
        self._timer.timeout.connect(self._press)
        self._timer.start(50)

    def _press(self) -> None:
        for dialog in QApplication.topLevelWidgets():
            if isinstance(dialog, QDialog) and dialog.isVisible():
                self.asked.append(getattr(dialog, "text", str)())
                if isinstance(dialog, QMessageBox):
                    dialog.button(self._button).click()
                else:
                    dialog.accept()

    def __enter__(self) -> Answers:
        return self

    def __exit__(self, *error: object) -> None:
        self._timer.stop()


def is_painted(video: Path) -> bool:
    return bool(AnnotationSession.open(video, read_only=True).mask(DOG, SPOT[0])[SPOT[1:]])


def test_the_line_stays_until_saving_works_again_by_itself(
    qtbot, unsaved: AnnotationDock, annotated_video: Path, disk: Disk
) -> None:
    assert unsaved.notice.isVisible()
    assert unsaved.notice.text().startswith("Nothing is saved now.")
    unsaved.controller.said.emit("Something else was done.")
    unsaved.controller.changed.emit()
    assert unsaved.notice.isVisible()
    disk.clear()
    qtbot.waitUntil(lambda: not unsaved.notice.isVisible(), timeout=60_000)
    assert is_painted(annotated_video)


def close_as_a_user(qtbot, viewer: Viewer, closes: bool = True) -> bool:
    window = main_window(viewer)
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)  # the fixture closes it, too
    window.windowHandle().close()
    if closes:
        qtbot.waitUntil(lambda: not window.isVisible(), timeout=60_000)
    else:
        qtbot.wait(500)
    return not window.isVisible()


@pytest.mark.own_window
def test_closing_asks_and_who_says_no_loses_nothing(
    qtbot, viewer: Viewer, unsaved: AnnotationDock, annotated_video: Path, disk: Disk
) -> None:
    with Answers(CANCEL) as answers:
        assert not close_as_a_user(qtbot, viewer, closes=False)
    assert answers.asked == ["What you did in clip.mp4 since the last save is not on disk."]
    disk.clear()
    with Answers(CANCEL) as answers:
        assert close_as_a_user(qtbot, viewer)
    assert not any(answers.asked), "napari's own question, if any"
    assert is_painted(annotated_video)


@pytest.mark.own_window
def test_who_gives_it_up_is_not_kept(qtbot, viewer: Viewer, unsaved: AnnotationDock) -> None:
    with Answers(LOSE) as answers:
        assert close_as_a_user(qtbot, viewer)
    assert len(answers.asked) == 1


@pytest.mark.own_window
def test_what_cannot_be_saved_can_be_saved_elsewhere(
    qtbot,
    viewer: Viewer,
    unsaved: AnnotationDock,
    tmp_path: Path,
    disk: Disk,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()

    def choose(*args: object) -> str:
        disk.clear()
        return str(stick)

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", choose)
    with Answers(SAVE) as answers:
        assert close_as_a_user(qtbot, viewer)
    assert len(answers.asked) == 1
    (kept,) = stick.iterdir()
    assert is_painted(kept)


def test_another_video_is_not_opened_over_what_would_be_lost(
    qtbot, other_video: Path, unsaved: AnnotationDock, annotated_video: Path, disk: Disk
) -> None:
    controller = unsaved.controller
    session = controller.session
    with Answers(CANCEL) as answers:
        unsaved.workbench.opener.open(other_video)
        qtbot.waitUntil(lambda: bool(answers.asked) and not controller.jobs.busy, timeout=60_000)
        qtbot.wait(100)
    assert controller.session is session
    assert controller.video == annotated_video
    assert unsaved.notice.isVisible()
    with Answers(LOSE) as answers:
        unsaved.workbench.opener.open(other_video)
        qtbot.waitUntil(lambda: controller.video == other_video, timeout=60_000)
    assert len(answers.asked) == 1
    # The disk is full for this one as well, but nothing of it is unsaved.
    assert not unsaved.notice.text().startswith("Nothing is saved now.")
    disk.clear()


def test_a_dock_that_is_closed_asks_too(
    qtbot, viewer: Viewer, unsaved: AnnotationDock, annotated_video: Path
) -> None:
    with Answers(LOSE) as answers:
        viewer.window.remove_dock_widget(unsaved)
    assert len(answers.asked) == 1


def test_a_program_that_closes_is_not_asked(unsaved: AnnotationDock) -> None:
    with Answers(LOSE) as answers:
        unsaved.close_session()
    assert answers.asked == []


def test_nothing_is_asked_where_all_can_be_saved(
    dock: AnnotationDock, annotated_video: Path, open_in: Callable
) -> None:
    open_in(dock, annotated_video)
    dock.controller.layers.layer(DOG).paint(SPOT, 1)
    with Answers(CANCEL) as answers:
        assert may_leave(dock.controller)
    assert answers.asked == []
    assert is_painted(annotated_video)


def test_where_else_a_session_is_kept_is_said_as_soon_as_it_moves_and_after_opening(
    qtbot,
    dock: AnnotationDock,
    annotated_video: Path,
    other_video: Path,
    open_in: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NAPARI_TAVIS_HOME", str(tmp_path / "home"))
    share = tmp_path / "share"
    share.mkdir()
    place = AnnotationSession.default_path(annotated_video)
    video = annotated_video.rename(share / annotated_video.name)
    place.rename(share / place.name)
    open_in(dock, video)
    controller = dock.controller
    assert controller.session.video == video
    assert not dock.notice.isVisible()
    away = share.rename(tmp_path / "unmounted")
    controller.layers.layer(DOG).paint(SPOT, 1)
    qtbot.waitUntil(dock.notice.isVisible, timeout=60_000)
    assert controller.saves
    kept = controller.session.path
    assert dock.notice.text() == controller.session.elsewhere
    assert str(kept) in dock.notice.text()
    controller.layers.layer(DOG).paint(SPOT, 0)
    controller.collect_edits()
    assert controller.save_now() is None
    assert dock.notice.isVisible()

    open_in(dock, other_video)
    assert not dock.notice.isVisible()
    (away / place.name).rename(tmp_path / "gone")  # nothing can be written beside the video
    (away / place.name).mkdir()
    away.rename(share)
    open_in(dock, video)
    assert controller.session.path == kept
    assert dock.notice.isVisible()
    assert str(kept) in dock.notice.text()
