"""Small files, free space, checksums and sizes, as needed to install weights."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_tavis.core import files
from napari_tavis.core.atomic import write_atomically
from napari_tavis.core.errors import WeightsError
from napari_tavis.core.home import HOME_VARIABLE
from napari_tavis.core.tasks import Task

MEGABYTE = 1_000_000
_CHUNK = 4 * 1024 * 1024


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; a missing or damaged file counts as an empty one."""
    try:
        found = files.read_json(path, most=files.MEGABYTE)
    except files.ForeignFileError:
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object whole or not at all; `WeightsError` if the disk refuses."""
    try:
        write_atomically(path, f"{json.dumps(content, indent=2)}\n".encode())
    except OSError as error:
        raise WeightsError(f"{path} cannot be written: {error.strerror}.") from error


def sha256_of(path: Path, task: Task | None = None) -> str:
    task = task or Task()
    digest, done, total = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            task.check()
            digest.update(piece)
            done += len(piece)
            task.report(done // MEGABYTE, total // MEGABYTE, f"checking {path.name}, MB")
    return digest.hexdigest()


def require_space(directory: Path, size: int, what: str) -> None:
    """Make sure that `size` bytes fit on a directory's disk; `what` names what they are for.

    The directory is made if need be. Raises `WeightsError` if they do not fit, or the directory
    cannot be made.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(directory).free
    except OSError as error:
        raise WeightsError(f"{directory} cannot be used: {error.strerror}.") from error
    if size > free:
        raise WeightsError(
            f"{what} needs {in_words(size)} in {directory}, where {in_words(free)} are free; make "
            "room, or keep models on another disk: Models … in napari, napari-tavis weights where "
            f"--set DIRECTORY, or the environment variable {HOME_VARIABLE}."
        )


def free_space(directory: Path) -> int | None:
    """Return the free bytes of the disk of a directory that may not exist yet; None if unknown."""
    for place in (directory, *directory.parents):
        try:
            return shutil.disk_usage(place).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def in_words(size: int) -> str:
    """Format a number of bytes for people, such as ``1.20 GB``."""
    if size < MEGABYTE:
        return f"{size / 1000:.1f} kB"
    if size < 1000 * MEGABYTE:
        return f"{size / MEGABYTE:.1f} MB"
    return f"{size / MEGABYTE / 1000:.2f} GB"
