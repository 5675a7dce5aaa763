"""Saves the session in the background, soon after each edit."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer, Signal

from napari_tavis.session import AnnotationSession
from napari_tavis.widgets.jobs import JobRunner, report_error

_DELAY_MS = 600


class Autosave(QObject):
    """Gathers edits for a moment, then saves them off the GUI thread.

    Parameters
    ----------
    collect : callable
        Called in the GUI thread; hands outstanding edits to the session and gives it, or None.

    Attributes
    ----------
    saved : Signal
        Emitted when the session is on disk.
    """

    saved = Signal()

    def __init__(
        self, collect: Callable[[], AnnotationSession | None], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._collect = collect
        self._closed = False
        self._jobs = JobRunner(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY_MS)
        self._timer.timeout.connect(self._save)

    def request(self) -> None:
        """Save soon; a request that is waiting already is not put off."""
        if not self._closed and not self._timer.isActive():
            self._timer.start()

    def close(self) -> None:
        """Save what is outstanding, now, and stop for good."""
        self._closed = True
        self._timer.stop()
        self._jobs.close()
        save_now(self._collect())

    def _save(self) -> None:
        session = self._collect()
        if session is None or not session.dirty:
            return
        if self._jobs.busy:
            self.request()
            return
        self._jobs.start(lambda progress, cancel: session.save(), self._on_saved)

    def _on_saved(self, result: object) -> None:
        self.saved.emit()


def save_now(session: AnnotationSession | None) -> None:
    """Save a session in this thread if anything in it is not on disk yet."""
    if session is None or not session.dirty:
        return
    try:
        session.save()
    except Exception as error:
        report_error(error)
