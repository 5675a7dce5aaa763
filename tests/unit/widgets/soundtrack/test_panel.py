"""The Soundtrack panel in a real viewer: mouse, keys, and playing along the silent clock."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from napari.viewer import Viewer
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_tavis.annotation import AnnotationSession
from napari_tavis.core.errors import NoSoundOutputError
from napari_tavis.media import ffmpeg, open_clip
from napari_tavis.widgets.commands import COMMANDS
from napari_tavis.widgets.napari_compat import canvas_of
from napari_tavis.widgets.soundtrack.panel import SoundtrackPanel
from napari_tavis.widgets.workbench import Workbench

pytestmark = pytest.mark.gui


def refuse(fill):
    raise NoSoundOutputError("Playing without sound, since this is a test.")


@pytest.fixture
def workbench(viewer: Viewer) -> Iterator[Workbench]:
    workbench = Workbench(viewer)
    yield workbench
    workbench.close()


@pytest.fixture
def empty_panel(viewer: Viewer, workbench: Workbench) -> SoundtrackPanel:
    """The panel below a viewer without a video; no sound is made."""
    panel = SoundtrackPanel(workbench)
    panel.player._open_output = refuse
    viewer.window.add_dock_widget(panel, name="Soundtrack", area="bottom")
    return panel


@pytest.fixture
def panel(
    empty_panel: SoundtrackPanel, workbench: Workbench, annotated_video: Path, qtbot
) -> SoundtrackPanel:
    """The same with a video and its session, all drawn."""
    workbench.opener.open(annotated_video)
    qtbot.waitUntil(lambda: is_drawn(empty_panel), timeout=60_000)
    return empty_panel


def is_drawn(panel: SoundtrackPanel) -> bool:
    """Say whether the whole sound and both objects are to be seen."""
    times = panel.plots._curve.getData()[0]
    drawn = times is not None and len(times) > 0 and times[-1] > 4.9
    return drawn and len(panel.plots._rows) == 2 and not panel.scan.running


def place_of(panel: SoundtrackPanel, seconds: float, plot: object = None) -> QPoint:
    """Give where a time is on the panel's pictures, in pixels."""
    view = (plot or panel.plots.wave).getViewBox()
    bottom, top = view.viewRange()[1]
    in_scene = view.mapViewToScene(QPointF(seconds, (bottom + top) / 2))
    return panel.plots.mapFromScene(in_scene)


def click(panel: SoundtrackPanel, seconds: float, plot: object = None, shift: bool = False) -> None:
    modifiers = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
    where = place_of(panel, seconds, plot)
    QTest.mouseClick(panel.plots.viewport(), Qt.MouseButton.LeftButton, modifiers, where)


def drag(panel: SoundtrackPanel, begin: float, end: float, button: str, shift=False) -> None:
    modifiers = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
    viewport, which = panel.plots.viewport(), getattr(Qt.MouseButton, button)
    QTest.mousePress(viewport, which, modifiers, place_of(panel, begin))
    places = [place_of(panel, begin + (end - begin) * share) for share in (0.3, 0.6, 1.0)]
    for place in places:  # QTest.mouseMove tells of no pressed button
        _move(viewport, place, which, modifiers)
    QTest.mouseRelease(viewport, which, modifiers, places[-1])


def _move(viewport, place: QPoint, button, modifiers) -> None:
    where, none = QPointF(place), Qt.MouseButton.NoButton
    there = QPointF(viewport.mapToGlobal(place))
    kind = QEvent.Type.MouseMove
    QApplication.sendEvent(viewport, QMouseEvent(kind, where, there, none, button, modifiers))


def test_the_sound_of_the_file_is_drawn_at_its_time(panel: SoundtrackPanel) -> None:
    x, y = panel.plots._curve.getData()
    with open_clip(panel.controller.clip.path) as clip:
        sound = clip.soundtrack()
    assert x[0] == pytest.approx(0.0, abs=0.01)
    assert x[-1] == pytest.approx(5.0, abs=0.01)
    loudest = np.argmax(sound) / 16_000
    assert x[np.argmax(y)] == pytest.approx(loudest, abs=0.01)
    assert panel.plots._picture.isVisible()


def test_the_cursor_goes_with_naparis_slider(panel: SoundtrackPanel) -> None:
    panel.controller.navigation.go_to(50)
    assert panel.plots._cursors[0].value() == pytest.approx(2.0)
    assert panel.where.text() == "0:02.00 / 0:05.00"


def test_a_click_and_a_drag_seek(panel: SoundtrackPanel, qtbot) -> None:
    click(panel, 3.21)
    assert panel.controller.navigation.frame == 80
    qtbot.wait(QApplication.doubleClickInterval() + 50)
    drag(panel, 1.0, 4.0, "LeftButton")
    assert panel.controller.navigation.frame == pytest.approx(100, abs=1)


def test_the_wheel_zooms_and_the_right_button_pans(panel: SoundtrackPanel) -> None:
    view = panel.plots.view
    view.zoom(0.25, 2.0)
    first, last = view.viewRange()[0]
    assert (first, last) == (pytest.approx(1.5), pytest.approx(2.75))
    drag(panel, 2.5, 2.0, "RightButton")
    assert view.viewRange()[0][0] == pytest.approx(2.0, abs=0.02)
    assert panel.plots.wave.getViewBox().viewRange()[0] == view.viewRange()[0]
    panel.all.click()
    assert view.viewRange()[0] == [pytest.approx(0.0), pytest.approx(5.0)]
    view.zoom(100)
    assert view.viewRange()[0][1] <= 5.0 + 1e-6


def test_a_shift_drag_selects_a_stretch_and_a_click_lets_it_go(panel: SoundtrackPanel) -> None:
    drag(panel, 1.0, 2.0, "LeftButton", shift=True)
    assert panel.player.stretch == pytest.approx((1.0, 2.0), abs=0.02)
    assert panel.loop.isChecked()
    assert panel.clear.isVisible()
    click(panel, 3.0, shift=True)
    assert panel.player.stretch is None
    assert not panel.clear.isVisible()


def test_a_click_in_a_row_chooses_the_object(panel: SoundtrackPanel, qtbot) -> None:
    controller = panel.controller
    names = {item.object_id: item.class_name for item in controller.session.objects}
    for share, row in ((0.75, 0), (0.25, 1)):
        view = panel.plots.view
        top = view.viewRange()[1][1]
        where = panel.plots.mapFromScene(view.mapViewToScene(QPointF(1.0, share * top)))
        QTest.mouseClick(panel.plots.viewport(), Qt.MouseButton.LeftButton, pos=where)
        assert names[controller.chosen] == panel.plots._rows[row].name
        qtbot.wait(QApplication.doubleClickInterval() + 50)


def test_an_edit_is_seen_in_its_row(panel: SoundtrackPanel, qtbot) -> None:
    session: AnnotationSession = panel.controller.session
    dog = next(item for item in session.objects if item.class_name == "dog")
    panel.controller.do(lambda session: session.accept(dog.object_id, 23))
    qtbot.waitUntil(
        lambda: "accepted" in {bar.status for bar in panel.plots._rows[0].bars}, timeout=60_000
    )


def test_playing_moves_the_frames_and_says_why_it_is_silent(panel: SoundtrackPanel, qtbot) -> None:
    navigation = panel.controller.navigation
    shown: list[int] = []
    navigation.moved.connect(shown.append)
    navigation.go_to(100)
    panel.play.click()
    assert panel.play.text().endswith("Pause")
    qtbot.waitUntil(lambda: not panel.player.playing, timeout=60_000)
    assert shown == sorted(shown)
    assert shown[-1] == 124
    assert panel.message.text() == "Playing without sound, since this is a test."
    panel.player.play()  # at the end it begins anew
    qtbot.waitUntil(lambda: 0 < navigation.frame < 100, timeout=60_000)
    panel.player.pause()


def test_a_stretch_is_repeated(panel: SoundtrackPanel, qtbot) -> None:
    shown: list[int] = []
    panel.player.select((1.0, 1.4))
    panel.player.set_half_speed(True)
    panel.controller.navigation.moved.connect(shown.append)
    panel.player.play()
    qtbot.waitUntil(lambda: shown != sorted(shown), timeout=60_000)
    panel.player.pause()
    assert set(shown) <= set(range(25, 36))


def test_moving_the_slider_while_it_plays_goes_on_from_there(panel: SoundtrackPanel, qtbot) -> None:
    navigation = panel.controller.navigation
    panel.player.play()
    qtbot.waitUntil(lambda: navigation.frame > 0, timeout=60_000)
    navigation.go_to(90)
    qtbot.waitUntil(lambda: navigation.frame > 90, timeout=60_000)
    assert panel.player.playing


def test_the_space_bar_plays_in_the_panel(panel: SoundtrackPanel, qtbot) -> None:
    click(panel, 1.0)
    QTest.keyClick(panel, Qt.Key.Key_Space)
    assert panel.player.playing
    QTest.keyClick(panel, Qt.Key.Key_Space)
    assert not panel.player.playing


def test_over_the_canvas_a_tap_plays_and_holding_still_pans(
    panel: SoundtrackPanel, viewer: Viewer
) -> None:
    canvas = canvas_of(viewer)
    layer = panel.controller.layers.layer(panel.controller.session.objects[0].object_id)
    viewer.layers.selection.active = layer
    layer.mode = "paint"
    clock = iter([0.0, 0.1, 10.0, 11.0, 20.0, 20.1])
    panel._tap._clock = lambda: next(clock)
    QTest.keyClick(canvas, Qt.Key.Key_Space)
    assert panel.player.playing
    panel.player.pause()
    QTest.keyPress(canvas, Qt.Key.Key_Space)
    assert layer.mode == "pan_zoom"
    QTest.keyRelease(canvas, Qt.Key.Key_Space)
    assert layer.mode == "paint"
    assert not panel.player.playing
    QTest.keyPress(canvas, Qt.Key.Key_Space)
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
    QTest.keyRelease(canvas, Qt.Key.Key_Space)
    assert not panel.player.playing


def test_the_commands_reach_the_player(panel: SoundtrackPanel, workbench: Workbench) -> None:
    COMMANDS["play"].run(workbench)
    assert panel.player.playing
    COMMANDS["half_speed"].run(workbench)
    COMMANDS["loop"].run(workbench)
    assert panel.half.isChecked()
    assert panel.loop.isChecked()
    COMMANDS["play"].run(workbench)
    assert not panel.player.playing


def test_without_a_video_the_controls_say_why(empty_panel: SoundtrackPanel) -> None:
    panel = empty_panel
    for button in (panel.play, panel.loop, panel.half, panel.smaller, panel.larger, panel.all):
        assert not button.isEnabled()
        assert button.toolTip().endswith("Open a video first.")
    panel.player.play()
    assert not panel.player.playing


def test_a_video_without_sound_says_so_and_plays(
    empty_panel: SoundtrackPanel, workbench: Workbench, silent_video: Path, qtbot
) -> None:
    panel = empty_panel
    workbench.opener.open(silent_video)
    qtbot.waitUntil(lambda: "no soundtrack" in panel.message.text(), timeout=60_000)
    assert panel.scan.overview is None
    panel.player.play()
    qtbot.waitUntil(lambda: panel.controller.navigation.frame > 2, timeout=60_000)
    panel.player.pause()


def test_the_colours_follow_the_theme(panel: SoundtrackPanel, viewer: Viewer) -> None:
    def brightness() -> int:
        return panel.plots.grab().toImage().pixelColor(3, 3).lightness()

    viewer.theme = "dark"
    dark = brightness()
    viewer.theme = "light"
    assert dark < 80 < 180 < brightness()


def test_pyqtgraph_is_on_the_binding_of_napari() -> None:
    import pyqtgraph
    import qtpy

    assert pyqtgraph.Qt.QT_LIB == qtpy.API_NAME


def silence(path: Path, seconds: int) -> Path:
    """A long video that is written quickly."""
    picture = ("-f", "lavfi", "-i", f"color=size=16x16:rate=1:duration={seconds}")
    sound = ("-f", "lavfi", "-i", "anullsrc=sample_rate=16000:channel_layout=mono")
    coding = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", "-t", str(seconds))
    subprocess.run(
        [ffmpeg.executable(), "-v", "error", *picture, *sound, *coding, path], check=True
    )
    return path


def test_a_long_reading_can_be_stopped_and_what_is_drawn_stays(
    empty_panel: SoundtrackPanel, workbench: Workbench, tmp_path: Path, qtbot
) -> None:
    panel = empty_panel
    workbench.opener.open(silence(tmp_path / "long.mp4", seconds=600))
    panel.scan.grown.connect(panel.scan.cancel)
    with qtbot.waitSignal(panel.scan.ended, timeout=60_000) as ended:
        assert panel.scan.overview is None or panel.scan.overview.known < 600
    assert ended.args == [False]
    assert not panel.cancel.isVisible()
    assert "not drawn" in panel.message.text()
    known = panel.scan.overview.known
    assert 0 < known < 600

    def drawn() -> float:
        times = panel.plots._curve.getData()[0]
        return float(times[-1]) if times is not None and len(times) else 0.0

    qtbot.waitUntil(lambda: abs(drawn() - known) < 0.5, timeout=60_000)
