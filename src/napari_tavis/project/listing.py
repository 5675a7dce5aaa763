"""The videos of a folder or of a list file, in the order a person would count them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from napari_tavis.annotation.finding import SUFFIX as SESSION_SUFFIX
from napari_tavis.core.errors import ProjectError
from napari_tavis.core.files import ForeignFileError, read_text, shown

VIDEO_SUFFIXES = tuple(
    ".mp4 .m4v .mov .mkv .webm .avi .gif .mpg .mpeg .ts .mts .m2ts .wmv .flv .ogv .3gp".split()
)
"""What counts as a video by its name, and what the manifest offers to read."""

_NOT_SEARCHED = (".overlays",)
"""Folders made by napari-tavis beside a video; what lies in them is no video of the set."""
_LONGEST_LIST = 4 << 20
"""Bytes; a list of 30,000 videos takes less."""


def list_videos(source: Path, *, recursive: bool = False) -> list[Path]:
    """Give the videos of a folder, or those that a list file names.

    Parameters
    ----------
    source : Path
        A folder; or a text file with one path per line, relative to the file's folder or absolute,
        where empty lines and those that begin with ``#`` are passed over.
    recursive : bool
        Whether to look into a folder's folders, too. Links to folders are not followed.

    Returns
    -------
    list of Path
        Absolute paths. Those of a folder are in natural order (``clip2`` before ``clip10``),
        those of a list in the list's own, each once, and there whether they exist or not.

    Raises
    ------
    ProjectError
        If the source cannot be read, or the file is no list.
    """
    source = Path(os.path.abspath(source))
    if source.is_dir():
        return sorted(_videos_in(source, recursive), key=lambda path: natural_key(path, source))
    return read_list(source)


def read_list(file: Path) -> list[Path]:
    """Read a list file; see `list_videos`.

    The list is a choice of the user's, as the arguments of a command are, so that it may name
    videos anywhere.
    """
    try:
        text = read_text(file, most=_LONGEST_LIST)
    except ForeignFileError as error:
        raise ProjectError(
            f"{shown(file)} is not a list of videos ({error.problem}): choose a folder of them, or "
            "a text file (UTF-8) with one path per line."
        ) from error
    if "\0" in text:
        raise ProjectError(f"{file} is not a list of videos: it holds bytes that are not text.")
    lines = (line.strip() for line in text.splitlines())
    named = [line for line in lines if line and not line.startswith("#")]
    return list(dict.fromkeys(Path(os.path.abspath(file.parent / line)) for line in named))


def session_files(folder: Path, *, recursive: bool = False) -> list[Path]:
    """Give the sessions (``*.tavis`` files) in a folder, in natural order.

    Parameters
    ----------
    folder : Path
        The folder.
    recursive : bool
        Whether to look into its folders, too.
    """
    found = [
        Path(place, name)
        for place, _, files in _walk(folder, recursive)
        for name in files
        if name.endswith(SESSION_SUFFIX) and not name.startswith(".")
    ]
    return sorted(found, key=lambda path: natural_key(path, folder))


def natural_key(path: Path, folder: Path) -> tuple[tuple[tuple[int, int, str], ...], ...]:
    """Give the key that sorts paths below a folder as a person would count them."""
    parts = Path(os.path.relpath(path, folder)).parts
    return (*(_chunks(part) for part in parts),)


def _chunks(name: str) -> tuple[tuple[int, int, str], ...]:
    """Split a name into numbers and the words between them."""
    pieces = re.split(r"(\d+)", name.casefold())
    return (*((0, int(text), text) if text.isdecimal() else (1, 0, text) for text in pieces),)


def _videos_in(folder: Path, recursive: bool) -> Iterator[Path]:
    for place, _, files in _walk(folder, recursive):
        for name in files:
            if not name.startswith(".") and Path(name).suffix.lower() in VIDEO_SUFFIXES:
                yield Path(place, name)


def _walk(folder: Path, recursive: bool) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk a folder's files, without hidden folders and those that hold our own output."""

    def fail(error: OSError) -> None:
        if error.filename is not None and Path(error.filename) == folder:
            raise ProjectError(
                f"Cannot read the folder {folder} ({error.strerror or error})."
            ) from error

    for place, folders, files in os.walk(folder, onerror=fail):
        yield place, list(folders), files
        if not recursive:
            return
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and not name.endswith(_NOT_SEARCHED)
        ]
