"""What is not ours becomes one sentence; places are tried before anything is computed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from napari_tavis.core.boundary import explain, require_writable
from napari_tavis.core.errors import TavisError, UnwritablePlaceError


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TavisError("As it is."), "As it is."),
        (OSError(errno.ENOSPC, "No space left on device"), "The output cannot be written"),
        (OSError(errno.ENOSPC, "No space", "/a/b.json"), "/a/b.json cannot be written, for its"),
        (OSError(errno.EROFS, "Read-only", "/a/b"), "/a/b is on a disk that cannot be written to"),
        (PermissionError(errno.EACCES, "no", b"/a\xff"), "/a\\udcff may not be used"),
        (OSError(errno.ENOTEMPTY, "not empty", "/a", None, "/b"), "/b is not empty"),
        (OSError("a library's own words"), "The system refuses what was asked (a library's own"),
        (OSError(), "The system refuses what was asked (OSError)"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "The output was closed"),
        (MemoryError(), "The memory of this computer is used up"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9"), "The memory"),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), "A name or text"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "A name or text"),
        (RecursionError(), "What was given is nested too deep"),
    ],
)
def test_what_is_not_ours_is_a_sentence(error: BaseException, words: str) -> None:
    sentence = explain(error)
    assert sentence is not None
    assert sentence.startswith(words)
    assert sentence.endswith(".")
    assert "GPU" not in sentence
    assert sentence.isprintable()


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyError("a"), RuntimeError("else")])
def test_a_defect_has_no_sentence(error: BaseException) -> None:
    assert explain(error) is None


@pytest.mark.parametrize("name", ["new.json", "new/folders/new.json", "there", "folder"])
def test_a_place_that_can_be_written_stays_as_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / "there").write_text("kept")
    (tmp_path / "folder").mkdir()
    require_writable(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "there"]
    assert (tmp_path / "there").read_text() == "kept"


@pytest.mark.parametrize("name", ["file/a.json", "x" * 300, "a\0b", "a\udcffb"])
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnwritablePlaceError):
        require_writable(tmp_path / name)


@pytest.mark.skipif(os.name != "posix", reason="POSIX has pipes")
def test_a_pipe_is_no_place_for_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnwritablePlaceError, match="pipe, socket or device"):
        require_writable(tmp_path / "pipe")
