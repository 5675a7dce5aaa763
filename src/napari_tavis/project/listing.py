"""The videos of a folder or of a list file, and the sessions that belong to them."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from napari_tavis.annotation import (
    default_path,
    find_session,
    folder_elsewhere,
    holds_session,
    read_identity,
)
from napari_tavis.annotation.finding import SUFFIX as SESSION_SUFFIX
from napari_tavis.core.errors import ProjectError, TavisError
from napari_tavis.core.files import ForeignFileError, read_text, shown
from napari_tavis.project.queue_file import FOLDER_FILE

# what counts as a video by its name, and what the manifest offers to read
VIDEO_SUFFIXES = tuple(
    ".mp4 .m4v .mov .mkv .webm .avi .gif .mpg .mpeg .ts .mts .m2ts .wmv .flv .ogv .3gp".split()
)

# folders that napari-tavis writes beside a video; their files are no videos
_NOT_SEARCHED = (".overlays",)
_LONGEST_LIST = 4 << 20  # bytes; a list of 30,000 videos takes less


def list_videos(source: Path, *, recursive: bool = False) -> list[Path]:
    """Return the absolute paths of the videos in a folder, or of those that a list file names.

    A folder's videos come in natural order (``clip2`` before ``clip10``), with `recursive` also
    those of its folders; links to folders are not followed. A list file has one path per line,
    absolute or relative to the file's folder; empty lines and those that begin with ``#`` are
    skipped. Its videos come in its own order, each once, whether they exist or not.

    Raises `ProjectError` if the source cannot be read, or the file is no list.
    """
    source = Path(os.path.abspath(source))
    if source.is_dir():
        return sorted(_videos_in(source, recursive), key=lambda path: natural_key(path, source))
    return read_list(source)


def read_list(file: Path) -> list[Path]:
    """Read a list file; see `list_videos`.

    The list is the user's own choice, like the arguments of a command, so it may name videos
    anywhere.
    """
    try:
        text = read_text(file, most=_LONGEST_LIST)
    except ForeignFileError as error:
        raise ProjectError(
            f"{shown(file)} is not a list of videos ({error.problem}): choose a folder of videos, "
            "or a text file (UTF-8) with one path per line."
        ) from error
    if "\0" in text:
        raise ProjectError(f"{file} is not a list of videos: it holds bytes that are not text.")
    lines = (line.strip() for line in text.splitlines())
    named = [line for line in lines if line and not line.startswith("#")]
    return list(dict.fromkeys(Path(os.path.abspath(file.parent / line)) for line in named))


def session_files(folder: Path, *, recursive: bool = False) -> list[Path]:
    """Return the sessions (``*.tavis`` files) in a folder, in natural order."""
    found = [
        Path(place, name)
        for place, _, files in _walk(folder, recursive)
        for name in files
        if name.endswith(SESSION_SUFFIX) and not name.startswith(".")
    ]
    return sorted(found, key=lambda path: natural_key(path, folder))


def natural_key(path: Path, folder: Path) -> tuple[tuple[tuple[int, int, str], ...], ...]:
    """Return the key that sorts paths below a folder as a person would count them."""
    parts = Path(os.path.relpath(path, folder)).parts
    return (*(_chunks(part) for part in parts),)


def _chunks(name: str) -> tuple[tuple[int, int, str], ...]:
    pieces = re.split(r"(\d+)", name.casefold())
    # Numbers come before words; "07" and "7" are equal numbers, told apart by their text.
    return (*((0, int(text), text) if text.isdecimal() else (1, 0, text) for text in pieces),)


def _videos_in(folder: Path, recursive: bool) -> Iterator[Path]:
    for place, _, files in _walk(folder, recursive):
        for name in files:
            if not name.startswith(".") and Path(name).suffix.lower() in VIDEO_SUFFIXES:
                yield Path(place, name)


def _walk(folder: Path, recursive: bool) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk a folder's files, skipping hidden folders and those that hold our own output."""

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


class SessionFinder:
    """Finds the sessions of many videos, reading each folder and session once.

    Methods may be called from any thread.
    """

    def __init__(self) -> None:
        self._sizes: dict[Path, tuple[int, frozenset[int]]] = {}
        self._lock = threading.Lock()

    def find(self, video: Path) -> Path | None:
        """Return the file of a video's session, or None where there is none.

        It is beside the video, under the video's name; or one whose own video is gone and that was
        made from this very file; or it had to be kept in the user's data folder. The video is read
        only if one of the latter was made from a file of the same size.
        """
        try:
            size = video.stat().st_size
            # Recognising a video by its content reads it whole: only where a size suggests it.
            if size in self._sizes_elsewhere():
                return find_session(video)
            beside = default_path(video)
            if holds_session(beside):
                return beside
            return find_session(video) if size in self._orphan_sizes(video.parent) else None
        except (OSError, TavisError):
            return None  # the video cannot be read

    def _orphan_sizes(self, folder: Path) -> frozenset[int]:
        """Return the sizes, in bytes, of the videos that a folder's sessions have lost."""
        return self._video_sizes(folder, orphans)

    def _sizes_elsewhere(self) -> frozenset[int]:
        """Return the sizes, in bytes, of the videos whose sessions are in the data folder."""
        folder = folder_elsewhere()
        return self._video_sizes(folder, _files) if folder.is_dir() else frozenset()

    def _video_sizes(self, folder: Path, sessions: Callable[[Path], list[Path]]) -> frozenset[int]:
        changed = folder.stat().st_mtime_ns  # a folder's time changes with the names in it
        with self._lock:
            known = self._sizes.get(folder)
        if known is not None and known[0] == changed:
            return known[1]
        found = (read_identity(path) for path in sessions(folder))
        sizes = frozenset(identity.size for identity in found if identity is not None)
        with self._lock:
            self._sizes[folder] = changed, sizes
        return sizes


def orphans(folder: Path) -> list[Path]:
    """Return the sessions in a folder whose video is not beside them under its name."""
    with os.scandir(folder) as entries:
        names = {entry.name for entry in entries}
    return [
        folder / name
        for name in sorted(names)
        if name.endswith(SESSION_SUFFIX)
        and not name.startswith(".")
        and name.removesuffix(SESSION_SUFFIX) not in names
    ]


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SESSION_SUFFIX}"))


@dataclass(frozen=True)
class Sources:
    """The session files and the videos without a session that some paths stand for, each once."""

    sessions: tuple[Path, ...]
    unsegmented: tuple[Path, ...]


def find_sources(paths: Iterable[Path], *, recursive: bool = True) -> Sources:
    """Find the sessions and videos that folders, list files, videos and sessions stand for.

    With `recursive`, folders include their folders. Raises `ProjectError` if a path does not
    exist, or is none of these.
    """
    sessions: dict[Path, None] = {}
    videos: dict[Path, None] = {}
    for path in paths:
        place = Path(os.path.abspath(path))
        if place.name == FOLDER_FILE:
            place = place.parent
        if not place.exists():
            raise ProjectError(f"{path} does not exist: give folders, videos, lists or sessions.")
        if place.suffix == SESSION_SUFFIX and place.is_file():
            sessions[place] = None
        elif place.is_dir():
            sessions.update(dict.fromkeys(session_files(place, recursive=recursive)))
            videos.update(dict.fromkeys(list_videos(place, recursive=recursive)))
        elif place.suffix.lower() in VIDEO_SUFFIXES:
            videos[place] = None
        else:
            videos.update(dict.fromkeys(path for path in list_videos(place) if path.exists()))
    unsegmented, finder = [], SessionFinder()
    for video in videos:
        session = finder.find(video)
        if session is None:
            unsegmented.append(video)
        else:
            sessions[session] = None
    return Sources(tuple(sessions), tuple(unsegmented))
