"""Long work: its progress, and whether it is to go on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeAlias

from napari_tavis.core.errors import TavisError

Progress: TypeAlias = Callable[[int, int, str], None]  # progress(done, total, what)


class Cancelled(TavisError):
    """The user asked for the work to stop; nothing was left half-written."""

    def __init__(self) -> None:
        super().__init__("Cancelled.")


_POLL = 0.1  # seconds after which paused work looks whether it was cancelled


class Task:
    """What a long piece of work and whoever waits for it tell each other. Thread safe.

    Whoever waits makes it, hands it in, and may `cancel`, `pause` and `resume`; the work reports
    its progress by `report`, and calls `check` between two of its steps.

    Parameters
    ----------
    on_progress : callable, optional
        Called as ``on_progress(done, total, what)`` by the thread that works.
    """

    def __init__(self, on_progress: Progress | None = None) -> None:
        self._on_progress = on_progress
        self._cancelled, self._may_run = threading.Event(), threading.Event()
        self._may_run.set()

    def report(self, done: int, total: int, what: str) -> None:
        """Report that `done` of `total` is done, and what is being done."""
        if self._on_progress is not None:
            self._on_progress(done, total, what)

    def part(self, on_progress: Progress | None = None) -> Task:
        """Give a task for a part of the work, which is cancelled and paused with the whole.

        Its progress goes to its own `on_progress` alone.
        """
        part = Task(on_progress)
        part._cancelled, part._may_run = self._cancelled, self._may_run
        return part

    def cancel(self) -> None:
        """Ask the work to stop at its next step, paused or not."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def pause(self) -> None:
        """Make the work wait at its next step."""
        self._may_run.clear()

    def resume(self) -> None:
        self._may_run.set()

    def check(self) -> None:
        """Wait here while the work is paused; stop here if it was asked to.

        Raises
        ------
        Cancelled
            If `cancel` was called.
        """
        while not (self.cancelled or self._may_run.wait(_POLL)):
            pass
        if self.cancelled:
            raise Cancelled
