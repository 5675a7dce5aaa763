"""How long work still takes, told from its pace so far."""

from __future__ import annotations

import time
from collections.abc import Callable

_UNITS = ("MB",)


class TimeLeft:
    """Estimate the time left of work that reports its progress.

    Parameters
    ----------
    clock : callable, optional
        Gives the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._what: str | None = None
        self._started = 0.0
        self._done_at_start = 0

    def update(self, done: int, total: int, what: str) -> float | None:
        """Take in a report of progress.

        Parameters
        ----------
        done, total : int
            Steps done, and in all.
        what : str
            The kind of step; the pace is measured anew when it changes.

        Returns
        -------
        float or None
            Seconds left, or None before the first step is done.
        """
        now = self._clock()
        if what != self._what:
            self._what, self._started, self._done_at_start = what, now, done
        steps = done - self._done_at_start
        if steps <= 0 or total <= 0:
            return None
        return (now - self._started) / steps * max(total - done, 0)


def describe_progress(done: int, total: int, what: str, seconds_left: float | None) -> str:
    """Say in one line what is being done and how long it still takes.

    Parameters
    ----------
    done, total : int
        Steps done, and in all; a total of 0 is unknown.
    what : str
        The kind of step.
    seconds_left : float or None
        Estimate, None if there is none.
    """
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
    """Divide a kind of step, such as ``downloading tavis_s4, MB``, into what is done and its unit.

    Returns
    -------
    tuple of str
        What is done, and the unit in which its progress counts; an empty one for steps.
    """
    step, _, unit = what.rpartition(", ")
    return (step, unit) if unit in _UNITS else (what, "")
