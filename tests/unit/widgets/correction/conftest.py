"""An open, annotated clip in a real viewer, the section "Correct", and a hand on the canvas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from napari.viewer import Viewer
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_tavis.annotation import AnnotationSession
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.correction.panel import CorrectionPanel
from napari_tavis.widgets.napari_compat import canvas_of
from napari_tavis.widgets.work import LoadedModel
from napari_tavis.widgets.workbench import Workbench

_LEFT, _NO_KEY = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


class Hand:
    """Clicks, drags and types on the viewer's canvas; places are columns and rows of the video."""

    def __init__(self, viewer: Viewer, qtbot) -> None:
        self._viewer = viewer
        self._qtbot = qtbot

    @property
    def canvas(self) -> QWidget:
        return canvas_of(self._viewer)

    def click(self, x: float, y: float, *, key=_NO_KEY, button=_LEFT) -> None:
        self._send(QEvent.Type.MouseButtonPress, x, y, button, button, key)
        self._send(QEvent.Type.MouseButtonRelease, x, y, button, Qt.MouseButton.NoButton, key)

    def drag(self, start: tuple[float, float], stop: tuple[float, float]) -> None:
        self._send(QEvent.Type.MouseButtonPress, *start, _LEFT, _LEFT, _NO_KEY)
        for share in (0.3, 0.7, 1.0):
            self._qtbot.wait(20)  # the canvas passes over moves in quicker succession
            x, y = (a + (b - a) * share for a, b in zip(start, stop, strict=True))
            self._send(QEvent.Type.MouseMove, x, y, Qt.MouseButton.NoButton, _LEFT, _NO_KEY)
        self._send(QEvent.Type.MouseButtonRelease, *stop, _LEFT, Qt.MouseButton.NoButton, _NO_KEY)

    def type(self, key: Qt.Key, modifier=_NO_KEY) -> None:
        self._qtbot.keyClick(self.canvas, key, modifier)

    def _send(self, kind: QEvent.Type, x: float, y: float, button, buttons, key) -> None:
        camera = self._viewer.scene.camera
        width, height = self.canvas.width(), self.canvas.height()
        place = QPointF(
            (x - camera.center[-1]) * camera.zoom + width / 2,
            (y - camera.center[-2]) * camera.zoom + height / 2,
        )
        everywhere = self.canvas.mapToGlobal(place)
        event = QMouseEvent(kind, place, everywhere, button, buttons, key)
        QApplication.sendEvent(self.canvas, event)


@pytest.fixture
def hand(viewer: Viewer, qtbot) -> Hand:
    return Hand(viewer, qtbot)


@pytest.fixture(scope="session")
def loaded_model() -> LoadedModel:
    """The bundled model, loaded once."""
    return LoadedModel()


@pytest.fixture
def workbench(
    viewer: Viewer, qtbot, annotated_video: Path, loaded_model: LoadedModel
) -> Iterator[Workbench]:
    """The annotated clip, open; its dog is chosen, the first sampled frame shown."""
    workbench = Workbench(viewer, loaded_model)
    workbench.opener.open(annotated_video)
    controller = workbench.controller
    qtbot.waitUntil(lambda: controller.session is not None, timeout=60_000)
    assert controller.session is not None
    controller.choose(controller.session.objects[0].object_id)
    controller.navigation.go_to(controller.navigation.sampled[0])
    yield workbench
    workbench.close()


@pytest.fixture
def controller(workbench: Workbench) -> AnnotationController:
    return workbench.controller


@pytest.fixture
def panel(qtbot, workbench: Workbench) -> CorrectionPanel:
    panel = CorrectionPanel(workbench)
    qtbot.addWidget(panel)
    workbench.viewer.window.add_dock_widget(panel, name="Correct", area="right")
    return panel


@pytest.fixture
def session(controller: AnnotationController) -> AnnotationSession:
    assert controller.session is not None
    return controller.session


@pytest.fixture
def found(qtbot, panel: CorrectionPanel) -> Callable[[], None]:
    """Wait until the mask of all that was clicked is there."""
    prompts = panel.corrector.prompts

    def wait() -> None:
        def is_there() -> bool:
            return prompts.spot is not None and prompts.book.is_answered(prompts.spot)

        qtbot.waitUntil(is_there, timeout=60_000)

    return wait


@pytest.fixture
def finished(qtbot, controller: AnnotationController) -> Callable[[], None]:
    """Wait until the long work is done."""

    def wait() -> None:
        qtbot.waitUntil(lambda: not controller.jobs.busy, timeout=120_000)

    return wait
