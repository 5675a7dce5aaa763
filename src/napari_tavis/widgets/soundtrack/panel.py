"""The panel below the canvas: see the sound, go to a time, hear it."""

from __future__ import annotations

from napari.utils.notifications import show_warning
from qtpy.compat import isalive
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QKeyEvent, QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget
from superqt import QElidingLabel

from napari_tavis.media import Clip
from napari_tavis.widgets.enabling import CommandButtons, allow
from napari_tavis.widgets.frame_strip import STATUS_COLORS
from napari_tavis.widgets.soundtrack.graphs import describe_time
from napari_tavis.widgets.soundtrack.plots import Row, SoundtrackPlots
from napari_tavis.widgets.soundtrack.rows import Bar, object_bars, objects_shown
from napari_tavis.widgets.soundtrack.scan import SoundtrackScan
from napari_tavis.widgets.soundtrack.space_tap import SpaceTap
from napari_tavis.widgets.soundtrack.style import style_of
from napari_tavis.widgets.workbench import Workbench

_SMALLER = "Show less time. The mouse wheel does the same."
_LARGER = "Show more time. The mouse wheel does the same."
_ALL = "Show the whole video. A double click does the same."
_CANCEL = "Stop reading the soundtrack; what is drawn stays."
_HOW = (
    "Click or drag: go there. Shift+drag: select a stretch to repeat.\n"
    "Wheel: zoom. Right button or Shift+wheel: pan. Double click: show all.\n"
    "Click in an object's row: choose it. Height of its bars: the model's score."
)
_COLORS = "Colours of the objects' bars: how far a person has gone with each frame."
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


class SoundtrackPanel(QWidget):
    """Shows the soundtrack on the video's own time axis, and seeks and plays in it.

    Parameters
    ----------
    workbench : Workbench
        The open video, its annotation and its player.
    parent : QWidget, optional
        Qt's parent.

    Attributes
    ----------
    player : Player
        Plays the video.
    plots : SoundtrackPlots
        The pictures.
    scan : SoundtrackScan
        Reads the soundtrack.
    """

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        controller = self.controller = workbench.controller
        self.player = workbench.player
        self._buttons = CommandButtons(workbench)
        self.scan = SoundtrackScan(self)
        self.plots = SoundtrackPlots(style_of(controller.viewer.theme))
        self._clip: Clip | None = None
        self._bars: dict[int, list[Bar]] = {}  # of the objects that have not changed since
        self._warned: set[str] = set()
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
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the space bar plays, it presses nothing
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
        """Stop reading, and let go of the viewer and the player.

        Parameters
        ----------
        window_stays : bool
            Whether the viewer's window is still there.
        """
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
        """Play or pause at the space bar; leave other keys to napari."""
        if event.key() == Qt.Key.Key_Space and not event.modifiers():
            if not event.isAutoRepeat():
                self.player.toggle()
            event.accept()
        else:
            super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Look on at the keys of the canvas once there is a window."""
        super().showEvent(event)
        self._tap.watch(self)

    def _on_selected(self, stretch: tuple[float, float] | None) -> None:
        clip = self.controller.clip
        if clip is None:
            return
        if stretch is not None:
            first, last = max(stretch[0], 0.0), min(stretch[1], clip.duration)
            stretch = (first, last) if last - first >= 0.05 else None
        self.player.select(stretch)

    # -- what is shown ---------------------------------------------------------------------

    def _refresh(self) -> None:
        """Show another video, its objects, and what can be done."""
        clip = self.controller.clip
        if clip is not self._clip:
            self._clip = clip
            self.player.pause()
            self.player.select(None)
            self.scan.start(clip)
            self.plots.set_video(0.0 if clip is None else clip.duration, self.scan.overview)
            self._say("")
            if clip is not None and not clip.has_soundtrack:
                self._say("This video has no soundtrack; it plays silently.")
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
        """Draw what has become known of the sound, and the objects."""
        self.plots.grow()
        session, clip = self.controller.session, self._clip
        if session is None or clip is None:
            self.plots.show_rows([], None)
            return
        rows = []
        for item in objects_shown(session):
            if item.object_id not in self._bars:
                bars = object_bars(session, item.object_id, clip.times, clip.duration)
                self._bars[item.object_id] = bars
            rows.append(
                Row(item.object_id, item.class_name, item.color, self._bars[item.object_id])
            )
        self.plots.show_rows(rows, self.controller.chosen)

    def _on_silent(self, sentence: str) -> None:
        """Say why nothing is heard; loudly the first time only."""
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
