"""Notices when a widget goes away: its dock or its window is closed, or napari quits."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QApplication, QDockWidget, QWidget


class CloseWatcher(QObject):
    """Calls back once when a docked widget goes away.

    Parameters
    ----------
    widget : QWidget
        The widget in the dock.
    on_close : callable
        Called in the GUI thread; its argument says whether the window stays.
    """

    def __init__(self, widget: QWidget, on_close: Callable[[bool], None]) -> None:
        super().__init__()
        self._on_close: Callable[[bool], None] | None = on_close
        self._widget = widget
        self._window: QWidget | None = None
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
            # The window may still refuse; look once it has answered.
            QTimer.singleShot(0, self._close_if_hidden)
        return False

    def _watch_window(self, window: QWidget) -> None:
        main: QWidget | None = window
        while isinstance(main, QDockWidget):  # floating: its parent is the main window
            main = main.parentWidget()
        if main is not None and main is not self._window and main is not self._widget:
            self._window = main
            main.installEventFilter(self)

    def _close_if_hidden(self) -> None:
        try:
            hidden = self._window is not None and not self._window.isVisible()
        except RuntimeError:  # Qt has deleted the window
            hidden = True
        if hidden:
            self.close(window_stays=False)

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
