"""A folder of toy videos in a real viewer, with a controller and the queue panel in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from napari.viewer import Viewer

from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.project import QueuePanel

Until = Callable[..., None]


@pytest.fixture
def folder(toy_video: Path, tmp_path: Path) -> Path:
    """Three videos of the same content."""
    folder = tmp_path / "videos"
    folder.mkdir()
    for number in (1, 2, 10):
        shutil.copy(toy_video, folder / f"clip{number}.mp4")
    return folder


@pytest.fixture
def controller(viewer: Viewer) -> Iterator[AnnotationController]:
    controller = AnnotationController(viewer)
    yield controller
    controller.close()


@pytest.fixture
def panel(viewer: Viewer, controller: AnnotationController) -> QueuePanel:
    panel = QueuePanel(controller)
    viewer.window.add_dock_widget(panel, name="Queue", area="right")
    return panel


@pytest.fixture
def settle(qtbot, panel: QueuePanel, controller: AnnotationController) -> Until:
    """Wait until nothing is opened, looked at or segmented any more."""

    def quiet() -> bool:
        ahead = panel.work.ahead
        return not (panel.work.jobs.busy or controller.jobs.busy or ahead.video)

    def wait(done: Callable[[], bool] = quiet) -> None:
        qtbot.waitUntil(done, timeout=180_000)

    return wait
