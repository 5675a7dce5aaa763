"""Files of datasets: frames, copies, lists, and what a check of them finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_tavis.core import files
from napari_tavis.core.errors import DatasetError
from napari_tavis.core.files import shown
from napari_tavis.core.tasks import Task
from napari_tavis.media import Clip

JPEG_QUALITY = 95
MOST_JSON = 2 << 30  # bytes; COCO's own list of all its training pictures has a fifth of that

_BLOCK = 8 << 20  # bytes


def write_jpeg(path: Path, picture: npt.NDArray[np.uint8]) -> None:
    """Write a frame, uint8 (H, W, 3), as a JPEG file that keeps the full colour resolution."""
    Image.fromarray(picture).save(path, quality=JPEG_QUALITY, subsampling=0)


def pictures(
    clip: Clip, frames: Sequence[int], task: Task
) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Decode some frames one after another: yields index and picture, uint8 (H, W, 3)."""
    for done, frame in enumerate(frames):
        task.check()
        task.report(done, len(frames), "writing frames")
        yield frame, np.asarray(clip.frames[frame])


def check_picture(path: Path, root: Path, size: tuple[int, int]) -> Iterator[Violation]:
    """Check that a frame can be read, and has the size (height, width) of its masks."""
    try:
        image = files.open_picture(path, root=root)
    except files.ForeignFileError as error:
        yield Violation(path, error.problem)
        return
    found = (image.height, image.width)
    if found != size:
        yield Violation(path, f"is {found[1]} x {found[0]} pixels, the masks {size[1]} x {size[0]}")


def copy_file(source: Path, target: Path, task: Task) -> None:
    """Copy a file of any size, in steps between which the task can be cancelled.

    Raises `DatasetError` if it cannot be read or written.
    """
    try:
        size = max(1, source.stat().st_size)
        with source.open("rb") as incoming, target.open("xb") as outgoing:
            while block := incoming.read(_BLOCK):
                task.check()
                outgoing.write(block)
                task.report(100 * outgoing.tell() // size, 100, "copying the video")
    except OSError as error:
        raise DatasetError(
            f"{source} cannot be copied to {target.parent}: {error.strerror or error}."
        ) from error


def read_json(path: Path, root: Path | None = None) -> dict[str, Any]:
    """Read a json file that holds one object; an empty one if there is no file.

    Raises `DatasetError` if it cannot be read, or is outside `root`.
    """
    try:
        content = files.read_json(path, most=MOST_JSON, root=root)
    except files.MissingForeignFileError:
        return {}
    except files.ForeignFileError as error:
        raise DatasetError(str(error)) from error
    if not isinstance(content, dict):
        raise DatasetError(f"{path} must hold one json object: replace it.")
    return content


def path_in_dataset(text: str) -> PurePosixPath | None:
    """Read a relative path from a dataset, whichever system wrote it; None if it leads out."""
    path = PurePosixPath(text.replace("\\", "/"))
    leads_out = path.is_absolute() or ".." in path.parts or ":" in text or "\0" in text
    return None if leads_out or not path.parts else path


@dataclass(frozen=True)
class Violation:
    """One breach of a dataset's format: `message` is a sentence without the path."""

    path: Path
    message: str

    def __str__(self) -> str:
        return f"{shown(self.path, most=1000)}: {self.message}"


def without_path(error: Exception, path: Path) -> str:
    """Remove the path from the start of a message, as the violation itself has it."""
    return str(error).removeprefix(f"{path} ").removeprefix(f"{shown(path)} ")
