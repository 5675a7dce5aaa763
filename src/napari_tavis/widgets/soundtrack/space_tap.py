"""A tap on the space bar over napari's canvas; holding it stays napari's way to pan."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

_TAP_SECONDS = 0.3
_KEYS = {QEvent.Type.KeyPress, QEvent.Type.KeyRelease}
_USED_WITH_SPACE = {QEvent.Type.MouseButtonPress, QEvent.Type.Wheel}


class SpaceTap(QObject):
    """Looks on at the keys that the canvas gets, and calls back after a tap on the space bar.

    napari pans while the space bar is held. Nothing is taken away from it: a short press
    during which the mouse does nothing has no use there, so it is free for playing.

    Parameters
    ----------
    on_tap : callable
        Called in the GUI thread.
    clock : callable, optional
        Gives the time in seconds.
    parent : QObject, optional
        Qt's parent.
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
        self._pressed: float | None = None
        self._watched: list[QWidget] = []

    def watch(self, widget: QWidget) -> None:
        """Look on at the canvas of the main window that a widget is docked in."""
        window: QWidget | None = widget.window()
        while isinstance(window, QDockWidget):  # floating: its parent is the main window
            window = window.parentWidget()
        if isinstance(window, QMainWindow) and not self._watched:
            centre = window.centralWidget()
            self._watched = [centre, *centre.findChildren(QWidget)] if centre is not None else []
            for part in self._watched:
                part.installEventFilter(self)

    def close(self) -> None:
        """Look away; a window that is gone must not be kept alive."""
        watched, self._watched = self._watched, []
        for part in watched:
            with contextlib.suppress(RuntimeError):  # Qt has deleted it already
                part.removeEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Notice presses and releases; never keep one from the canvas."""
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
            # One press reaches the canvas and then, unused, the widgets around it.
            self._pressed = (self._pressed or self._clock()) if plain else None
            return
        pressed, self._pressed = self._pressed, None
        if pressed is not None and self._clock() - pressed < _TAP_SECONDS:
            self._on_tap()
