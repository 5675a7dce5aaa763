"""Counts how long a person works on the open video."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, QTimer

from napari_tavis.widgets.controller import AnnotationController

_IDLE = 30.0
"""Seconds without a sign of life after which a person counts as away."""
_TICK = 5.0
"""Seconds between two looks."""


class WorkClock(QObject):
    """Adds the time in which somebody works to the open session.

    Signs of life are the mouse over the canvas, another frame, another object, and edits.

    Parameters
    ----------
    controller : AnnotationController
        Whose session it is.
    parent : QObject, optional
        Owner.
    clock : callable
        Gives the time in seconds.
    """

    def __init__(
        self,
        controller: AnnotationController,
        parent: QObject | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent)
        self._controller = controller
        self._clock = clock
        self._last_tick = clock()
        self._last_sign = self._last_tick - _IDLE
        self._timer = QTimer(self)
        self._timer.setInterval(int(_TICK * 1000))
        self._timer.timeout.connect(self.tick)
        self._timer.start()
        controller.viewer.cursor.events.position.connect(self._note)
        controller.navigation.moved.connect(self._note)
        controller.chosen_changed.connect(self._note)
        controller.edited.connect(self._note)

    def tick(self) -> None:
        """Add the time since the last look, if somebody has been there meanwhile."""
        now = self._clock()
        passed, self._last_tick = now - self._last_tick, now
        session = self._controller.session
        if session is not None and now - self._last_sign <= _IDLE:
            session.add_work(min(passed, 2 * _TICK))  # no more: the machine may have slept

    def close(self) -> None:
        """Stop, after a last look."""
        if self._timer.isActive():
            self._timer.stop()
            self.tick()
            self._controller.viewer.cursor.events.position.disconnect(self._note)

    def _note(self, sign: Any = None) -> None:
        self._last_sign = self._clock()
