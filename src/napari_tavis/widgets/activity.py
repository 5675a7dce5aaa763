"""How long a person works: the time between one thing done and the next, without the breaks."""

from __future__ import annotations

import time
from collections.abc import Callable

_BREAK = 30.0
"""Seconds without doing anything that count as a break."""


class Activity:
    """Adds up the time in which somebody works.

    Parameters
    ----------
    pause : float, optional
        A longer time than this, in seconds, without a `touch` is a break and does not count.
    clock : callable, optional
        Gives the time in seconds.
    """

    def __init__(self, pause: float = _BREAK, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause = pause
        self._clock = clock
        self._last: float | None = None
        self._seconds = 0.0

    def touch(self, *_: object) -> None:
        """Note that something is being done now."""
        now = self._clock()
        if self._last is not None and now - self._last <= self._pause:
            self._seconds += now - self._last
        self._last = now

    def take(self) -> float:
        """Give the seconds worked since they were taken last, whole ones only."""
        whole = float(int(self._seconds))
        self._seconds -= whole
        return whole

    def forget(self) -> None:
        """Begin anew, for another video."""
        self._last, self._seconds = None, 0.0
