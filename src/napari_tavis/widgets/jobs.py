"""Runs work off the GUI thread, one job at a time."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from napari.utils.notifications import notification_manager, show_error
from qtpy.QtCore import QObject, QThreadPool, Signal
from superqt.utils import FunctionWorker

from napari_tavis.core.boundary import explain
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.widgets.time_left import divide_unit

Result = TypeVar("Result")
Work = Callable[[Task], Result]


def report_error(error: BaseException) -> None:
    """Show an error as a napari notification.

    What a user can act on is shown as its sentence; a defect keeps its traceback.
    """
    if isinstance(error, Cancelled):
        return
    sentence = explain(error)
    if sentence is not None:
        show_error(sentence)
    else:
        notification_manager.receive_error(type(error), error, error.__traceback__)


class JobRunner(QObject):
    """Runs one job at a time in a thread of its own; all its signals reach the GUI thread.

    Qt's common pool has a thread per core: there, jobs that wait would keep others from beginning.

    Attributes
    ----------
    progressed : Signal
        ``(done, total, what)`` as the job reports it.
    busy_changed : Signal
        Whether a job runs now.
    """

    progressed = Signal(int, int, str)
    busy_changed = Signal(bool)
    _reported = Signal(int, int, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._task: Task | None = None
        self._on_done: Callable[[Any], None] | None = None
        self._on_failed: Callable[[BaseException], None] | None = None
        self._running = threading.Event()
        self._ended = threading.Event()
        self._closed = False
        self._doing = ""
        self._outlasts = False
        self._unclaimed: Any = None  # a result that its job has given and nobody has taken yet
        self._on_dropped: Callable[[Any], None] | None = None
        self._worker: FunctionWorker | None = None  # alive as long as the pool runs it
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._reported.connect(self._on_reported)

    @property
    def doing(self) -> str:
        """What the running job said last it does; "working" before it said anything."""
        return self._doing or "working"

    @property
    def busy(self) -> bool:
        """Whether a job runs now."""
        return self._task is not None

    @property
    def closed(self) -> bool:
        """Whether it takes no more jobs."""
        return self._closed

    @property
    def outlasts(self) -> bool:
        """Whether the running job goes on when another video is opened."""
        return self.busy and self._outlasts

    def start(
        self,
        work: Work[Result],
        on_done: Callable[[Result], None],
        on_failed: Callable[[BaseException], None] = report_error,
        *,
        outlasts: bool = False,
        on_dropped: Callable[[Result], None] | None = None,
    ) -> None:
        """Start a job.

        Parameters
        ----------
        work : callable
            Called with its `Task` in the other thread.
        on_done : callable
            Called with the result in the GUI thread.
        on_failed : callable, optional
            Called with the exception in the GUI thread; a notification by default.
        outlasts : bool, optional
            Whether it has nothing to do with the open video, so that it is not to be cancelled
            when another one is opened.
        on_dropped : callable, optional
            Called with a result that came when the runner was closed, to let go of what it holds.

        Raises
        ------
        RuntimeError
            If a job runs already, or the runner is closed.
        """
        if self.busy or self._closed:
            raise RuntimeError("the runner is busy or closed")
        self._doing, self._outlasts = "", outlasts
        task = self._task = Task(self._report)
        self._on_done, self._on_failed, self._on_dropped = on_done, on_failed, on_dropped
        self._running.clear()
        self._ended.clear()

        def run() -> Result:
            self._running.set()
            try:
                # Libraries warn about their own affairs, which tell a user nothing.
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    task.check()
                    result = self._unclaimed = work(task)
                    return result
            finally:
                self._ended.set()

        worker = self._worker = FunctionWorker(run)
        worker.returned.connect(self._on_returned)
        worker.errored.connect(self._on_errored)
        self.busy_changed.emit(True)
        self._pool.start(worker)

    def cancel(self) -> None:
        """Ask the running job, if any, to stop at its next step."""
        if self._task is not None:
            self._task.cancel()

    def pause(self) -> None:
        """Let the running job, if any, wait at its next step."""
        if self._task is not None:
            self._task.pause()

    def resume(self) -> None:
        """Let the paused job go on."""
        if self._task is not None:
            self._task.resume()

    def close(self, seconds: float = 20.0) -> None:
        """Stop for good: cancel the running job and wait for its end; its result is dropped.

        Parameters
        ----------
        seconds : float, optional
            Longest wait.
        """
        self._closed = True
        self.cancel()
        if self._running.is_set():
            self._ended.wait(seconds)
        self._task = None
        self._drop()

    def _report(self, done: int, total: int, what: str) -> None:
        """Pass progress from the job's thread to the GUI thread."""
        if not self._closed:
            self._reported.emit(done, total, what)

    def _on_reported(self, done: int, total: int, what: str) -> None:
        if not self._closed:
            self._doing = divide_unit(what)[0]
            self.progressed.emit(done, total, what)

    def _on_returned(self, result: Any) -> None:
        self._finish(self._on_done, result)

    def _on_errored(self, error: BaseException) -> None:
        self._finish(self._on_failed, error)

    def _finish(self, callback: Callable[[Any], None] | None, value: Any) -> None:
        if self._closed:
            self._drop()
            return
        self._task, self._unclaimed = None, None
        self.busy_changed.emit(False)
        if callback is not None:
            callback(value)

    def _drop(self) -> None:
        result, self._unclaimed = self._unclaimed, None
        if result is not None and self._on_dropped is not None:
            self._on_dropped(result)
