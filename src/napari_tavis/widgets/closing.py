"""Notices when a widget goes away: its dock or its window is closed, or napari quits."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QApplication, QWidget


class CloseWatcher(QObject):
    """Calls back once when a docked widget goes away.

    Parameters
    ----------
    widget : QWidget
        The widget in the dock.
    on_close : callable
        Called without arguments, in the GUI thread.
    """

    def __init__(self, widget: QWidget, on_close: Callable[[], None]) -> None:
        super().__init__()
        self._on_close: Callable[[], None] | None = on_close
        self._docked = widget.parent() is not None
        widget.installEventFilter(self)
        widget.destroyed.connect(lambda: self.close())
        application = QApplication.instance()
        assert application is not None
        application.aboutToQuit.connect(self.close)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """See the widget being put into a dock, and being taken out when that is closed."""
        if event.type() == QEvent.Type.ParentChange:
            if watched.parent() is not None:
                self._docked = True
            elif self._docked:
                self.close()
        return False

    def close(self) -> None:
        """Call back, the first time."""
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            application = QApplication.instance()
            if application is not None:
                application.aboutToQuit.disconnect(self.close)
            on_close()
