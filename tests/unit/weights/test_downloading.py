from __future__ import annotations

import hashlib
import http.client
import io
import os
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from napari_tavis.core.errors import ChecksumError, DownloadError, WeightsError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.weights.downloading import (
    Unfinished,
    _number,
    ask_size,
    discard,
    download,
    unfinished,
)
from napari_tavis.weights.web import _Redirects

from .conftest import Site

DATA = os.urandom(3_000_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
AT_ONCE = (0.0, 0.0, 0.0)


@pytest.fixture
def target(tmp_path: Path, site: Site) -> Path:
    site.files["/file"] = DATA
    return tmp_path / "downloads" / "file.pth"


def fetch(site: Site, target: Path, **options: object) -> str:
    return download(f"{site.url}/file", target, pauses=AT_ONCE, **options)  # type: ignore[arg-type]


def test_a_file_comes_whole_with_progress(site: Site, target: Path) -> None:
    told: list[tuple[int, int, str]] = []
    assert fetch(site, target, task=Task(lambda *step: told.append(step))) == SHA256
    assert target.read_bytes() == DATA
    assert (3, 3, "downloading file, MB") in told
    assert [entry.name for entry in target.parent.iterdir()] == ["file.pth"]


def test_a_dropped_connection_goes_on_where_it_stopped(site: Site, target: Path) -> None:
    site.cuts = [1_000_000, 500_000]
    assert fetch(site, target) == SHA256
    assert [span for _, span in site.asked] == ["", "bytes=1000000-", "bytes=1500000-"]
    assert target.read_bytes() == DATA


def test_a_later_call_goes_on_where_one_gave_up(site: Site, target: Path) -> None:
    site.cuts = [1_000_000, 0, 0, 0]
    with pytest.raises(DownloadError, match=r"1\.0 MB are downloaded; start it again, and it"):
        fetch(site, target)
    assert not target.exists()
    site.asked.clear()
    assert fetch(site, target, sha256=SHA256) == SHA256
    assert site.asked == [("/file", "bytes=1000000-")]


def test_a_cancelled_download_can_go_on(site: Site, target: Path) -> None:
    def stop(done: int, _total: int, _what: str) -> None:
        if done >= 1:
            task.cancel()

    task = Task(stop)

    with pytest.raises(Cancelled):
        fetch(site, target, task=task)
    part = target.with_name("file.pth.part")
    assert 1_000_000 <= part.stat().st_size < len(DATA)
    assert not target.exists()
    assert fetch(site, target) == SHA256
    assert site.asked[-1][1].startswith("bytes=1")


def test_a_file_that_changed_meanwhile_starts_anew(site: Site, target: Path) -> None:
    site.cuts = [1_000_000, 0, 0, 0]
    with pytest.raises(DownloadError):
        fetch(site, target)
    site.etag, site.files["/file"] = '"two"', DATA[::-1]
    fetch(site, target)
    assert target.read_bytes() == DATA[::-1]


def test_a_server_without_ranges_starts_anew(site: Site, target: Path) -> None:
    site.ranges, site.cuts = False, [1_000_000]
    assert fetch(site, target) == SHA256


def test_a_file_of_another_length_without_a_validator_starts_anew(site: Site, target: Path) -> None:
    site.etag, site.cuts = "", [1_000_000, 0, 0, 0]
    with pytest.raises(DownloadError):
        fetch(site, target)
    site.files["/file"] = DATA + b"more"
    fetch(site, target)
    assert target.read_bytes() == DATA + b"more"


def test_a_part_that_was_whole_already_is_taken(site: Site, target: Path) -> None:
    site.cuts = [1_000_000, 0, 0, 0]
    with pytest.raises(DownloadError):
        fetch(site, target)
    target.with_name("file.pth.part").write_bytes(DATA)
    assert fetch(site, target) == SHA256


def test_a_wrong_checksum_deletes_the_file(site: Site, target: Path) -> None:
    with pytest.raises(ChecksumError, match=f"its SHA-256 is {SHA256} instead of 0123"):
        fetch(site, target, sha256="0123")
    assert list(target.parent.iterdir()) == []


def test_a_busy_server_is_asked_again(site: Site, target: Path) -> None:
    site.status = [503, 429]
    assert fetch(site, target) == SHA256


def test_an_address_without_a_file_is_named(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"/none answers 404 Not Found; it may have moved"):
        download(f"{site.url}/none", tmp_path / "file", pauses=AT_ONCE)
    assert len(site.asked) == 1


def test_a_server_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="Connection refused"):
        download("http://127.0.0.1:9/file", tmp_path / "file", pauses=AT_ONCE)


def test_other_addresses_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="starts with https://"):
        download(Path(__file__).as_uri(), tmp_path / "file", pauses=AT_ONCE)


def test_a_file_larger_than_the_disk_is_not_begun(site: Site, target: Path) -> None:
    site.announce = 10**18
    with pytest.raises(WeightsError, match=r"needs 1000000000\.00 GB in .* are free; make room"):
        fetch(site, target)
    assert not target.with_name("file.pth.part").exists()


TINY_DISK = """
import subprocess, sys
from pathlib import Path
from napari_tavis.weights.downloading import download
from napari_tavis.core.errors import DownloadError
disk = Path(sys.argv[2])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=True)
try:
    download(sys.argv[1], disk / "file.pth", pauses=())
except DownloadError as error:
    print(error)
print((disk / "file.pth.part").stat().st_size, (disk / "file.pth").exists())
"""


def test_a_disk_that_fills_up_keeps_what_has_come(site: Site, target: Path) -> None:
    site.announce = -1  # the server does not say how large the file is
    target.parent.mkdir()
    alone = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        subprocess.run([*alone, "mount", "-t", "tmpfs", "tmpfs", str(target.parent)], check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this system lets its users mount no disk of their own")
    result = subprocess.run(
        [*alone, sys.executable, "-c", TINY_DISK, f"{site.url}/file", str(target.parent)],
        capture_output=True,
        text=True,
    )
    assert "cannot be written: the disk is full" in result.stdout, result.stderr
    assert "make room and start the download again" in result.stdout
    size, whole = result.stdout.splitlines()[-1].split()
    assert 900_000 < int(size) <= 1024**2
    assert whole == "False"


DRIVE_PAGE = b"""<!DOCTYPE html><html><body><p>Google Drive can't scan this file for viruses.</p>
<form id="download-form" action="/download" method="get">
<input type="submit" value="Download anyway"/>
<input type="hidden" name="id" value="1g&amp;T"><input type="hidden" name="confirm" value="t">
</form><input type="hidden" name="other" value="x"></body></html>"""


def test_the_page_before_a_large_file_is_passed(site: Site, target: Path) -> None:
    site.files |= {"/uc?id=1gT": DRIVE_PAGE, "/download?id=1g%26T&confirm=t": DATA}
    site.cuts = [10_000, 1_000_000]  # the page is shorter than that
    assert download(f"{site.url}/uc?id=1gT", target, pauses=AT_ONCE) == SHA256
    assert site.asked[-1] == ("/download?id=1g%26T&confirm=t", "bytes=1000000-")


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (b"<html>Sorry: quota exceeded for this file</html>", "try again in a day"),
        (b"<html>Sign in</html>", "leads to a web page instead of a file"),
        (DRIVE_PAGE.replace(b"/download", b"/file"), "leads to a web page instead of a file"),
    ],
)
def test_other_pages_are_no_files(site: Site, target: Path, page: bytes, message: str) -> None:
    site.files |= {"/file": page, "/file?id=1g%26T&confirm=t": b"<html>Again</html>"}
    with pytest.raises(DownloadError, match=message):
        fetch(site, target)
    assert not target.parent.exists()


def test_what_came_can_be_told_and_discarded(site: Site, target: Path) -> None:
    assert unfinished(target) is None
    site.cuts = [1_000_000, 0, 0, 0]
    with pytest.raises(DownloadError):
        fetch(site, target)
    assert unfinished(target) == Unfinished(1_000_000, 3_000_000)
    discard(target)
    assert unfinished(target) is None
    assert list(target.parent.iterdir()) == []


def test_a_server_tells_the_size_without_sending_the_file(site: Site) -> None:
    site.files |= {"/file": DATA, "/page": b"<html>Sign in</html>"}
    assert ask_size(f"{site.url}/file") == 3_000_000
    site.announce = -1
    assert ask_size(f"{site.url}/file") is None
    with pytest.raises(DownloadError, match="web page instead of a file"):
        ask_size(f"{site.url}/page")
    with pytest.raises(DownloadError, match="404"):
        ask_size(f"{site.url}/none")


def test_a_cancel_does_not_wait_for_a_server_that_is_silent(tmp_path: Path) -> None:
    task = Task()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file"
        threading.Timer(0.2, task.cancel).start()
        with pytest.raises(Cancelled):  # long before the connection counts as dropped
            download(url, tmp_path / "file", pauses=(), timeout=3600, task=task)


FORM = """<html><form id="download-form" action="{}" method="get">
<input type="hidden" name="confirm" value="t"></form></html>"""


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "data:application/octet-stream,weights",
        "ftp://127.0.0.1/file",
        "javascript:alert(1)",
        "http:///nowhere",
        "https://[",
    ],
)
def test_nothing_but_the_web_is_read(site: Site, tmp_path: Path, address: str) -> None:
    site.files["/form"] = FORM.format(address).encode()
    site.redirects["/redirect"] = address
    for url in (address, f"{site.url}/form", f"{site.url}/redirect"):
        with pytest.raises(DownloadError):
            download(url, tmp_path / "file", pauses=AT_ONCE)
    assert not (tmp_path / "file").exists()


def test_https_does_not_lead_to_http(site: Site) -> None:
    redirects = _Redirects(("https",))
    request = urllib.request.Request("https://example.org/file")
    with pytest.raises(DownloadError, match="starts with https://"):
        redirects.redirect_request(
            request, io.BytesIO(), 302, "Found", http.client.HTTPMessage(), f"{site.url}/file"
        )


def test_an_address_given_by_hand_may_be_redirected(site: Site, target: Path) -> None:
    site.redirects["/moved"] = f"{site.url}/file"
    assert download(f"{site.url}/moved", target, pauses=AT_ONCE) == SHA256
    site.redirects["/round"] = "/round"
    with pytest.raises(DownloadError):
        download(f"{site.url}/round", target.with_name("other"), pauses=AT_ONCE)


@pytest.mark.parametrize("length", ["\xb2", "9" * 5000, "-5", "1e3", ""])
def test_a_length_that_is_no_number_is_not_believed(length: str) -> None:
    assert _number(length) is None
