"""A time axis in pyqtgraph to point at, zoom and pan; and pyqtgraph on napari's Qt binding."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import qtpy
from qtpy.QtCore import Qt, Signal

_BINDING = "PYQTGRAPH_QT_LIB"

LEAST_SECONDS = 0.05  # the shortest stretch that can be shown or selected


@contextlib.contextmanager
def _binding_of_qtpy() -> Iterator[None]:
    """Make pyqtgraph use qtpy's binding.

    Left alone it takes the first of its own list that is loaded, and then nothing of it fits into
    napari's window. It reads the variable once, when it is imported.
    """
    before = os.environ.get(_BINDING)
    os.environ[_BINDING] = qtpy.API_NAME
    try:
        yield
    finally:
        if before is None:
            del os.environ[_BINDING]
        else:
            os.environ[_BINDING] = before


with _binding_of_qtpy():
    import pyqtgraph


class TimeView(pyqtgraph.ViewBox):
    """A plot over time: click or drag to seek, wheel to zoom, other buttons to pan."""

    sought = Signal(float, float)  # seconds, and the height in the plot's own units
    selected = Signal(object)  # (first, last) in seconds after Shift+drag; None after Shift+click

    def __init__(self) -> None:
        super().__init__(enableMenu=False, defaultPadding=0.0)
        self.setMouseEnabled(x=True, y=False)

    def mouseClickEvent(self, event: Any) -> None:  # noqa: N802
        if event.button() != Qt.MouseButton.LeftButton:
            return
        event.accept()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.selected.emit(None)
        elif event.double():
            self.show_all()
        else:
            self._seek(event.pos())

    def mouseDragEvent(self, event: Any, axis: int | None = None) -> None:  # noqa: N802
        event.accept()
        if event.button() != Qt.MouseButton.LeftButton:
            before, now = self.mapToView(event.lastPos()), self.mapToView(event.pos())
            self.translateBy(x=before.x() - now.x())
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            begin, end = self.mapToView(event.buttonDownPos()), self.mapToView(event.pos())
            self.selected.emit((min(begin.x(), end.x()), max(begin.x(), end.x())))
        else:
            self._seek(event.pos())

    def wheelEvent(self, event: Any, axis: int | None = None) -> None:  # noqa: N802
        """Zoom around the mouse; pan with Shift, or with a wheel that scrolls sideways."""
        event.accept()
        sideways = event.orientation() == Qt.Orientation.Horizontal
        if sideways or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            first, last = self.viewRange()[0]
            self.translateBy(x=-event.delta() / 1200 * (last - first))
        else:
            self.zoom(1.25 ** (-event.delta() / 120), self.mapToView(event.pos()).x())

    def zoom(self, factor: float, around: float | None = None) -> None:
        """Show `factor` times as much time, around a time or the middle."""
        first, last = self.viewRange()[0]
        centre = (first + last) / 2 if around is None else around
        self.scaleBy(x=factor, center=(centre, 0.0))

    def show_all(self) -> None:
        first, last = self.state["limits"]["xLimits"]
        if first is not None and last is not None:  # before the first video there is no limit
            self.setXRange(first, last, padding=0)

    def set_length(self, seconds: float) -> None:
        """Limit the view to the stretch from zero to `seconds`."""
        length = max(seconds, LEAST_SECONDS)
        self.setLimits(xMin=0.0, xMax=length, minXRange=LEAST_SECONDS, maxXRange=length)

    def _seek(self, position: Any) -> None:
        point = self.mapToView(position)
        self.sought.emit(point.x(), point.y())


class TimeAxis(pyqtgraph.AxisItem):
    """An axis of seconds, written as minutes and seconds."""

    def tickStrings(self, values: Any, scale: float, spacing: float) -> list[str]:  # noqa: N802
        """Write the ticks, with as many decimals as their spacing needs."""
        decimals = 0 if spacing >= 1 else 1 if spacing >= 0.1 else 2
        return [describe_time(value, decimals) for value in values]


def describe_time(seconds: float, decimals: int = 2) -> str:
    """Write a time as minutes and seconds, such as ``1:02.50``, and hours if there are any."""
    minutes, rest = divmod(round(max(seconds, 0.0), decimals), 60)
    hours, minutes = divmod(int(minutes), 60)
    width = decimals + 3 if decimals else 2
    clock = f"{minutes}:{rest:0{width}.{decimals}f}"
    return f"{hours}:{clock.zfill(width + 3)}" if hours else clock
