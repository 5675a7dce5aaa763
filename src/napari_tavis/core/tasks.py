"""Progress and cancellation of long work, shared by the command line, the widgets and tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeAlias

from napari_tavis.core.errors import TavisError

Progress: TypeAlias = Callable[[int, int, str], None]
"""Called as ``progress(done, total, what)`` by the thread that works."""


def no_progress(done: int, total: int, what: str) -> None:
    """Report nothing: the default of every long-running function."""


class Cancelled(TavisError):
    """The user asked for the work to stop; nothing was left half-written."""

    def __init__(self) -> None:
        super().__init__("Cancelled.")


class CancelToken:
    """A flag that one thread raises and another one looks at between two steps of its work."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop at its next step."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether the work was asked to stop."""
        return self._event.is_set()

    def check(self) -> None:
        """Stop here if the work was asked to.

        Raises
        ------
        Cancelled
            If `cancel` was called.
        """
        if self.cancelled:
            raise Cancelled
