"""The panel below the canvas: see the sound, go to a time, hear it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from napari.utils.notifications import show_warning
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtGui import QKeyEvent, QShowEvent
from qtpy.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from napari_tavis.core.tasks import Task
from napari_tavis.media import Clip
from napari_tavis.media.overview import SoundOverview, scan_soundtrack
from napari_tavis.widgets.enabling import CommandButtons, allow
from napari_tavis.widgets.frame_strip import STATUS_COLORS
from napari_tavis.widgets.jobs import JobRunner, report_error
from napari_tavis.widgets.soundtrack.bars import Bar, object_bars
from napari_tavis.widgets.soundtrack.plots import Row, SoundtrackPlots, style_of
from napari_tavis.widgets.soundtrack.time_axis import LEAST_SECONDS, describe_time
from napari_tavis.widgets.workbench import Workbench

_SMALLER = "Show less time. The mouse wheel does the same."
_LARGER = "Show more time. The mouse wheel does the same."
_ALL = "Show the whole video. A double-click does the same."
_CANCEL = "Stop reading the soundtrack. What is drawn stays."
_HOW = (
    "Click or drag: go there. Shift+drag: select a stretch to repeat.\n"
    "Wheel: zoom. Right button or Shift+wheel: pan. Double-click: show all.\n"
    "Click in an object's row: choose it. The height of its bars is the model's score."
)
_COLORS = "The colours of the objects' bars show how far each frame has been checked."
_LEGEND = "<small>{}</small>".format(
    " ".join(
        f'<span style="color:{color}">■</span>&nbsp;{status.value}'
        for status, color in STATUS_COLORS.items()
        if status is not None
    )
)
_NO_VIDEO = "Open a video first."
_REDRAW_MS = 60
_ZOOM = 1.6

_TAP_SECONDS = 0.3
_KEYS = {QEvent.Type.KeyPress, QEvent.Type.KeyRelease}
_USED_WITH_SPACE = {QEvent.Type.MouseButtonPress, QEvent.Type.Wheel}


class SoundtrackPanel(QWidget):
    """Shows the soundtrack on the video's own time axis, and seeks and plays in it."""

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        controller = self.controller = workbench.controller
        self.player = workbench.player
        self._buttons = CommandButtons(workbench)
        self.scan = SoundtrackScan(self)
        self.plots = SoundtrackPlots(style_of(controller.viewer.theme))
        self._clip: Clip | None = None
        self._bars: dict[int, list[Bar]] = {}  # of the objects that have not changed since
        self._warned: set[str] = set()  # what was said loudly already
        self._tap = SpaceTap(self.player.toggle, parent=self)
        self._redraw = QTimer(self)
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(_REDRAW_MS)
        self._arrange()
        self._connect()
        self._refresh()

    # -- building --------------------------------------------------------------------------

    def _arrange(self) -> None:
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.play = self._button("▶ Play")
        self.play.setMinimumWidth(72)
        self.loop = self._button("Loop", checkable=True)
        self.half = self._button("½ speed", checkable=True)
        self.clear = self._button("Clear")
        self.smaller, self.larger, self.all = map(self._button, ("+", "-", "All"))
        self.where = QLabel()
        self.legend = QLabel(_LEGEND)
        self.legend.setToolTip(_COLORS)
        self.message = QElidingLabel()
        for label in (self.legend, self.message):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.cancel = self._button("Stop")
        self.cancel.setToolTip(_CANCEL)
        self.plots.setToolTip(_HOW)
        bar = QHBoxLayout()
        bar.setContentsMargins(6, 0, 6, 0)
        bar.setSpacing(2)
        for part in (self.play, self.loop, self.half, self.clear, self.where):
            bar.addWidget(part)
        bar.addSpacing(4)
        bar.addWidget(self.legend, 1)
        bar.addWidget(self.message, 1)
        for part in (self.cancel, self.smaller, self.larger, self.all):
            bar.addWidget(part)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(bar)
        layout.addWidget(self.plots, 1)

    def _button(self, text: str, checkable: bool = False) -> QPushButton:
        button = QPushButton(text, self)
        button.setCheckable(checkable)
        button.setMinimumWidth(28)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # space plays instead of pressing it
        return button

    def _connect(self) -> None:
        controller, player, plots = self.controller, self.player, self.plots
        self._buttons.bind(self.play, "play")
        self._buttons.bind(self.loop, "loop")
        self._buttons.bind(self.half, "half_speed")
        self._buttons.bind(self.clear, "clear_stretch")
        self.smaller.clicked.connect(lambda: plots.view.zoom(1 / _ZOOM))
        self.larger.clicked.connect(lambda: plots.view.zoom(_ZOOM))
        self.all.clicked.connect(plots.view.show_all)
        self.cancel.clicked.connect(self.scan.cancel)
        plots.sought.connect(player.seek)
        plots.selected.connect(self._on_selected)
        plots.row_clicked.connect(controller.choose)
        player.changed.connect(self._refresh_controls)
        player.moved.connect(self._show_time)
        player.silent.connect(self._on_silent)
        self.scan.grown.connect(self._on_grown)
        self.scan.ended.connect(self._on_scanned)
        self._redraw.timeout.connect(self._draw)
        controller.changed.connect(self._refresh)
        controller.edited.connect(self._on_edited)
        controller.chosen_changed.connect(self._on_chosen)
        controller.navigation.moved.connect(self._on_moved)
        controller.closing.connect(self.close_panel)
        controller.viewer.events.theme.connect(self._on_theme)

    def close_panel(self, window_stays: bool = True) -> None:
        """Stop reading, and let go of the viewer and the player."""
        controller = self.controller
        controller.changed.disconnect(self._refresh)
        controller.edited.disconnect(self._on_edited)
        controller.chosen_changed.disconnect(self._on_chosen)
        controller.navigation.moved.disconnect(self._on_moved)
        controller.closing.disconnect(self.close_panel)
        controller.viewer.events.theme.disconnect(self._on_theme)
        if isalive(self):  # a window that is destroyed takes its timers and threads along
            self.player.changed.disconnect(self._refresh_controls)
            self.player.moved.disconnect(self._show_time)
            self.player.silent.disconnect(self._on_silent)
            self._redraw.stop()
            self._tap.close()
            self.scan.close()

    # -- what the user does ----------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Play or pause with the space bar; leave other keys to napari."""
        if event.key() == Qt.Key.Key_Space and not event.modifiers():
            if not event.isAutoRepeat():
                self.player.toggle()
            event.accept()
        else:
            super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Start listening for taps over the canvas, now that there is a window."""
        super().showEvent(event)
        self._tap.watch(self)

    def _on_selected(self, stretch: tuple[float, float] | None) -> None:
        clip = self.controller.clip
        if clip is None:
            return
        if stretch is not None:
            first, last = max(stretch[0], 0.0), min(stretch[1], clip.duration)
            stretch = (first, last) if last - first >= LEAST_SECONDS else None
        self.player.select(stretch)

    # -- what is shown ---------------------------------------------------------------------

    def _refresh(self) -> None:
        """Show the open video, its objects, and what can be done."""
        clip = self.controller.clip
        if clip is not self._clip:
            self._clip = clip
            self.player.pause()
            self.player.select(None)
            self.scan.start(clip)
            self.plots.set_video(0.0 if clip is None else clip.duration, self.scan.overview)
            self._say("")
            if clip is not None and not clip.has_soundtrack:
                self._say("This video has no soundtrack: it plays silently.")
        self._refresh_controls()
        self._show_time(self._time_shown())
        self._bars.clear()
        self._redraw.start()

    def _refresh_controls(self) -> None:
        player, has_video = self.player, self._clip is not None
        self.play.setText("❚❚ Pause" if player.playing else "▶ Play")
        self.loop.setChecked(player.loops)
        self.half.setChecked(player.half_speed)
        self.plots.show_stretch(player.stretch)
        for button, purpose in (
            (self.smaller, _SMALLER),
            (self.larger, _LARGER),
            (self.all, _ALL),
        ):
            allow(button, purpose, None if has_video else _NO_VIDEO)
        self.clear.setVisible(player.stretch is not None)
        self.cancel.setVisible(self.scan.running)

    def _time_shown(self) -> float:
        return (
            0.0 if self._clip is None else float(self._clip.times[self.controller.navigation.frame])
        )

    def _show_time(self, seconds: float) -> None:
        self.plots.move_cursor(seconds)
        total = 0.0 if self._clip is None else self._clip.duration
        self.where.setText(f"{describe_time(seconds)} / {describe_time(total)}")

    def _on_moved(self, frame: int) -> None:
        if not self.player.playing:
            self._show_time(self._time_shown())

    def _on_edited(self, object_id: int) -> None:
        self._bars.pop(object_id, None)
        self._redraw.start()

    def _on_chosen(self, object_id: int | None) -> None:
        self._redraw.start()

    def _on_grown(self, done: int, total: int) -> None:
        if done < total:
            self._say(f"{round(100 * done / total)} % of the soundtrack read")
        if not self._redraw.isActive():
            self._redraw.start()

    def _on_scanned(self, complete: bool) -> None:
        self._say("" if complete else "The rest of the soundtrack is not drawn.")
        self._refresh_controls()
        self._redraw.start()

    def _draw(self) -> None:
        """Draw the sound, as far as it has been read, and the objects."""
        self.plots.draw_sound()
        session, clip = self.controller.session, self._clip
        if session is None or clip is None:
            self.plots.show_rows([], None)
            return
        rows = []
        for item in session.active_objects:
            if item.object_id not in self._bars:
                bars = object_bars(session, item.object_id, clip.times, clip.duration)
                self._bars[item.object_id] = bars
            rows.append(
                Row(item.object_id, item.class_name, item.color, self._bars[item.object_id])
            )
        self.plots.show_rows(rows, self.controller.chosen)

    def _on_silent(self, sentence: str) -> None:
        """Show why nothing is heard; as a notification only the first time."""
        self._say(sentence)
        if sentence not in self._warned:
            self._warned.add(sentence)
            show_warning(sentence)

    def _on_theme(self, event: object = None) -> None:
        self.plots.set_style(style_of(self.controller.viewer.theme))

    def _say(self, sentence: str) -> None:
        self.message.setText(sentence)
        self.message.setToolTip(sentence)
        self.message.setVisible(bool(sentence))
        self.legend.setVisible(not sentence)


class SoundtrackScan(QObject):
    """Reads a clip's soundtrack off the GUI thread and fills `overview` with it."""

    grown = Signal(int, int)  # there is more to draw: seconds done, seconds in all
    ended = Signal(bool)  # whether all of it is there; False if it was cancelled or failed

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.overview: SoundOverview | None = None
        self._jobs: JobRunner | None = None

    @property
    def running(self) -> bool:
        return self._jobs is not None and self._jobs.busy

    def start(self, clip: Clip | None) -> None:
        """Read a clip from its beginning, and drop the one before; None for no clip."""
        self._abandon()
        self.overview = None
        if clip is None or not clip.has_soundtrack:
            return
        overview = self.overview = SoundOverview(clip.duration)
        # A runner for each clip: the one before is not waited for, and may still be at work.
        jobs = self._jobs = JobRunner(self)

        def scan(task: Task) -> None:
            for chunk in scan_soundtrack(clip, task=task):
                overview.add(chunk)

        def end(error: BaseException | None) -> None:
            if jobs is self._jobs:  # else another clip has replaced this one
                if error is not None:
                    report_error(error)
                self.ended.emit(error is None)
            else:
                jobs.deleteLater()

        jobs.progressed.connect(lambda done, total, what: self._on_progress(jobs, done, total))
        jobs.start(scan, end, end)

    def cancel(self) -> None:
        """Stop here, and keep what was read."""
        if self._jobs is not None:
            self._jobs.cancel()

    def close(self) -> None:
        """Stop for good, and wait until the file is no longer read."""
        if self._jobs is not None:
            self._jobs.close()
            self._jobs = None

    def _abandon(self) -> None:
        """Stop without waiting: the GUI thread has another video to show."""
        jobs, self._jobs = self._jobs, None
        if jobs is not None:
            jobs.cancel()
            if not jobs.busy:
                jobs.deleteLater()

    def _on_progress(self, jobs: JobRunner, done: int, total: int) -> None:
        if jobs is self._jobs:
            self.grown.emit(done, total)


class SpaceTap(QObject):
    """Watches the keys that the canvas gets, and calls back after a tap on the space bar.

    napari pans while the space bar is held, and still gets every event. A short press during which
    the mouse does nothing means nothing to it, so that is free for playing.
    """

    def __init__(
        self,
        on_tap: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._on_tap = on_tap
        self._clock = clock
        self._pressed: float | None = None  # when, in seconds; None if it is not a tap
        self._watched: list[QWidget] = []

    def watch(self, widget: QWidget) -> None:
        """Watch the canvas of the main window that a widget is docked in."""
        window: QWidget | None = widget.window()
        while isinstance(window, QDockWidget):  # floating: its parent is the main window
            window = window.parentWidget()
        if isinstance(window, QMainWindow) and not self._watched:
            centre = window.centralWidget()
            self._watched = [centre, *centre.findChildren(QWidget)] if centre is not None else []
            for part in self._watched:
                part.installEventFilter(self)

    def close(self) -> None:
        """Stop watching, so that a closed window is not kept alive."""
        watched, self._watched = self._watched, []
        for part in watched:
            with contextlib.suppress(RuntimeError):  # Qt has deleted it already
                part.removeEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Notice presses and releases, and pass all of them on."""
        kind = event.type()
        if isinstance(event, QKeyEvent) and kind in _KEYS:
            if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
                self._on_space(kind == QEvent.Type.KeyPress, event.modifiers())
        elif kind in _USED_WITH_SPACE:
            self._pressed = None
        return False

    def _on_space(self, down: bool, modifiers: Qt.KeyboardModifier) -> None:
        if down:
            plain = modifiers == Qt.KeyboardModifier.NoModifier
            # One press arrives several times: at the canvas, and unused at the widgets around it.
            self._pressed = (self._pressed or self._clock()) if plain else None
            return
        pressed, self._pressed = self._pressed, None
        if pressed is not None and self._clock() - pressed < _TAP_SECONDS:
            self._on_tap()
