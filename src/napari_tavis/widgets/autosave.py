"""Saves the session in the background, soon after each edit, and knows whether that works."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer, Signal

from napari_tavis.annotation import AnnotationSession
from napari_tavis.core.errors import TavisError
from napari_tavis.widgets.jobs import JobRunner, report_error

_DELAY_MS = 600
_RETRY_MS = 10_000  # between two attempts while the disk refuses


class Autosave(QObject):
    """Gathers edits for a moment, then saves them off the GUI thread.

    Where nothing can be written it tries again by itself, until it can. `collect` is called in the
    GUI thread: it hands outstanding edits to the session, and gives that.

    Attributes
    ----------
    saved : Signal
        Emitted when the session is on disk.
    problem_changed : Signal
        Emitted when saving begins to fail, fails otherwise, or works again.
    problem : str or None
        Why the session cannot be saved, in a sentence, for as long as it is so.
    """

    saved = Signal()
    problem_changed = Signal()

    def __init__(
        self, collect: Callable[[], AnnotationSession | None], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.problem: str | None = None
        self._collect = collect
        self._closed = False
        self._sessions = 0  # that were let go of: a late end of a save is then of another one
        self._jobs = JobRunner(self)
        self._timer = _single_shot(self, _DELAY_MS, self._save)
        self._retry = _single_shot(self, _RETRY_MS, self._save)

    def request(self) -> None:
        """Save soon; a request that is waiting already is not put off."""
        if not self._closed and not self._timer.isActive():
            self._timer.start()

    def save_now(self, session: AnnotationSession | None) -> bool:
        """Save in this thread what is not on disk yet; give whether all of it is now."""
        if session is not None and session.dirty:
            try:
                session.save()
            except Exception as error:
                self._on_failed(error)
                return False
            self.saved.emit()
        self._set_problem(None)
        return True

    def forget(self) -> None:
        """Stop trying, and forget what was wrong: the session is let go of."""
        self._sessions += 1
        self._timer.stop()
        self._set_problem(None)

    def close(self) -> None:
        """Wait for the save that runs, and stop for good."""
        self._closed = True
        self._timer.stop()
        self._retry.stop()
        self._jobs.close()

    def _save(self) -> None:
        session = self._collect()
        if session is None or not session.dirty:
            self._set_problem(None)
        elif self._jobs.busy:
            self.request()
        else:
            now = self._sessions
            self._jobs.start(
                lambda task: session.save(),
                lambda result: self._on_saved(now),
                lambda error: self._on_failed(error) if now == self._sessions else None,
            )

    def _on_saved(self, sessions: int) -> None:
        if sessions == self._sessions:
            self._set_problem(None)
        self.saved.emit()

    def _on_failed(self, error: BaseException) -> None:
        problem = str(error) if isinstance(error, TavisError) else f"{error!r}"
        if problem != self.problem:  # the line in the window stays; a toast comes once
            report_error(error)
        self._set_problem(problem)
        if not self._closed:
            self._retry.start()

    def _set_problem(self, problem: str | None) -> None:
        if problem is None:
            self._retry.stop()
        if problem != self.problem:
            self.problem = problem
            self.problem_changed.emit()


def _single_shot(parent: QObject, milliseconds: int, callback: Callable[[], None]) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(callback)
    return timer
