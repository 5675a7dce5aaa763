"""A download's connection, read by a thread of its own so that a cancel never waits for it."""

from __future__ import annotations

import http.client
import queue
import threading
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from napari_tavis.core.tasks import Task
from napari_tavis.weights.web import Response, open_file

_PIECE = 1024 * 1024
_AHEAD = 8
_LOOK = 0.1
"""Seconds between two looks at the task."""

_Event: TypeAlias = Response | bytes | Exception


class Connection:
    """Opens an address and reads it.

    A server that no longer answers blocks who reads for many seconds; that is a thread which
    nobody waits for.

    Parameters
    ----------
    url, headers, timeout
        See `open_file`.
    task : Task
        Stops it at once when cancelled.
    """

    def __init__(self, url: str, headers: Mapping[str, str], timeout: float, task: Task) -> None:
        self._url, self._headers, self._timeout = url, headers, timeout
        self._task = task
        self._events: queue.Queue[_Event] = queue.Queue(_AHEAD)
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._read, name="download", daemon=True)

    def open(self) -> Response:
        """Give the response, of which only status and headers may be looked at.

        Raises
        ------
        DownloadError, Refused, OSError, http.client.HTTPException
            See `open_file`.
        Cancelled
            If the task was cancelled.
        """
        self._thread.start()
        response = self._next()
        assert not isinstance(response, bytes)
        return response

    def pieces(self) -> Iterator[bytes]:
        """Give what comes, until the end.

        Raises
        ------
        OSError, http.client.HTTPException
            If the connection fails.
        Cancelled
            If the task was cancelled.
        """
        while piece := self._next():
            assert isinstance(piece, bytes)
            yield piece

    def close(self) -> None:
        """Give up the connection, without waiting for it."""
        self._left.set()

    def _next(self) -> Response | bytes:
        while True:
            self._task.check()
            try:
                event = self._events.get(timeout=_LOOK)
            except queue.Empty:
                continue
            if isinstance(event, Exception):
                raise event
            return event

    def _read(self) -> None:
        """Read in the other thread."""
        try:
            response = open_file(self._url, self._headers, self._timeout)
        except Exception as error:
            self._put(error)
            return
        try:
            self._put(response)
            while not self._left.is_set() and (piece := _piece(response)):
                self._put(piece)
            self._put(b"")
        except Exception as error:
            self._put(error)
        finally:
            response.close()

    def _put(self, event: _Event) -> None:
        while not self._left.is_set():
            try:
                self._events.put(event, timeout=_LOOK)
            except queue.Full:
                continue
            return


def _piece(response: Response) -> bytes:
    """Read what has come; nothing at the end, also at one that comes too early."""
    try:
        return response.read1(_PIECE)
    except http.client.IncompleteRead:
        return b""
