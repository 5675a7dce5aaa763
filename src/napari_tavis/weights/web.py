"""Opening addresses of files, through the page that Google Drive puts before large ones."""

from __future__ import annotations

import http.client
import urllib.request
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from email.message import Message
from html.parser import HTMLParser
from http.client import HTTPMessage
from http.cookiejar import CookieJar
from typing import IO, Protocol, cast
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit

from napari_tavis.core.errors import DownloadError
from napari_tavis.core.files import shown

_FORM = "download-form"
_PAGE_LIMIT = 1_000_000
_AGENT = "napari-tavis"


class Response(Protocol):
    """What an opened address gives."""

    status: int
    headers: Message
    url: str

    def read(self, amount: int = ...) -> bytes:
        """Read so many bytes."""

    def read1(self, amount: int = ...) -> bytes:
        """Read what has come, at most so many bytes; none at the end."""

    def close(self) -> None:
        """Give up the connection."""


@dataclass(frozen=True)
class Refused(Exception):
    """The server answered with an error.

    Parameters
    ----------
    code : int
        Of HTTP.
    reason : str
        The server's words.
    """

    code: int
    reason: str


def open_file(url: str, headers: Mapping[str, str], timeout: float) -> Response:
    """Open the address of a file.

    Google Drive answers with a page that asks whether a file too large for its virus scan shall
    be downloaded; the page's form is sent, as a browser would.

    Parameters
    ----------
    url : str
        Address, ``https``; or ``http``, if it was given so by hand. Nothing that it leads to may
        be less safe, or of another kind.
    headers : mapping of str to str
        Such as ``Range``.
    timeout : float
        Seconds to wait for each answer.

    Returns
    -------
    Response
        To be closed.

    Raises
    ------
    DownloadError
        If there is a web page instead of a file, or it leads away from ``https``.
    Refused
        If the server answers with an error.
    OSError, http.client.HTTPException
        If the connection fails.
    """
    schemes = ("https", "http") if url.lower().startswith("http:") else ("https",)
    _check_scheme(url, schemes)
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
            f"Google Drive lets nobody download {url} just now, because too many have; try again "
            "in a day."
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
        raise DownloadError(f"{shown(url)} is no address of a file; it starts with https://.")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to addresses of some kinds alone."""

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
        """Give the request that a redirect leads to.

        Raises
        ------
        DownloadError
            If it may not be made.
        """
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
    """Give the address that a page's download form leads to, or None if it has none."""
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
        """Take in the form or one of its fields."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("id") == _FORM:
            self.action, self._inside = given.get("action", ""), True
        elif tag == "input" and self._inside and given.get("type") == "hidden":
            self.fields[given.get("name", "")] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Leave the form."""
        if tag == "form":
            self._inside = False
