"""Opening addresses of files, through the page that Google Drive puts before large ones."""

from __future__ import annotations

import http.client
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Protocol, cast
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin

from napari_tavis.weights.errors import DownloadError

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
        Address, ``http`` or ``https``.
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
        If there is a web page instead of a file.
    Refused
        If the server answers with an error.
    OSError, http.client.HTTPException
        If the connection fails.
    """
    if not url.startswith(("http://", "https://")):
        raise DownloadError(f"{url} is no address of a file; it starts with https://.")
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
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


def _open(
    opener: urllib.request.OpenerDirector, url: str, headers: Mapping[str, str], timeout: float
) -> Response:
    sent = {"User-Agent": _AGENT, "Accept-Encoding": "identity", **headers}
    try:
        opened = opener.open(urllib.request.Request(url, headers=sent), timeout=timeout)
    except HTTPError as error:
        with error:
            raise Refused(error.code, str(error.reason)) from error
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
    address = urljoin(url, form.action)
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
