"""A dataset that somebody made to harm: checking it writes nothing, runs nothing, leads nowhere."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_tavis.datasets.avsbench import DatasetError, open_dataset, validate
from napari_tavis.datasets.avsbench.sound import read_wav, write_wav
from napari_tavis.datasets.avsbench.vggish import read_log_mel

S4 = "Single-source/s4_data"
PICTURE = f"{S4}/visual_frames/test/dog/park-test/park-test_1.png"
WAV = f"{S4}/audio_wav/test/dog/park-test.wav"
LIST = "Single-source/s4_meta_data.csv"

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX has pipes")


def everything(root: Path) -> dict[str, bytes | str | None]:
    """Give all that lies under a folder, also what is no file."""
    return {
        str(path.relative_to(root)): os.readlink(path)
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else None
        for path in sorted(root.rglob("*"))
    }


def found_at(dataset: Path, name: str) -> list[str]:
    before = everything(dataset)
    found = [item.message for item in validate(dataset) if item.path == dataset / name]
    assert everything(dataset) == before
    return found


def replaced_by(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


@posix
@pytest.mark.parametrize(
    "name",
    [
        PICTURE,
        WAV,
        f"{S4}/audio_log_mel/test/dog/park-test.pkl",
        f"{S4}/raw_videos/test/dog/park-test.mp4",
        LIST,
        "label2idx.json",
        "metadata.csv",
        "v2/park-test_0_10000/labels_rgb/0.png",
    ],
)
def test_pipes_links_and_devices_are_findings(
    tree_of_file: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    dataset = tree_of_file(name)
    path = dataset / name
    outside = tmp_path / "outside"
    shutil.copyfile(path, outside)
    for make, words in (
        (os.mkfifo, "is a pipe"),
        (lambda place: place.symlink_to("/dev/zero"), "lies outside"),
        (lambda place: place.symlink_to(outside), "lies outside"),
    ):
        replaced_by(path, make)
        if name == "metadata.csv" and words == "is a pipe":
            assert validate(dataset)
        else:
            assert any(words in message for message in found_at(dataset, name))


def test_folders_are_not_followed_out(dataset: Path, tmp_path: Path) -> None:
    clips = dataset / "v2"
    clips.rename(tmp_path / "elsewhere")
    clips.symlink_to(tmp_path / "elsewhere")
    assert "is a link that leads out of the dataset" in found_at(dataset, "v2")
    with pytest.raises(DatasetError, match="lies outside"):
        open_dataset(dataset, "v2", "test")[0]


def test_trees_are_not_followed_out(dataset: Path, tmp_path: Path) -> None:
    shutil.move(dataset / "Single-source", tmp_path / "Single-source")
    (dataset / "Single-source").symlink_to(tmp_path / "Single-source")
    with pytest.raises(DatasetError, match="no s4 data"):
        open_dataset(dataset, "s4", "test")
    assert not [item for item in validate(dataset) if "Single" in str(item.path)]


def test_a_foreign_record_of_an_export_is_not_carried_out(dataset: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "precious.txt").write_text("kept")
    folder = dataset / "Single-source" / ".avsbench-export-x"
    folder.mkdir()
    (dataset / "Single-source" / "way").symlink_to(victim)
    steps = {"added": ["way/new.txt"], "removed": ["way/precious.txt"], "lists": []}
    (folder / "commit.json").write_text(json.dumps(steps))
    (folder / "way").mkdir()
    (folder / "way" / "new.txt").write_text("attack")
    before = everything(dataset)
    validate(dataset)
    assert everything(dataset) == before
    assert [path.name for path in victim.iterdir()] == ["precious.txt"]


@pytest.mark.parametrize("name", ["label2idx.json"])
def test_json_that_is_deep_is_a_finding(dataset: Path, name: str) -> None:
    (dataset / name).write_text("[" * 90_000)
    assert found_at(dataset, name)
    (dataset / name).write_text("[" * 500 + "]" * 500)
    assert any("levels" in message for message in found_at(dataset, name))


@pytest.mark.parametrize("uid", ["x" * 300, "x" * 100_000, "a\0b"])
def test_names_that_no_file_can_have_are_findings(dataset: Path, uid: str) -> None:
    path = dataset / "metadata.csv"
    path.write_text(path.read_text().replace("park-test_0_10000", uid))
    assert validate(dataset)
    path = dataset / LIST
    path.write_text(path.read_text().replace("park-test", uid))
    assert validate(dataset)
    with pytest.raises(DatasetError):
        open_dataset(dataset, "s4", "test")[0]


def test_pictures_of_other_kinds_and_sizes_are_findings(
    tree_of_file: Callable[[str], Path],
) -> None:
    dataset = tree_of_file(PICTURE)
    path = dataset / PICTURE
    for kind in ("TIFF", "GIF", "BMP", "EPS"):
        with io.BytesIO() as written:
            Image.new("RGB", (224, 224)).save(written, kind)
            path.write_bytes(written.getvalue())
        assert any("neither PNG nor JPEG" in message for message in found_at(dataset, PICTURE))
    path.write_bytes(png(100_000, 100_000))
    assert any("pixels" in message for message in found_at(dataset, PICTURE))


@pytest.mark.parametrize("offset", [4, 16, 22, 24, 28, 34, 40])
def test_numbers_in_a_wav_file_are_not_believed(tmp_path: Path, offset: int) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, np.zeros(1000, np.int16))
    whole = path.read_bytes()
    for number in (0, 1, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF):
        path.write_bytes(whole[:offset] + struct.pack("<I", number) + whole[offset + 4 :])
        with suppress(DatasetError):
            assert len(read_wav(path)) <= 1000


@posix
def test_a_sparse_file_is_not_read(dataset: Path) -> None:
    for name in (  # the list last, for then it lists nothing
        WAV,
        PICTURE,
        "label2idx.json",
        f"{S4}/audio_log_mel/test/dog/park-test.pkl",
        LIST,
    ):
        os.truncate(dataset / name, 1 << 34)
        messages = [item.message for item in validate(dataset) if item.path == dataset / name]
        assert any("larger than" in message for message in messages)


def png(width: int, height: int) -> bytes:
    """Make a PNG file that claims a size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", b""), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def zip_bomb() -> bytes:
    with io.BytesIO() as written:
        with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("archive/data.pkl", bytes(1 << 26))
        return written.getvalue()


def storage(data: bytes) -> bytes:
    """Pickle what a tensor's storage is made of."""
    torch = pytest.importorskip("torch")

    class Loads:
        def __reduce__(self) -> tuple:
            return torch.storage._load_from_bytes, (data,)

    return pickle.dumps(Loads())


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04N\x72\xff\xff\xff\x7f.",  # remembers None at place 2^31
        b"Np2147483647\n.",
        b"\x80\x05\x96\x00\x00\x00\x00\x10\x00\x00\x00.",  # a bytearray of 64 GB
        b"(" * 100_000,
        b"]" * 50_000 + b"a" * 49_999 + b".",
        b"I" + b"9" * 10_000 + b"\n.",
        storage(zip_bomb()),
        zip_bomb(),
    ],
)
def test_a_pickle_that_asks_for_much_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(data)
    limit = sys.getrecursionlimit()
    with pytest.raises(DatasetError, match="is not a plain pickle of a tensor"):
        read_log_mel(path)
    assert sys.getrecursionlimit() == limit
