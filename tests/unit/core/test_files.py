"""Files made by others: what is no ordinary file, leads elsewhere or is too much is a sentence."""

from __future__ import annotations

import json
import math
import os
import socket
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_tavis.core import files
from napari_tavis.core.files import ForeignFileError, MissingForeignFileError

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX has these")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def listening_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))  # a socket's name is bounded to 108 bytes


def link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def link_to_a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def test_an_ordinary_file_is_read_also_through_a_link(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"\xef\xbb\xbfone\r\ntwo\n")
    (tmp_path / "link.txt").symlink_to("a.txt")
    for path in (file, tmp_path / "link.txt"):
        assert files.read_text(path, most=100, root=tmp_path) == "one\r\ntwo\n"
        assert files.is_file(path, root=tmp_path)


@posix
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Path.mkdir, "is a folder"),
        (pipe, "is a pipe"),
        (listening_socket, "is a pipe, socket or device"),
        (link_to_a_device, "is a pipe, socket or device"),
        (link_to_itself, "leads to itself"),
    ],
)
def test_what_is_no_ordinary_file_is_refused_at_once(
    tmp_path: Path, make: Callable[[Path], None], words: str
) -> None:
    path = tmp_path / "data.json"
    make(path)
    for read in (files.read_bytes, files.read_text, files.read_json):
        with pytest.raises(ForeignFileError, match=words):
            read(path, most=100)
    with pytest.raises(ForeignFileError, match=words):
        files.open_picture(path)
    assert not files.is_file(path)


@pytest.mark.parametrize("name", ["none.json", "none/none.json", "file/inside.json"])
def test_a_missing_file_is_told_apart(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("{}")
    with pytest.raises(MissingForeignFileError, match=r"is missing: restore it\.$"):
        files.read_json(tmp_path / name, most=100)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x" * 300, "too long"),
        ("x/" * 3000, "too long"),
        ("a\0b", "not a possible name of a file"),
        ("a\ud800b", "not a possible name of a file"),
    ],
)
def test_impossible_names_are_sentences_of_bounded_length(
    tmp_path: Path, name: str, words: str
) -> None:
    with pytest.raises(ForeignFileError, match=words) as caught:
        files.read_bytes(tmp_path / name, most=100, root=tmp_path)
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()
    assert not files.is_file(tmp_path / name)


@pytest.mark.parametrize("name", ["link", "folder/secret", "../secret", "../root-beside/secret"])
def test_nothing_outside_the_root_is_read(tmp_path: Path, name: str) -> None:
    root, beside = tmp_path / "root", tmp_path / "root-beside"
    for folder in (root, beside):
        folder.mkdir()
    for secret in (tmp_path / "secret", beside / "secret"):
        secret.write_text("{}")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "folder").symlink_to(beside)
    assert files.read_json(root / name, most=10) == {}
    with pytest.raises(ForeignFileError, match=r"lies outside .*root: put the file itself there"):
        files.read_json(root / name, most=10, root=root)


def test_the_root_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.json").write_text("[1]")
    (tmp_path / "named").symlink_to("real")
    root = tmp_path / "named"
    assert files.read_json(root / "a.json", most=10, root=root) == [1]


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "secret.json"
    path.write_text("{}")
    path.chmod(0)
    with pytest.raises(ForeignFileError, match="permission denied"):
        files.read_json(path, most=10)


def test_sizes_are_bounds(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 1024)
    assert len(files.read_bytes(path, most=1024)) == 1024
    path.write_bytes(b"x" * 1025)
    with pytest.raises(ForeignFileError, match="larger than 1 kB"):
        files.read_bytes(path, most=1024)


def test_text_that_is_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("Straße".encode("latin-1"))
    with pytest.raises(ForeignFileError, match="is not UTF-8 text: save it as UTF-8"):
        files.read_text(path, most=100)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("", "is not JSON"),
        ("[" * 65 + "]" * 65, "64 levels"),
        ('{"a":' * 100 + "1" + "}" * 100, "64 levels"),
        ("[" * 100_000, "64 levels|is not JSON"),
        ("[" * 100_000 + "]" * 100_000, "64 levels"),
        ('{"name": "\\ud800"}', "half a surrogate pair"),
        ('{"\\udfff": 1}', "half a surrogate pair"),
    ],
)
def test_json_that_cannot_be_used_is_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ForeignFileError, match=words):
        files.read_json(path, most=files.MEGABYTE)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[" * 64 + "]" * 64, json.loads("[" * 64 + "]" * 64)),
        (str(10**18 - 1), 10**18 - 1),
        ("-12", -12),
        (str(2**70), 2.0**70),
        (str(2**2000), math.inf),
        ("9" * 10_000, math.inf),
        ("[1e999, -Infinity]", [math.inf, -math.inf]),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ('"\\\\ud800"', "\\ud800"),
    ],
)
def test_json_that_is_odd_but_usable(tmp_path: Path, text: str, value: object) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    assert files.read_json(path, most=files.MEGABYTE) == value


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_pictures_are_opened_whatever_their_suffix(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "picture.any"
    Image.fromarray(np.full((4, 6, 3), 200, np.uint8)).save(path, kind)
    picture = files.open_picture(path, root=tmp_path)
    assert (picture.size, picture.format, picture.getpixel((0, 0))) == ((6, 4), kind, (200,) * 3)


def test_postscript_under_the_name_of_a_picture_starts_nothing(tmp_path: Path) -> None:
    if os.name != "posix":
        pytest.skip("the program that would be started is a script")
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    (tmp_path / "gs").chmod(0o755)
    (tmp_path / "a.png").write_text(
        "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    )
    code = (
        "import sys, pathlib; from PIL import Image; Image.init(); from napari_tavis.core import "
        "files; files.open_picture(pathlib.Path(sys.argv[1]))"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path / "a.png")]
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    result = subprocess.run(arguments, env=environment, capture_output=True, text=True)
    assert "neither PNG nor JPEG" in result.stderr
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("size", [(8193, 8192), (20_000, 20_000), (2**31 - 1, 2**31 - 1)])
def test_pictures_that_are_said_to_be_huge_are_not_decoded(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png(*size, zlib.compress(b"")))
    with pytest.raises(ForeignFileError, match=r"pixels.*: replace"):
        files.open_picture(path)


def test_damaged_pictures_are_sentences(tmp_path: Path) -> None:
    for kind in ("PNG", "JPEG"):
        path = tmp_path / "a.png"
        noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(noise).save(path, kind)
        whole = path.read_bytes()
        for kept in range(0, len(whole) - 20, 97):
            path.write_bytes(whole[:kept])
            with pytest.raises(ForeignFileError, match="cannot be read as a picture"):
                files.open_picture(path)


def png(width: int, height: int, pixels: bytes) -> bytes:
    """Make a PNG file that claims a size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts
