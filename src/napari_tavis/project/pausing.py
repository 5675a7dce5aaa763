"""Work that gives way to other work: it waits between two steps, and goes on where it was."""

from __future__ import annotations

import threading

from napari_tavis.core.tasks import CancelToken

_LOOK_AGAIN = 0.1
"""Seconds after which waiting work looks whether it was cancelled."""


class PausableToken(CancelToken):
    """A cancel token at which work also waits while it is paused.

    Parameters
    ----------
    token : CancelToken
        Who cancels the work.
    may_run : threading.Event
        Set while the work may run.
    """

    def __init__(self, token: CancelToken, may_run: threading.Event) -> None:
        super().__init__()
        self._token = token
        self._may_run = may_run

    def cancel(self) -> None:
        """Ask the work to stop at its next step, paused or not."""
        self._token.cancel()

    @property
    def cancelled(self) -> bool:
        """Whether the work was asked to stop."""
        return self._token.cancelled

    def check(self) -> None:
        """Wait here while the work is paused; stop here if it was asked to.

        Raises
        ------
        Cancelled
            If `cancel` was called.
        """
        self._token.check()
        while not self._may_run.wait(_LOOK_AGAIN):
            self._token.check()
        self._token.check()
