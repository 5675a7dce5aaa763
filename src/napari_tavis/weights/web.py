"""Opening and reading the addresses of files, so that a cancel never waits for a server."""

from __future__ import annotations

import http.client
import queue
import threading
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from html.parser import HTMLParser
from http.client import HTTPMessage
from http.cookiejar import CookieJar
from typing import IO, Protocol, TypeAlias, cast
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit

from napari_tavis.core.errors import DownloadError
from napari_tavis.core.files import shown
from napari_tavis.core.tasks import Task

_FORM = "download-form"
_PAGE_LIMIT = 1_000_000
_AGENT = "napari-tavis"


class Response(Protocol):
    """What an opened address gives."""

    status: int
    headers: Message
    url: str

    def read(self, amount: int = ...) -> bytes:
        """Read up to `amount` bytes."""

    def read1(self, amount: int = ...) -> bytes:
        """Read what has arrived, at most `amount` bytes; empty at the end."""

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Refused(Exception):
    """The server answered with an error."""

    code: int  # HTTP status
    reason: str  # the server's words


def open_file(url: str, headers: Mapping[str, str], timeout: float) -> Response:
    """Open the address of a file; the response is to be closed.

    Google Drive answers with a page that asks whether to download a file too large for its virus
    scan; the page's form is sent, as a browser would. The address is ``https``, or ``http`` if it
    was given so by hand; nothing that it leads to may be less safe, or of another kind. `headers`
    is such as ``Range``; `timeout` is the longest wait for each answer, in seconds.

    Raises `DownloadError` if there is a web page instead of a file or it leads away from
    ``https``, `Refused` if the server answers with an error, `OSError` or
    `http.client.HTTPException` if the connection fails.
    """
    schemes = ("https", "http") if url.lower().startswith("http:") else ("https",)
    _check_scheme(url, schemes)
    # Not `build_opener`, which also handles file:, ftp: and data:.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPCookieProcessor(CookieJar()),
        _Redirects(schemes),
    ):
        opener.add_handler(handler)
    try:
        response = _open(opener, url, headers, timeout)
    except Refused:  # may be the page, which has no part that far behind
        if "Range" not in headers:
            raise
        response = _open(opener, url, {}, timeout)
        if not _is_page(response):
            response.close()
            raise
    if not _is_page(response):
        return response
    page = _text(response)
    confirmed = _confirmation(page, response.url)
    if confirmed:
        _check_scheme(confirmed, schemes)
        response = _open(opener, confirmed, headers, timeout)
        if not _is_page(response):
            return response
        page = _text(response)
    if "quota" in page.lower() or "too many users" in page.lower():
        raise DownloadError(
            f"Google Drive does not allow downloading {url} just now, because too many have; try "
            "again in a day."
        )
    raise DownloadError(f"{url} leads to a web page instead of a file.")


def _check_scheme(url: str, schemes: Collection[str]) -> None:
    """Refuse an address that is not on the web, or not encrypted where it has to be."""
    try:
        parts = urlsplit(url)
        allowed = parts.scheme in schemes and bool(parts.hostname)
    except ValueError:  # of an address that is none
        allowed = False
    if not allowed:
        raise DownloadError(f"{shown(url)} is not the address of a file; it starts with https://.")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to the given schemes only."""

    def __init__(self, schemes: Collection[str]) -> None:
        self._schemes = schemes

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Return the request that a redirect leads to; `DownloadError` if it is not allowed."""
        fp.close()  # else its body is read, which may have no end
        _check_scheme(newurl, self._schemes)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _open(
    opener: urllib.request.OpenerDirector, url: str, headers: Mapping[str, str], timeout: float
) -> Response:
    sent = {"User-Agent": _AGENT, "Accept-Encoding": "identity", **headers}
    try:
        opened = opener.open(urllib.request.Request(url, headers=sent), timeout=timeout)
    except HTTPError as error:
        error.close()
        raise Refused(error.code, str(error.reason)) from error
    except ValueError as error:  # of a redirect to what is no address
        raise DownloadError(f"{shown(url)} leads to an invalid address ({error}).") from error
    return cast(Response, opened)


def _is_page(response: Response) -> bool:
    return response.headers.get_content_type() == "text/html"


def _text(response: Response) -> str:
    try:
        return response.read(_PAGE_LIMIT).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        response.close()


def _confirmation(page: str, url: str) -> str | None:
    """Return the address that a page's download form leads to, or None if it has none."""
    form = _Form()
    form.feed(page)
    if form.action is None:
        return None
    try:
        address = urljoin(url, form.action)
    except ValueError:  # of an address that is none
        return None
    return f"{address}{'&' if '?' in address else '?'}{urlencode(form.fields)}"


class _Form(HTMLParser):
    """Finds Google Drive's download form and its hidden fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("id") == _FORM:
            self.action, self._inside = given.get("action", ""), True
        elif tag == "input" and self._inside and given.get("type") == "hidden":
            self.fields[given.get("name", "")] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


_PIECE = 1024 * 1024  # bytes
_PIECES_AHEAD = 8  # that may wait to be written
_POLL = 0.1  # seconds between two checks of the task

_Event: TypeAlias = Response | bytes | Exception


class Connection:
    """Opens an address and reads it in a thread of its own.

    A server that no longer answers blocks its reader for many seconds; here that is a thread that
    nobody waits for, and a cancelled task stops at once.
    """

    def __init__(self, url: str, headers: Mapping[str, str], timeout: float, task: Task) -> None:
        self._url, self._headers, self._timeout = url, headers, timeout
        self._task = task
        self._events: queue.Queue[_Event] = queue.Queue(_PIECES_AHEAD)
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._read, name="download", daemon=True)

    def open(self) -> Response:
        """Return the response, of which only status and headers may be used.

        Raises what `open_file` does, and `Cancelled`.
        """
        self._thread.start()
        response = self._next()
        assert not isinstance(response, bytes)
        return response

    def pieces(self) -> Iterator[bytes]:
        """Yield what arrives, until the end.

        Raises `OSError` or `http.client.HTTPException` if the connection fails, and `Cancelled`.
        """
        while piece := self._next():
            assert isinstance(piece, bytes)
            yield piece

    def close(self) -> None:
        """Abandon the connection, without waiting for it."""
        self._left.set()

    def _next(self) -> Response | bytes:
        while True:
            self._task.check()
            try:
                event = self._events.get(timeout=_POLL)
            except queue.Empty:
                continue
            if isinstance(event, Exception):
                raise event
            return event

    def _read(self) -> None:
        try:
            response = open_file(self._url, self._headers, self._timeout)
        except Exception as error:
            self._put(error)
            return
        try:
            self._put(response)
            while not self._left.is_set() and (piece := _piece(response)):
                self._put(piece)
            self._put(b"")  # the end, for `pieces`
        except Exception as error:
            self._put(error)
        finally:
            response.close()

    def _put(self, event: _Event) -> None:
        while not self._left.is_set():
            try:
                self._events.put(event, timeout=_POLL)
            except queue.Full:
                continue
            return


def _piece(response: Response) -> bytes:
    """Read what has arrived; empty at the end, even one that comes too early."""
    try:
        return response.read1(_PIECE)
    except http.client.IncompleteRead:
        return b""
