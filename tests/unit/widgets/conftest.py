"""A real viewer with the dock widget, and videos with and without a saved session."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from napari._qt.qt_main_window import _QtMainWindow
from napari._qt.qt_viewer import QtViewer
from napari._qt.threads.status_checker import StatusChecker
from napari.components import ViewerModel
from napari.settings import get_settings
from napari.viewer import Viewer
from qtpy.QtCore import QCoreApplication, QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.proposals import Proposal, Proposals
from napari_tavis.media import open_clip
from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.launch import add_dock
from napari_tavis.widgets.napari_compat import canvas_of
from napari_tavis.widgets.workbench import Workbench

SAMPLED = [23, 48, 73, 98, 123]


def disk(size: tuple[int, int], row: float, column: float, radius: float) -> np.ndarray:
    rows, columns = np.ogrid[: size[0], : size[1]]
    return (rows - row) ** 2 + (columns - column) ** 2 < radius**2


def example_proposals(video: Path) -> Proposals:
    """A dog in all sampled frames, a drum in two, and the scene mask of both."""
    with open_clip(video) as clip:
        size, times = clip.size, clip.times
    dog = {frame: disk(size, 60, 60 + frame / 2, 30) for frame in SAMPLED}
    drum = {frame: disk(size, 160, 150, 25) for frame in SAMPLED[:2]}
    scene = {frame: dog[frame] | drum.get(frame, False) for frame in SAMPLED}
    objects = [
        Proposal("dog", 0.9, dog, dict.fromkeys(dog, 0.9)),
        Proposal("drum", 0.7, drum, dict.fromkeys(drum, 0.7)),
        Proposal("scene", 0.8, scene, dict.fromkeys(scene, 0.8), kind="scene"),
    ]
    return Proposals(
        SAMPLED, times[SAMPLED], size, objects, vocabulary=("dog", "drum"), frame_count=len(times)
    )


@pytest.fixture
def proposals(toy_video: Path) -> Proposals:
    return example_proposals(toy_video)


@pytest.fixture
def video(toy_video: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(toy_video, tmp_path / "clip.mp4"))


@pytest.fixture
def annotated_video(video: Path) -> Path:
    AnnotationSession.create(video, example_proposals(video)).save()
    return video


@pytest.fixture
def other_video(toy_video: Path, tmp_path: Path) -> Path:
    """Another annotated video."""
    path = Path(shutil.copy(toy_video, tmp_path / "other.mp4"))
    AnnotationSession.create(path, example_proposals(path)).save()
    return path


@pytest.fixture(scope="session")
def shared_viewer(qapp: QApplication) -> Iterator[Viewer]:
    """A viewer whose window stays: making and closing one takes seconds.

    Its canvas takes the mouse and knows where it looks, but draws no layer: no test here looks at
    the picture, which takes Mesa a tenth of a second each time. Those of `tests/integration` do.
    """
    with pytest.MonkeyPatch.context() as patch:  # as `make_napari_viewer` does
        patch.setattr(StatusChecker, "start", lambda *_: None)
        patch.setattr(_QtMainWindow, "_save_current_window_settings", lambda *_: None)
        viewer = Viewer(show_welcome_screen=False)
        QtViewer._instances.clear()  # it is no leak
        canvas = viewer.window._qt_viewer.canvas
        scene = canvas._scene_canvas
        scene.events.draw.disconnect(scene.on_draw)
        # vispy finds what lies below the mouse by drawing; here, nothing but the view does.
        patch.setattr(scene, "visual_at", lambda pos: canvas.view)
        yield viewer
        viewer.close()


@pytest.fixture
def viewer(request: pytest.FixtureRequest) -> Iterator[Viewer]:
    """An empty viewer; a test marked ``own_window`` may close it."""
    gc.collect()
    gc.freeze()  # what the test before imported; see `_frozen`
    if request.node.get_closest_marker("own_window"):
        yield request.getfixturevalue("make_napari_viewer")(show=True)
        return
    viewer = request.getfixturevalue("shared_viewer")
    with request.getfixturevalue("qtbot").waitExposed(viewer.window._qt_window, timeout=60_000):
        pass
    yield viewer
    _clean(viewer)


def _clean(viewer: Viewer) -> None:
    """Leave nothing of a test in the window that others use."""
    # vispy deletes textures and buffers in whichever context is the current one.
    viewer.window._qt_viewer.canvas._scene_canvas.set_current()
    viewer.layers.clear()
    for docked in list(viewer.window._wrapped_dock_widgets.values()):
        inner = docked.inner_widget()
        viewer.window.remove_dock_widget(docked)
        inner.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()
    viewer.dims.reset()
    viewer.reset_view()
    get_settings().reset()
    viewer.theme = get_settings().appearance.theme


@pytest.fixture
def workbench(qapp: QApplication) -> Iterator[Workbench]:
    """A workbench that has neither window nor panel."""
    workbench = Workbench(ViewerModel())
    yield workbench
    workbench.close()


@pytest.fixture
def annotated(qtbot, workbench: Workbench, annotated_video: Path) -> Workbench:
    """The workbench with the annotated video, its first object chosen."""
    workbench.opener.open(annotated_video)
    qtbot.waitUntil(lambda: workbench.session is not None, timeout=60_000)
    workbench.controller.choose(workbench.objects.all[0].object_id)
    return workbench


@pytest.fixture
def dock(viewer: Viewer) -> Iterator[AnnotationDock]:
    dock = add_dock(viewer)
    yield dock
    dock.close_session()


@pytest.fixture
def open_in(qtbot) -> Callable[[AnnotationDock, Path], None]:
    """Choose a video in the dock, and wait until it is open."""

    def choose(dock: AnnotationDock, path: Path) -> None:
        dock.annotate.settings.video.value = path
        opener, jobs = dock.workbench.opener, dock.controller.jobs
        qtbot.waitUntil(lambda: opener.opening is None and not jobs.busy, timeout=60_000)

    return choose


def canvas_position(viewer: Viewer, row: float, column: float) -> QPointF:
    """Where a pixel of the shown frame is on the canvas widget."""
    native = canvas_of(viewer)
    camera = viewer.scene.camera
    _, centre_row, centre_column = camera.center
    zoom = camera.zoom
    x = native.width() / 2 + (column - centre_column) * zoom
    y = native.height() / 2 + (row - centre_row) * zoom
    return QPointF(x, y)


def draw_stroke(viewer: Viewer, *pixels: tuple[float, float]) -> None:
    """Press the mouse on the first pixel, drag it over the others, and let go."""
    native = canvas_of(viewer)
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton

    def send(
        kind: QEvent.Type,
        pixel: tuple[float, float],
        button: Qt.MouseButton,
        held: Qt.MouseButton,
    ) -> None:
        place = canvas_position(viewer, *pixel)  # now: the window may still be laid out
        everywhere = native.mapToGlobal(place)
        event = QMouseEvent(kind, place, everywhere, button, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(native, event)

    send(QEvent.Type.MouseMove, pixels[0], none, none)
    send(QEvent.Type.MouseButtonPress, pixels[0], left, left)
    for pixel in pixels[1:]:
        QTest.qWait(20)  # moves that follow each other too closely are dropped
        send(QEvent.Type.MouseMove, pixel, none, left)
    send(QEvent.Type.MouseButtonRelease, pixels[-1], left, none)


@pytest.fixture
def stroke(viewer: Viewer) -> Callable[..., None]:
    """Draw one stroke with the mouse, over pixels given as (row, column)."""
    return lambda *pixels: draw_stroke(viewer, *pixels)
