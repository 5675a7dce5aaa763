"""A real server of files, and small checkpoints under the names that the authors use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from torch import Tensor

from napari_tavis.core.home import HOME_VARIABLE
from napari_tavis.model import TAViS
from napari_tavis.model.weight_names import official_name
from napari_tavis.weights.store import Store


@dataclass
class Site:
    """What a server serves, and how badly.

    Attributes
    ----------
    files
        Content by path.
    cuts
        After how many bytes each answer to come is cut off.
    etag, ranges, announce, status
        The validator; whether parts can be had; another length than the true one, -1 for none;
        another status than success.
    redirects
        Where a path leads to.
    asked
        The path and the Range of every request.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    etag: str = '"one"'
    ranges: bool = True
    announce: int | None = None
    status: list[int] = field(default_factory=list)
    redirects: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def log_message(self, *_args: object) -> None:
        """Keep the tests' output clean."""

    def do_GET(self) -> None:
        site, span = self.site, self.headers.get("Range", "")
        site.asked.append((self.path, span))
        if site.status:
            self.send_error(site.status.pop(0))
            return
        if self.path in site.redirects:
            self.send_response(302)
            self.send_header("Location", site.redirects[self.path])
            self.end_headers()
            return
        if self.path not in site.files:
            self.send_error(404)
            return
        data, start = site.files[self.path], 0
        fresh = self.headers.get("If-Range", site.etag) == site.etag
        if span and site.ranges and fresh:
            start = int(span.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        page = data.startswith(b"<")
        self.send_header("Content-Type", "text/html" if page else "application/octet-stream")
        if site.announce != -1:
            self.send_header("Content-Length", str(site.announce or len(data) - start))
        if site.etag:
            self.send_header("ETag", site.etag)
        self.end_headers()
        end = start + site.cuts.pop(0) if site.cuts else len(data)
        self.wfile.write(data[start:end])


@pytest.fixture
def site() -> Iterator[Site]:
    """A server on this machine."""
    site = Site()
    handler = type("Handler", (_Handler,), {"site": site})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store, where the environment says."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return Store()


@pytest.fixture(scope="session")
def toy_model() -> TAViS:
    torch.manual_seed(3)
    return TAViS.from_preset("toy")


@pytest.fixture(scope="session")
def official_file(_official: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint `official` in a file, to be read alone."""
    return save(_official, tmp_path_factory.mktemp("official") / "S4.pth")


@pytest.fixture
def official(_official: dict[str, Tensor]) -> dict[str, Tensor]:
    """A checkpoint of TAViS in small, with things in it that are never used."""
    return dict(_official)


@pytest.fixture(scope="session")
def _official(toy_model: TAViS) -> dict[str, Tensor]:
    state = {official_name(name): value for name, value in toy_model.state_dict().items()}
    state["imagebind.modality_trunks.depth.blocks.0.norm_1.weight"] = torch.zeros(5000)
    # the release stores its causal mask, which is no broken value
    mask = torch.full((32, 32), -torch.inf).triu(1)
    state["imagebind.modality_preprocessors.text.mask"] = mask
    state["query_fea_H.weight"] = torch.zeros(5, 128)
    return state


@pytest.fixture
def sam2(official: dict[str, Tensor], toy_model: TAViS) -> dict[str, Tensor]:
    """A checkpoint of SAM 2 alone in small."""
    names = [official_name(n) for n in toy_model.state_dict() if n.startswith("sam2.")]
    return {name: official[name] for name in names}


@pytest.fixture
def imagebind(official: dict[str, Tensor]) -> dict[str, Tensor]:
    """A checkpoint of ImageBind alone in small."""
    prefix = "imagebind."
    return {n.removeprefix(prefix): v for n, v in official.items() if n.startswith(prefix)}


def save(state: object, path: Path) -> Path:
    """Save as the authors do."""
    torch.save(state, path)
    return path
