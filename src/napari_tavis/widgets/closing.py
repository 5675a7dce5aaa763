"""Notices when a widget goes away, and asks before it stops work that runs."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QApplication, QDockWidget, QMessageBox, QWidget


class CloseWatcher(QObject):
    """Calls back once when a docked widget goes away.

    Parameters
    ----------
    widget : QWidget
        The widget in the dock.
    on_close : callable
        Called in the GUI thread; its argument says whether the window stays.
    running : callable
        Says what runs and would be stopped; the user is asked before a window is closed on it.
    """

    def __init__(
        self,
        widget: QWidget,
        on_close: Callable[[bool], None],
        running: Callable[[], list[str]],
    ) -> None:
        super().__init__()
        self._on_close: Callable[[bool], None] | None = on_close
        self._running = running
        self._widget = widget
        self._window: QWidget | None = None
        self._closing = False
        self._agreed = False
        widget.installEventFilter(self)
        widget.destroyed.connect(lambda: self.close(window_stays=False))
        application = QApplication.instance()
        assert application is not None
        application.aboutToQuit.connect(self._on_quit)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """See the widget come into a window, leave its dock, and its window being closed."""
        kind = event.type()
        if watched is self._widget and kind == QEvent.Type.Show:
            self._watch_window(self._widget.window())
        elif watched is self._widget and kind == QEvent.Type.ParentChange:
            if self._window is not None and self._widget.parent() is None:
                self.close()
        elif watched is self._window and kind == QEvent.Type.Close:
            return self._on_window_closing(event)
        elif watched is self._window and kind == QEvent.Type.Hide and self._closing:
            self.close(window_stays=False)
        return False

    def _on_window_closing(self, event: QEvent) -> bool:
        """Ask if work runs; give whether the window shall not see the event.

        napari asks, too, when a user closes its window. So that only one question comes, the
        window is closed anew by the program once the user has answered ours.
        """
        window = self._window
        assert window is not None
        if not self._agreed and not _program_closes(window) and (running := self._running()):
            event.ignore()
            self._agreed = _agrees_to_stop(window, running)
            if self._agreed:
                QTimer.singleShot(0, window, window.close)
            return True
        self._closing = True  # unless the window refuses; closed, it is hidden before it is gone
        QTimer.singleShot(0, self, self._on_answered)
        return False

    def _on_answered(self) -> None:
        self._closing = self._agreed = False

    def _watch_window(self, window: QWidget) -> None:
        main: QWidget | None = window
        while isinstance(main, QDockWidget):  # floating: its parent is the main window
            main = main.parentWidget()
        if main is not None and main is not self._window and main is not self._widget:
            self._window = main
            main.installEventFilter(self)

    def _on_quit(self) -> None:
        self.close(window_stays=False)

    def close(self, window_stays: bool = True) -> None:
        """Call back, the first time.

        Parameters
        ----------
        window_stays : bool
            Whether the window is still there.
        """
        on_close, self._on_close = self._on_close, None
        if on_close is None:
            return
        # A reference to a window that is gone would keep its Python side alive.
        self._window = None
        on_close(window_stays)


def _program_closes(window: QWidget) -> bool:
    """Say whether ``viewer.close()`` closes the window: then its canvas is closed already."""
    canvas = getattr(window, "_qt_viewer", None)
    return canvas is not None and not canvas.isVisible()


def _agrees_to_stop(window: QWidget, running: list[str]) -> bool:
    """Ask whether running work may be stopped."""
    question = QMessageBox(
        QMessageBox.Icon.Question,
        "Close napari?",
        f"Work is running: {', '.join(running)}.",
        QMessageBox.StandardButton.Close | QMessageBox.StandardButton.Cancel,
        window,
    )
    question.setInformativeText("Closing stops it. What you painted and accepted is saved.")
    question.setDefaultButton(QMessageBox.StandardButton.Cancel)
    return question.exec() == QMessageBox.StandardButton.Close
