"""The plots of the panel: waveform, log-mel spectrogram, and a row of bars per object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from napari.utils.theme import get_theme
from qtpy.QtCore import QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QResizeEvent
from qtpy.QtWidgets import QWidget

from napari_tavis.annotation import FrameStatus
from napari_tavis.media.overview import SoundOverview
from napari_tavis.media.spectrogram import MEL_BINS, mel_bin
from napari_tavis.widgets.frame_strip import STATUS_COLORS
from napari_tavis.widgets.soundtrack.bars import Bar
from napari_tavis.widgets.soundtrack.time_axis import TimeAxis, TimeView, pyqtgraph

_AXIS_WIDTH = 76
_ROW_HEIGHT = 17
_MOST_ROWS = 7
_TIME_AXIS_HEIGHT = 22
_NAME_LENGTH = 11
_LINE_END = 1e6  # seconds: longer than any video, for lines across the whole plot
_FREQUENCIES = {300: "0.3", 1000: "1", 3000: "3 kHz"}


@dataclass(frozen=True)
class Row:
    """An object's row."""

    object_id: int
    name: str
    color: tuple[int, int, int]
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Style:
    """Colours of the Soundtrack panel."""

    background: QColor
    text: QColor
    faint: QColor  # axes
    wave: QColor
    cursor: QColor
    stretch: QColor  # the selected one
    chosen: QColor  # behind the row of the object that is worked on
    colormap: str  # of the spectrogram, by its name in pyqtgraph


def style_of(theme_name: str) -> Style:
    """Give the colours that go with a napari theme."""
    theme = get_theme(theme_name)
    text, current = _color(theme.text), _color(theme.current)
    dark = theme.type == "dark"
    stretch = QColor(current)
    stretch.setAlpha(70)
    return Style(
        background=_color(theme.background),
        text=text,
        faint=_color(theme.secondary),
        wave=current.lighter(150) if dark else current.darker(150),
        cursor=QColor("#ff5a4f") if dark else QColor("#d02a1e"),
        stretch=stretch,
        chosen=_color(theme.primary),
        colormap="magma" if dark else "CET-L18",
    )


def _color(color: object) -> QColor:
    return QColor(*color.as_rgb_tuple(alpha=False))  # type: ignore[attr-defined]


class SoundtrackPlots(pyqtgraph.GraphicsLayoutWidget):
    """Draws a soundtrack and its objects over one time axis."""

    sought = Signal(float)  # the time that the user points at, in seconds
    selected = Signal(object)  # the stretch that the user selects, in seconds, or None
    row_clicked = Signal(int)  # number of the object whose row the user points at

    def __init__(self, style: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # a click gives the panel the focus
        self.setMinimumHeight(120)
        self._style = style
        self._overview: SoundOverview | None = None
        self._rows: list[Row] = []
        self._chosen: int | None = None
        self.ci.layout.setContentsMargins(0, 2, 6, 0)
        self.ci.layout.setVerticalSpacing(2)
        self.wave = self._plot(0, "")
        self.mel = self._plot(1, "")
        self.rows = self._plot(2, "time")
        self.view: TimeView = self.rows.getViewBox()
        self._add_items()
        self.view.sigXRangeChanged.connect(self.draw_sound)
        self.set_style(style)

    # -- building --------------------------------------------------------------------------

    def _plot(self, place: int, axis: str) -> pyqtgraph.PlotItem:
        view = TimeView()
        axes = {"bottom": TimeAxis("bottom")} if axis else {}
        plot = self.addPlot(row=place, col=0, viewBox=view, axisItems=axes)
        plot.hideButtons()
        plot.getAxis("left").setWidth(_AXIS_WIDTH)
        plot.getAxis("left").setStyle(tickLength=0)
        plot.showAxis("bottom", bool(axis))
        # The lowest plot has the axis; the others are linked to its view by name. pyqtgraph links
        # also to a name that is registered later.
        if axis:
            plot.getAxis("bottom").setHeight(_TIME_AXIS_HEIGHT)
        else:
            view.setXLink("time")
        view.register("time" if axis else f"sound {place}")
        view.sought.connect(self._on_sought)
        view.selected.connect(self.selected)
        return plot

    def _add_items(self) -> None:
        self._curve = pyqtgraph.PlotCurveItem(connect="all", skipFiniteCheck=True)
        self.wave.addItem(self._curve)
        self.wave.getAxis("left").setTicks([[(0, "sound")]])
        self.wave.setYRange(-1, 1, padding=0.02)
        self._picture = pyqtgraph.ImageItem(axisOrder="row-major")
        self.mel.addItem(self._picture)
        self.mel.setYRange(0, MEL_BINS, padding=0)
        ticks = [(mel_bin(hertz) + 0.5, text) for hertz, text in _FREQUENCIES.items()]
        self.mel.getAxis("left").setTicks([ticks])
        self._highlight = pyqtgraph.BarGraphItem(x0=[], x1=[], y0=[], y1=[], pen=None)
        self._lines = pyqtgraph.BarGraphItem(x0=[], x1=[], y0=[], y1=[], pen=None)
        self._bars = {
            status: pyqtgraph.BarGraphItem(x0=[], x1=[], y0=[], y1=[], pen=None, brush=color)
            for status, color in STATUS_COLORS.items()
            if status is not None
        }
        for item in (self._highlight, self._lines, *self._bars.values()):
            self.rows.addItem(item, ignoreBounds=True)
        self._cursors, self._stretches = [], []
        for plot in (self.wave, self.mel, self.rows):
            stretch = pyqtgraph.LinearRegionItem(movable=False)
            stretch.setVisible(False)
            cursor = pyqtgraph.InfiniteLine(0.0, angle=90)
            plot.addItem(stretch, ignoreBounds=True)
            plot.addItem(cursor, ignoreBounds=True)
            self._stretches.append(stretch)
            self._cursors.append(cursor)

    # -- what is shown ---------------------------------------------------------------------

    def set_style(self, style: Style) -> None:
        self._style = style
        self.setBackground(style.background)
        for plot in (self.wave, self.mel, self.rows):
            for side in ("left", "bottom"):
                plot.getAxis(side).setPen(style.faint)
                plot.getAxis(side).setTextPen(style.text)
        self._curve.setPen(pyqtgraph.mkPen(style.wave, width=1))
        self._picture.setColorMap(pyqtgraph.colormap.get(style.colormap))
        for cursor, stretch in zip(self._cursors, self._stretches, strict=True):
            cursor.setPen(pyqtgraph.mkPen(style.cursor, width=2))
            # The rows' colours mean something: no tint over them.
            stretch.setBrush(
                QColor(0, 0, 0, 0) if stretch is self._stretches[-1] else style.stretch
            )
            for line in stretch.lines:
                line.setPen(pyqtgraph.mkPen(style.wave, width=1))
        self._draw_rows()

    def set_video(self, duration: float, overview: SoundOverview | None) -> None:
        """Show another video of `duration` seconds (0 for none), and its soundtrack, if any."""
        self._overview = overview
        for plot in (self.wave, self.mel, self.rows):
            plot.getViewBox().set_length(duration)
        self.view.show_all()
        self.draw_sound()

    def move_cursor(self, seconds: float) -> None:
        """Put the cursor at a time, and turn the page when it leaves the view."""
        for cursor in self._cursors:
            cursor.setValue(seconds)
        first, last = self.view.viewRange()[0]
        if not first <= seconds <= last:
            begin = seconds - 0.1 * (last - first)
            self.view.setXRange(begin, begin + last - first, padding=0)

    def show_stretch(self, stretch: tuple[float, float] | None) -> None:
        for region in self._stretches:
            region.setVisible(stretch is not None)
            if stretch is not None:
                region.setRegion(stretch)

    def show_rows(self, rows: Sequence[Row], chosen: int | None) -> None:
        """Show one row per object, the first on top."""
        self._rows, self._chosen = list(rows), chosen
        self._draw_rows()

    # -- drawing ---------------------------------------------------------------------------

    def draw_sound(self, *_: object) -> None:
        """Draw waveform and spectrogram of the stretch in view, as far as they are known."""
        overview = self._overview
        self._curve.setVisible(overview is not None)
        self._picture.setVisible(overview is not None and overview.known > 0)
        if overview is None or not overview.known:
            self._curve.setData([], [])
            return
        first, last = self.view.viewRange()[0]
        columns = max(self.width() - _AXIS_WIDTH, 100)
        times, low, high = overview.waveform(first, last, columns)
        self._curve.setData(np.repeat(times, 2), np.stack([low, high], axis=1).reshape(-1))
        begin, end, picture = overview.mel(first, last, columns)
        if picture.shape[1]:
            self._picture.setImage(picture, levels=overview.mel_range())
            self._picture.setRect(QRectF(begin, 0, end - begin, MEL_BINS))

    def _draw_rows(self) -> None:
        rows, count = self._rows, len(self._rows)
        self.rows.setYRange(0, max(count, 1), padding=0)
        labels = [(count - place - 0.5, _short(row.name)) for place, row in enumerate(rows)]
        self.rows.getAxis("left").setTicks([labels])
        self._fit_rows()
        bottoms = {row.object_id: count - place - 1.0 for place, row in enumerate(rows)}
        _set_bars(
            self._lines,
            [(0.0, _LINE_END, y + 0.02, y + 0.1) for y in bottoms.values()],
            [QColor(*row.color) for row in rows],
        )
        chosen = [(0.0, _LINE_END, y, y + 1) for key, y in bottoms.items() if key == self._chosen]
        _set_bars(self._highlight, chosen, [self._style.chosen] * len(chosen))
        for status, item in self._bars.items():
            _set_bars(item, _boxes(rows, bottoms, status))

    def _fit_rows(self) -> None:
        """Give the rows a height that leaves enough for the sound."""
        wanted = _ROW_HEIGHT * min(max(len(self._rows), 1), _MOST_ROWS) + _TIME_AXIS_HEIGHT
        height = min(wanted, max(int(0.5 * self.height()), _TIME_AXIS_HEIGHT + _ROW_HEIGHT))
        layout = self.ci.layout
        layout.setRowFixedHeight(2, height)
        layout.setRowStretchFactor(0, 2)
        layout.setRowStretchFactor(1, 3)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Ask for the height of both plots and a few rows: the canvas needs the rest."""
        return QSize(600, 190)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        if hasattr(self, "_bars"):  # pyqtgraph resizes it while it is being built
            self._fit_rows()
            self.draw_sound()

    # -- what the user does ----------------------------------------------------------------

    def _on_sought(self, seconds: float, height: float) -> None:
        # All three plots send this; the heights of the rows' plot alone stand for objects.
        place = len(self._rows) - 1 - int(np.floor(height))
        if self.sender() is self.view and 0 <= place < len(self._rows):
            self.row_clicked.emit(self._rows[place].object_id)
        self.sought.emit(seconds)


def _boxes(
    rows: Sequence[Row], bottoms: Mapping[int, float], status: FrameStatus
) -> list[tuple[float, float, float, float]]:
    """Give (left, right, bottom, top) of all bars of a status, in seconds and in rows."""
    return [
        (
            bar.start,
            bar.stop,
            bottoms[row.object_id] + 0.1,
            bottoms[row.object_id] + 0.1 + bar.score * 0.82,
        )
        for row in rows
        for bar in row.bars
        if bar.status is status
    ]


def _set_bars(
    item: pyqtgraph.BarGraphItem,
    boxes: Sequence[tuple[float, float, float, float]],
    colors: Sequence[QColor] | None = None,
) -> None:
    """Draw other boxes, each (left, right, bottom, top)."""
    left, right, bottom, top = np.array(boxes, dtype=float).reshape(-1, 4).T
    brushes = {} if colors is None else {"brushes": list(colors)}
    item.setOpts(x0=left, x1=right, y0=bottom, y1=top, **brushes)


def _short(name: str) -> str:
    return name if len(name) <= _NAME_LENGTH else name[: _NAME_LENGTH - 1] + "…"
