"""Opening another video in the middle of any work: it ends, and nothing is left half open."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from napari.layers import Labels
from napari.utils.notifications import notification_manager
from napari.viewer import Viewer
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

from napari_tavis.annotation import AnnotationSession
from napari_tavis.media import ffmpeg
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.napari_compat import canvas_of
from napari_tavis.widgets.object_layers import ObjectLayers
from napari_tavis.widgets.reader import video_layers

pytestmark = pytest.mark.gui

DOG, DRUM = 1, 2


@pytest.fixture
def working(dock: AnnotationDock, annotated_video: Path, open_in) -> Iterator[AnnotationDock]:
    """A dock in which the dog is worked on; at the end, nothing unexpected was reported."""
    open_in(dock, annotated_video)
    dock.controller.choose(DOG)
    dock.controller.navigation.go_to(23)
    told = len(notification_manager.records)
    yield dock
    raised = [one for one in list(notification_manager.records)[told:] if hasattr(one, "exception")]
    assert not raised


@pytest.fixture
def opened(qtbot) -> Callable[[AnnotationController, Path], None]:
    """Wait until a video is open, and everything has come to rest."""

    def wait(controller: AnnotationController, path: Path) -> None:
        qtbot.waitUntil(
            lambda: controller.video == path and not controller.jobs.busy, timeout=60_000
        )
        qtbot.wait(300)  # timers of 0 to 150 ms, and a redraw of the canvas
        assert is_whole(controller)

    return wait


def is_whole(controller: AnnotationController) -> bool:
    """Whether one video is open, its session, and the layers of both; and nothing else."""
    layers = controller.viewer.layers
    shown = [clip for layer, clip in video_layers(layers) if layer.visible]
    labels = [layer for layer in layers if isinstance(layer, Labels)]
    session = controller.session
    count = 0 if session is None else sum(item.takes_part for item in session.objects)
    chosen = controller.chosen
    return (
        shown == [controller.clip]
        and len(labels) == count
        and len(layers) == count + len(video_layers(layers))
        and (chosen is None or controller.layers.layer(chosen) in layers)
        and (session is None or session.video == controller.video)
    )


def open_now(dock: AnnotationDock, path: Path) -> None:
    dock.workbench.opener.open(path)


def test_in_the_middle_of_clicking(
    qtbot, working: AnnotationDock, other_video: Path, opened
) -> None:
    prompts = working.annotate.correction.corrector.prompts
    prompts.start()
    prompts.add_point(60.0, 60.0, True)
    open_now(working, other_video)
    opened(working.controller, other_video)
    assert not prompts.active
    prompts.start()
    assert prompts.active
    assert prompts.prompts.empty


def test_with_a_timer_of_the_click_mode_still_to_come(
    working: AnnotationDock, other_video: Path, opened
) -> None:
    controller = working.controller
    prompts = working.annotate.correction.corrector.prompts
    prompts.start()
    controller.jobs.busy_changed.connect(lambda busy: busy or controller.choose(DRUM))
    open_now(working, other_video)
    opened(controller, other_video)
    assert not prompts.active


def test_in_the_middle_of_a_stroke(
    qtbot, viewer: Viewer, working: AnnotationDock, annotated_video, other_video, opened
) -> None:
    controller = working.controller
    controller.layers.layer(DOG).mode = "paint"
    native = canvas_of(viewer)
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton

    def send(kind: QEvent.Type, column: int, button=none, held=left) -> None:
        place = native.rect().center().toPointF()
        place.setX(place.x() + column)
        everywhere = native.mapToGlobal(place)
        event = QMouseEvent(kind, place, everywhere, button, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(native, event)
        qtbot.wait(30)

    before = controller.session.mask(DOG, 23)
    send(QEvent.Type.MouseMove, 0, held=none)
    send(QEvent.Type.MouseButtonPress, 0, left)
    send(QEvent.Type.MouseMove, 30)
    open_now(working, other_video)
    opened(controller, other_video)
    untouched = controller.session.mask(DOG, 23)
    send(QEvent.Type.MouseMove, 60)
    send(QEvent.Type.MouseButtonRelease, 60, left, none)
    controller.collect_edits()
    np.testing.assert_array_equal(controller.session.mask(DOG, 23), untouched)
    saved = AnnotationSession.open(annotated_video).mask(DOG, 23)
    assert (saved & ~before).any()


def test_in_the_middle_of_a_box(
    qtbot, viewer: Viewer, working: AnnotationDock, other_video: Path, opened
) -> None:
    prompts = working.annotate.correction.corrector.prompts
    prompts.start()
    points = viewer.layers.selection.active
    callback = points.mouse_drag_callbacks[0]
    from types import SimpleNamespace

    event = SimpleNamespace(
        pos=np.zeros(2), button=1, modifiers=(), position=(23, 40, 40), type="mouse_press"
    )
    press = callback(points, event)
    next(press)
    open_now(working, other_video)
    opened(working.controller, other_video)
    event.type, event.pos = "mouse_move", np.array([50.0, 50.0])
    assert next(press, None) is None


def test_while_it_plays(working: AnnotationDock, other_video: Path, opened) -> None:
    player = working.workbench.player
    player.play()
    open_now(working, other_video)
    opened(working.controller, other_video)
    assert not player.playing


def endless(started: threading.Event) -> Callable:
    def work(task) -> None:
        task.report(1, 10, "following the object")
        started.set()
        idle = threading.Event()
        while not idle.wait(0.01):  # what waits in earnest leaves the window its time
            task.check()

    return work


def test_while_the_video_is_worked_on_in_the_background(
    working: AnnotationDock, other_video: Path, opened
) -> None:
    started, ended = threading.Event(), []
    working.controller.jobs.start(endless(started), ended.append, ended.append)
    assert started.wait(20)
    open_now(working, other_video)
    opened(working.controller, other_video)
    assert len(ended) == 1


def test_what_has_nothing_to_do_with_the_video_is_waited_for(
    qtbot, working: AnnotationDock, annotated_video, other_video: Path, opened
) -> None:
    go, ended = threading.Event(), []
    working.controller.jobs.start(lambda task: go.wait(60), ended.append, outlasts=True)
    open_now(working, other_video)
    qtbot.wait(100)
    assert working.controller.video == annotated_video
    assert working.workbench.opener.opening == other_video
    assert other_video.name in working.footer.message.value
    go.set()
    opened(working.controller, other_video)
    assert ended == [True]


def test_propagation_that_is_cut_short_is_kept(
    qtbot, working: AnnotationDock, annotated_video, other_video: Path, opened
) -> None:
    controller = working.controller
    from napari_tavis.widgets.correction.filling import Target

    session, reached = controller.session, threading.Event()
    mask = np.ones(session.frame_size, bool)

    def find(task):
        yield 48, mask, 0.5
        reached.set()
        idle = threading.Event()
        while not idle.wait(0.01):  # what waits in earnest leaves the window its time
            task.check()

    target = Target(session, DOG, "Propagate", 23, 3)
    working.annotate.correction.corrector._filling.start(target, find, "Propagated over")
    assert reached.wait(20)
    open_now(working, other_video)
    opened(controller, other_video)
    np.testing.assert_array_equal(AnnotationSession.open(annotated_video).mask(DOG, 48), mask)


def test_while_another_one_is_being_opened(
    working: AnnotationDock, other_video: Path, tmp_path: Path, opened
) -> None:
    third = Path(shutil.copy(other_video, tmp_path / "third.mp4"))
    open_now(working, other_video)
    open_now(working, third)
    opened(working.controller, third)
    assert not AnnotationSession.open(other_video).read_only, "it is let go of"


def test_the_same_video_again_changes_nothing(
    qtbot, viewer: Viewer, working: AnnotationDock, annotated_video: Path, opened
) -> None:
    controller = working.controller
    session, layers = controller.session, list(viewer.layers)
    viewer.layers[0].visible = False
    viewer.open(annotated_video, plugin="napari-tavis")
    open_now(working, annotated_video)
    opened(controller, annotated_video)
    assert controller.session is session
    assert list(viewer.layers) == layers
    assert viewer.layers[0].visible


def test_an_earlier_video_comes_back(
    working: AnnotationDock, annotated_video: Path, other_video: Path, opened
) -> None:
    for path in (other_video, annotated_video, other_video):
        open_now(working, path)
        opened(working.controller, path)


def test_a_listener_that_fails_stops_nothing(
    dock: AnnotationDock, annotated_video, other_video: Path, open_in, opened
) -> None:
    controller = dock.controller
    open_in(dock, annotated_video)

    def fail(*told: object) -> None:
        raise ValueError("a panel's trouble")

    for signal in (
        *(controller.changed, controller.opened, controller.leaving, controller.edited),
        *(controller.chosen_changed, controller.said),
    ):
        signal._listeners.insert(0, (lambda: fail, None))
    open_now(dock, other_video)
    opened(controller, other_video)
    assert notification_manager.records[-1].message == "a panel's trouble"


def test_a_video_that_cannot_be_taken_up_leaves_no_half_of_it(
    dock: AnnotationDock,
    annotated_video,
    other_video: Path,
    open_in,
    qtbot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_in(dock, annotated_video)
    controller = dock.controller
    dock.controller.layers.layer(DOG).paint((23, 200, 200), 1)

    def fail(*args: object) -> None:
        raise MemoryError("no room for a layer")

    with monkeypatch.context() as patched:
        patched.setattr(ObjectLayers, "show_all", fail)
        open_now(dock, other_video)
        qtbot.waitUntil(lambda: controller.video is None, timeout=60_000)
    assert controller.session is None
    assert not [layer for layer in controller.viewer.layers if layer.visible]
    assert not AnnotationSession.open(other_video).read_only
    assert AnnotationSession.open(annotated_video).mask(DOG, 23)[200, 200]
    open_now(dock, other_video)
    qtbot.waitUntil(lambda: controller.video == other_video, timeout=60_000)
    assert is_whole(controller)


def test_closing_in_the_middle_of_opening_lets_go_of_both(
    working: AnnotationDock, annotated_video: Path, other_video: Path
) -> None:
    open_now(working, other_video)
    working.close_session()
    for path in (annotated_video, other_video):
        assert not AnnotationSession.open(path).read_only


def test_what_decoding_shows_is_said(
    qtbot, dock: AnnotationDock, tmp_path: Path, open_in: Callable[..., object]
) -> None:
    path = tmp_path / "joined.ts"
    for begin, size in enumerate(("64x48", "96x48")):
        part = tmp_path / f"{size}.ts"
        source = ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration=1")
        coding = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-output_ts_offset", str(begin))
        subprocess.run([ffmpeg.executable(), "-v", "error", *source, *coding, part], check=True)
        with path.open("ab") as whole:
            whole.write(part.read_bytes())
    open_in(dock, path)

    def said() -> int:
        return sum("changes its size" in str(one.message) for one in notification_manager.records)

    assert said() == 0
    clip = dock.controller.clip
    assert clip is not None
    np.asarray(clip.frames[40])
    dock.controller.navigation.go_to(45)
    qtbot.waitUntil(lambda: said() == 1, timeout=60_000)
    dock.controller.navigation.go_to(46)
    assert said() == 1
