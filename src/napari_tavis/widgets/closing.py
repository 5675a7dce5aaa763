"""Notices when the dock goes away, and asks before it stops work or loses any."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QApplication, QDockWidget, QMessageBox, QWidget

from napari_tavis.widgets.napari_compat import is_closed_by_program
from napari_tavis.widgets.opening import may_leave
from napari_tavis.widgets.workbench import Workbench

_LOOK_MS = 100  # how often to look whether another question about closing is still open


class CloseWatcher(QObject):
    """Closes a workbench once, when its docked widget goes away.

    A user who closes the window or the dock is asked before work is stopped, or lost because it
    cannot be saved; a program that does so is not.
    """

    def __init__(self, widget: QWidget, workbench: Workbench) -> None:
        super().__init__()
        self._workbench: Workbench | None = workbench
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
                self._on_dock_closed()
        elif watched is self._window and kind == QEvent.Type.Close:
            return self._on_window_closing(event)
        elif watched is self._window and kind == QEvent.Type.Hide and self._closing:
            self.close(window_stays=False)
        return False

    def _on_dock_closed(self) -> None:
        if self._workbench is not None:
            may_leave(self._workbench.controller, self._window, may_stay=False)
        self.close()

    def _on_window_closing(self, event: QEvent) -> bool:
        """Ask if work runs or would be lost; give whether the event is kept from the window.

        napari asks, too, when a user closes its window. So that only one question comes, the
        window is closed anew by the program once the user has answered ours.
        """
        window, workbench = self._window, self._workbench
        assert window is not None
        if workbench is not None and not self._agreed and not is_closed_by_program(window):
            controller = workbench.controller
            running, unsaved = controller.work_in_progress(), controller.save_now()
            if running or unsaved is not None:
                event.ignore()
                self._agreed = (not running or _agrees_to_stop(window, running)) and may_leave(
                    controller, window
                )
                if self._agreed:
                    QTimer.singleShot(0, window, window.close)
                return True
        self._closing = True  # unless the window refuses; closed, it is hidden before it is gone
        QTimer.singleShot(0, self, self._on_answered)
        return False

    def _on_answered(self) -> None:
        """Forget that the window was to be closed, unless napari's own question is still open."""
        if QApplication.activeModalWidget() is not None:
            QTimer.singleShot(_LOOK_MS, self, self._on_answered)
        else:
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
        """Close the workbench, the first time."""
        workbench, self._workbench = self._workbench, None
        if workbench is None:
            return
        # A reference to a window that is gone would keep its Python side alive.
        self._window = None
        workbench.close(window_stays)


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
