"""Runs the latest of the jobs asked for: the one it replaces is cancelled, or never started."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from qtpy.QtCore import QObject

from napari_tavis.core.tasks import Cancelled
from napari_tavis.widgets.jobs import JobRunner, Work, report_error

Result = TypeVar("Result")
_Job = tuple[Work[Any], Callable[[Any], None], Callable[[BaseException], None]]


class LatestJob(QObject):
    """A `JobRunner` that takes a new job at any time and drops the one before."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.runner = JobRunner(self)
        self._waiting: _Job | None = None
        self._forgotten = False  # the running job: its result is not wanted any more
        self._closed = False

    @property
    def busy(self) -> bool:
        return self.runner.busy

    def ask(
        self,
        work: Work[Result],
        on_done: Callable[[Result], None],
        on_failed: Callable[[BaseException], None] = report_error,
    ) -> None:
        """Cancel the running job, and run this one as soon as it has ended.

        The arguments are those of `JobRunner.start`. A job that was cancelled too late still
        gives its result.
        """
        if self._closed:
            return
        self._waiting = (work, on_done, on_failed)
        if self.runner.busy:
            self.runner.cancel()
        else:
            self._begin()

    def forget(self) -> None:
        """Cancel the running and the waiting job, and discard the result."""
        self._waiting = None
        self._forgotten = True
        self.runner.cancel()

    def close(self) -> None:
        self._closed, self._waiting = True, None
        self.runner.close()

    def _begin(self) -> None:
        if self._waiting is None or self._closed:
            return
        (work, on_done, on_failed), self._waiting = self._waiting, None
        self._forgotten = False
        self.runner.start(
            work,
            lambda result: self._end_with(on_done, on_failed, result),
            lambda error: self._end(on_failed, error),
        )

    def _end_with(
        self,
        on_done: Callable[[Any], None],
        on_failed: Callable[[BaseException], None],
        result: Any,
    ) -> None:
        if self._forgotten:  # it finished before it noticed the cancel
            self._end(on_failed, Cancelled())
        else:
            self._end(on_done, result)

    def _end(self, callback: Callable[[Any], None], value: Any) -> None:
        try:
            callback(value)
        finally:
            if not self.runner.busy:  # the callback may have asked for a job itself
                self._begin()
