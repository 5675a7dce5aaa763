"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_tavis.core.atomic import write_atomically, write_file


def test_a_file_is_replaced_and_folders_are_made(tmp_path: Path) -> None:
    file = tmp_path / "new" / "file.json"
    write_atomically(file, b"first, which is longer")
    write_atomically(file, b"second")
    assert file.read_bytes() == b"second"
    assert [path.name for path in file.parent.iterdir()] == ["file.json"]


def test_a_file_that_cannot_be_replaced_stays_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    place = tmp_path / "taken"
    (place / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="taken"):
        write_atomically(place, b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    assert (place / "inside").is_dir()


@pytest.mark.parametrize("write", [write_atomically, write_file])
@pytest.mark.skipif(os.name != "posix", reason="only POSIX limits the size of files")
def test_on_a_full_disk_the_error_names_the_file(
    write: Callable[[Path, bytes], None], tmp_path: Path
) -> None:
    import resource  # Windows has none

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(OSError, match="too large") as caught:
            write(tmp_path / "file.json", bytes(100))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.filename == str(tmp_path / "file.json")


@pytest.mark.skipif(os.name != "posix", reason="files have such modes on POSIX alone")
def test_others_may_read_it_as_they_may_any_new_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "atomic", b"content")
    (tmp_path / "plain").write_bytes(b"content")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode
