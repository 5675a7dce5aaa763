"""Downloads that resume where they stopped."""

from __future__ import annotations

import errno
import http.client
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_tavis.core.errors import ChecksumError, DownloadError
from napari_tavis.core.tasks import Task
from napari_tavis.weights.files import (
    MEGABYTE,
    in_words,
    read_json,
    require_space,
    sha256_of,
    write_json,
)
from napari_tavis.weights.web import Connection, Refused, Response

# seconds before each retry; a download gives up after the last without a new byte
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)

TIMEOUT = 15.0  # seconds without a byte after which a connection counts as dropped

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk has no room for more
_TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)  # HTTP statuses that may pass
_RANGE_REFUSED = 416


@dataclass
class Dropped(Exception):
    """A connection ended too early or could not be made; another try may succeed."""

    reason: str


def download(
    url: str,
    target: Path,
    *,
    sha256: str = "",
    task: Task | None = None,
    pauses: Sequence[float] = PAUSES,
    timeout: float = TIMEOUT,
) -> str:
    """Download a file, resuming where an earlier try stopped, and return its SHA-256.

    The target is written whole or not at all; one that exists is taken as it is, if its checksum
    is right. What has arrived is kept beside it as ``*.part``, also after a cancel or an error. An
    empty `sha256` means that none is known; `pauses` and `timeout` are in seconds.

    Raises `DownloadError` for the address, the connection or the disk, `ChecksumError` if the file
    is not the expected one (it is deleted), and `Cancelled`.
    """
    task = task or Task()
    part = _Part(url, target, task, timeout)
    if not target.is_file():
        part.fetch(pauses)
    found = sha256_of(target, task)
    if sha256 and found != sha256:
        target.unlink()
        raise ChecksumError(
            f"{target.name} from {url} is not the file that was expected: its SHA-256 is {found} "
            f"instead of {sha256}. It was deleted; try again."
        )
    return found


@dataclass(frozen=True)
class Unfinished:
    """A download that was cancelled or cut off."""

    done: int  # bytes that are on the disk
    total: int | None  # bytes of the whole file, if the server said


def unfinished(target: Path) -> Unfinished | None:
    """Return how much there is of a file whose download did not end; None if nothing."""
    part, facts = _parts(target)
    return (
        Unfinished(part.stat().st_size, read_json(facts).get("total")) if part.is_file() else None
    )


def discard(target: Path) -> None:
    """Delete what there is of a file whose download did not end."""
    for path in (target, *_parts(target)):
        path.unlink(missing_ok=True)


def ask_size(url: str, task: Task | None = None, timeout: float = TIMEOUT) -> int | None:
    """Ask a server how many bytes a file has; None if it does not say.

    Raises `DownloadError` if the address cannot be reached or is no file's, and `Cancelled`.
    """
    connection = Connection(url, {}, timeout, task or Task())
    try:
        return _extent(connection.open())[1]
    except Refused as refused:
        raise DownloadError(f"{url} answers {refused.code} {refused.reason}.") from refused
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(f"{url} cannot be reached: {_reason(error)}.") from error
    finally:
        connection.close()


def _parts(target: Path) -> tuple[Path, Path]:
    """Return the files for what has arrived of a file, and for what is known of the whole."""
    return target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.part.json")


class _Part:
    """A file on its way."""

    def __init__(self, url: str, target: Path, task: Task, timeout: float) -> None:
        self._url, self._target = url, target
        self._task, self._timeout = task, timeout
        self._path, self._facts = _parts(target)
        self._told = -1

    def fetch(self, pauses: Sequence[float]) -> None:
        """Fetch what is missing, trying again where the connection drops."""
        tries = 0
        while True:
            before = self._size()
            try:
                self._fetch_once()
                break
            except Dropped as dropped:
                tries = 0 if self._size() > before else tries  # progress earns new patience
                if tries == len(pauses):
                    raise DownloadError(self._lost(dropped.reason)) from dropped
                self._wait(pauses[tries])
                tries += 1
        os.replace(self._path, self._target)
        self._facts.unlink(missing_ok=True)

    def _fetch_once(self) -> None:
        self._task.check()
        offset = self._size()
        known = read_json(self._facts)
        if offset and known.get("url") != self._url:  # of another address
            offset = self._forget()
        headers = {}
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if known.get("validator"):  # else the size alone tells whether the file has changed
                headers["If-Range"] = known["validator"]
        self._tell(offset, known.get("total"))
        connection = Connection(self._url, headers, self._timeout, self._task)
        try:
            self._take(connection, offset, known.get("total"))
        except Refused as refused:
            if refused.code == _RANGE_REFUSED and offset:
                if offset == known.get("total"):  # complete: the last run stopped before the rename
                    return
                self._forget()
                raise Dropped("the file has changed on the server") from refused
            if refused.code in _TRY_AGAIN:
                raise Dropped(f"the server answers {refused.code} {refused.reason}") from refused
            raise DownloadError(
                f"{self._url} answers {refused.code} {refused.reason}; it may have moved."
            ) from refused
        except (OSError, http.client.HTTPException) as error:
            raise Dropped(_reason(error)) from error
        finally:
            connection.close()

    def _take(self, connection: Connection, offset: int, expected: int | None) -> None:
        """Append what a connection brings."""
        response = connection.open()
        start, total = _extent(response)
        if response.status != http.client.PARTIAL_CONTENT:  # the server sends the whole file
            offset = 0
        elif start != offset or (expected is not None and total != expected):
            self._forget()
            raise Dropped("the file has changed on the server")
        self._target.parent.mkdir(parents=True, exist_ok=True)
        if total is not None:
            require_space(self._target.parent, total - offset, self._target.name)
        validator = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        weak = validator.startswith("W/")  # says nothing about the bytes
        facts = {"url": self._url, "validator": "" if weak else validator, "total": total}
        write_json(self._facts, facts)
        done = offset
        with self._path.open("ab" if offset else "wb", buffering=0) as file:
            for piece in connection.pieces():
                self._write(file.fileno(), piece, done)
                done += len(piece)
                self._tell(done, total)
        if total is not None and done < total:
            raise Dropped("the connection ended too early")

    def _write(self, file: int, piece: bytes, done: int) -> None:
        view = memoryview(piece)
        try:
            while view:
                view = view[os.write(file, view) :]
        except OSError as error:
            room = "the disk is full" if error.errno in _FULL else str(error.strerror)
            raise DownloadError(
                f"{self._path} cannot be written: {room}. {in_words(done)} are there; make room "
                "and start the download again, and it resumes there."
            ) from error

    def _tell(self, done: int, total: int | None) -> None:
        if done // MEGABYTE != self._told:
            self._told = done // MEGABYTE
            what = f"downloading {self._target.stem}, MB"
            self._task.report(self._told, (total or 0) // MEGABYTE, what)

    def _size(self) -> int:
        return self._path.stat().st_size if self._path.is_file() else 0

    def _forget(self) -> int:
        """Delete what has arrived, for it belongs to another file."""
        self._path.unlink(missing_ok=True)
        self._facts.unlink(missing_ok=True)
        return 0

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._task.check()
            time.sleep(min(0.1, seconds))

    def _lost(self, reason: str) -> str:
        size = self._size()
        there = f" {in_words(size)} are downloaded; start it again, and it resumes." if size else ""
        return f"{self._url} cannot be downloaded: {reason}.{there}"


def _extent(response: Response) -> tuple[int, int | None]:
    """Return where a response starts in the file, and the file's size if it is known."""
    if response.status == http.client.PARTIAL_CONTENT:
        span, _, size = response.headers.get("Content-Range", "").partition("/")
        start = span.removeprefix("bytes ").partition("-")[0]
        begin = _number(start)
        return -1 if begin is None else begin, _number(size)  # -1 fits no offset
    return 0, _number(response.headers.get("Content-Length", ""))


def _number(text: str) -> int | None:
    """Parse a number of bytes; None for anything else, or more than any disk holds."""
    return int(text) if re.fullmatch("[0-9]{1,19}", text) else None


def _reason(error: Exception) -> str:
    """Say in a few words why a connection failed."""
    cause = getattr(error, "reason", error)
    if isinstance(cause, TimeoutError):
        return "the server does not answer"
    return str(getattr(cause, "strerror", None) or cause or type(cause).__name__)
