"""Runs work off the GUI thread, one job at a time, and describes how far it is."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from napari.utils.notifications import notification_manager, show_error
from qtpy.QtCore import QObject, QThreadPool, Signal
from superqt.utils import FunctionWorker

from napari_tavis.core.boundary import explain
from napari_tavis.core.tasks import Cancelled, Task

Result = TypeVar("Result")
Work = Callable[[Task], Result]

_UNITS = ("MB",)  # of progress, where it does not count steps


def report_error(error: BaseException) -> None:
    """Show an error as a notification: what a user can act on as a sentence, a defect in full."""
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
        self._drop: Callable[[], object] | None = None  # lets go of a result that nobody took yet
        self._running = threading.Event()
        self._ended = threading.Event()
        self._closed = False
        self._doing = ""
        self._outlasts = False
        self._worker: FunctionWorker | None = None  # alive as long as the pool runs it
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._reported.connect(self._on_reported)

    @property
    def doing(self) -> str:
        """What the running job last reported to do; "working" before it reports anything."""
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
        on_dropped: Callable[[Result], object] | None = None,
        *,
        outlasts: bool = False,
    ) -> None:
        """Start a job: `work` in the other thread, what is called at its end in this one.

        `on_dropped` lets go of a result that came as the runner was being closed.

        One that `outlasts` the open video has nothing to do with it, and is not cancelled when
        another one is opened.

        Raises
        ------
        RuntimeError
            If a job runs already, or the runner is closed.
        """
        if self.busy or self._closed:
            raise RuntimeError("the runner is busy or closed")
        self._doing, self._outlasts = "", outlasts
        task = self._task = Task(self._report)
        self._on_done, self._on_failed = on_done, on_failed
        self._running.clear()
        self._ended.clear()

        def run() -> Result:
            self._running.set()
            try:
                # Libraries warn about their own affairs, which tell a user nothing.
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    task.check()
                    result = work(task)
                if on_dropped is not None:
                    self._drop = lambda: on_dropped(result)
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
        """Stop for good: cancel the running job, wait so long for its end, and drop its result."""
        self._closed = True
        self.cancel()
        if self._running.is_set():
            self._ended.wait(seconds)
        self._let_go()
        self._task = None

    def _let_go(self) -> None:
        drop, self._drop = self._drop, None
        if drop is not None:
            drop()

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
            self._let_go()  # the job ended after all, too late for `close`
            return
        self._task = self._drop = None
        self.busy_changed.emit(False)
        if callback is not None:
            callback(value)


class TimeLeft:
    """Estimates the time left of work that reports its progress, from its pace so far."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._what: str | None = None
        self._started = 0.0
        self._done_at_start = 0

    def update(self, done: int, total: int, what: str) -> float | None:
        """Take a report of progress; give the seconds left, None before the first step is done.

        When the kind of step changes, the pace is measured anew.
        """
        now = self._clock()
        if what != self._what:
            self._what, self._started, self._done_at_start = what, now, done
        steps = done - self._done_at_start
        if steps <= 0 or total <= 0:
            return None
        return (now - self._started) / steps * max(total - done, 0)


def describe_progress(done: int, total: int, what: str, seconds_left: float | None) -> str:
    """Describe in one line what is being done and how long it still takes; 0 steps are unknown."""
    step, unit = divide_unit(what)
    line = step[:1].upper() + step[1:] if step else "Working"
    if total > 1:
        line += f" · {done} of {total} {unit}".rstrip()
    if seconds_left is None or seconds_left < 1:
        return line
    if seconds_left < 90:
        return f"{line} · about {round(seconds_left)} s left"
    return f"{line} · about {round(seconds_left / 60)} min left"


def divide_unit(what: str) -> tuple[str, str]:
    """Divide ``downloading tavis_s4, MB`` into what is done and its unit, empty for steps."""
    step, _, unit = what.rpartition(", ")
    return (step, unit) if unit in _UNITS else (what, "")
