"""A signal whose listeners cannot stop each other, nor whoever emits it."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable
from types import MethodType
from typing import Any

from napari_tavis.widgets.jobs import report_error

Callback = Callable[..., object]


def attempt(step: Callable[[], object]) -> bool:
    """Take a step of a sequence that must go on: report what goes wrong, and say if it worked."""
    try:
        step()
    except Exception as error:
        report_error(error)
        return False
    return True


class Listeners:
    """Tells many of something, each of them whatever happens to the others.

    psygnal's signals end at the first listener that fails, and raise where they are emitted: a
    panel's trouble would leave a video half open, or cost the work that was to be saved next.
    Here a failure is reported, as it is with Qt's signals.

    A method does not keep its object alive, and goes with it; any other callable is kept. One
    that takes fewer arguments than are given gets the first ones.
    """

    def __init__(self) -> None:
        self._listeners: list[tuple[Callable[[], Callback | None], int | None]] = []

    def __len__(self) -> int:
        return len(self._listeners)

    def connect(self, callback: Callback) -> None:
        """Call `callback` from now on, after those who came before."""
        if isinstance(callback, MethodType):
            self._listeners.append((weakref.WeakMethod(callback), _most_arguments(callback)))
        else:
            self._listeners.append((lambda: callback, _most_arguments(callback)))

    def disconnect(self, callback: Callback | None = None) -> None:
        """Do not call a listener any more, or none at all; who never listened is passed over."""
        if callback is None:
            self._listeners.clear()
        else:
            self._listeners = [one for one in self._listeners if one[0]() not in (None, callback)]

    def emit(self, *values: Any) -> None:
        """Tell all who listened when this was called."""
        for listener, most in list(self._listeners):
            callback = listener()
            if callback is None:
                self._listeners = [one for one in self._listeners if one[0] is not listener]
                continue
            try:
                callback(*values[:most])
            except Exception as error:
                report_error(error)


def _most_arguments(callback: Callback) -> int | None:
    """Count the arguments that a callable takes by position; None for any number."""
    try:
        parameters = inspect.signature(callback).parameters.values()
    except (TypeError, ValueError):  # some callables of C tell nothing
        return None
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):
        return None
    return sum(one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) for one in parameters)
