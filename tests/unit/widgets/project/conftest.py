"""A folder of toy videos in a real viewer, with a controller and the queue panel in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from napari.viewer import Viewer

from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.project.queue_panel import QueuePanel
from napari_tavis.widgets.workbench import Workbench

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
def workbench(viewer: Viewer) -> Iterator[Workbench]:
    workbench = Workbench(viewer)
    yield workbench
    workbench.close()


@pytest.fixture
def controller(workbench: Workbench) -> AnnotationController:
    return workbench.controller


@pytest.fixture
def panel(viewer: Viewer, workbench: Workbench) -> QueuePanel:
    panel = QueuePanel(workbench)
    viewer.window.add_dock_widget(panel, name="Queue", area="right")
    return panel


@pytest.fixture
def settle(qtbot, panel: QueuePanel, controller: AnnotationController) -> Until:
    """Wait until nothing is opened, looked at or segmented any more."""

    def quiet() -> bool:
        segmenter = panel.work.segmenter
        return not (panel.work.jobs.busy or controller.jobs.busy or segmenter.video)

    def wait(done: Callable[[], bool] = quiet) -> None:
        qtbot.waitUntil(done, timeout=180_000)

    return wait
