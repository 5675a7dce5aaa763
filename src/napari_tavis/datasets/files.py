"""What the formats of whole videos share: pictures, copies, and reading their lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_tavis.core import files
from napari_tavis.core.errors import DatasetError
from napari_tavis.core.tasks import Task
from napari_tavis.datasets.violations import Violation
from napari_tavis.media import Clip

JPEG_QUALITY = 95
MOST_JSON = 2 << 30
"""Bytes of the largest list: COCO's own of all its training pictures has a fifth of that."""

_BLOCK = 8 << 20


def write_jpeg(path: Path, picture: npt.NDArray[np.uint8]) -> None:
    """Write a frame, uint8 ``[H, W, 3]``, as a JPEG file without loss of colour resolution."""
    Image.fromarray(picture).save(path, quality=JPEG_QUALITY, subsampling=0)


def pictures(
    clip: Clip, frames: Sequence[int], task: Task
) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Decode some frames one after another, telling the progress.

    Yields
    ------
    frame : int
        Index into the video's frames.
    picture : ndarray of uint8, shape (H, W, 3)
    """
    for done, frame in enumerate(frames):
        task.check()
        task.report(done, len(frames), "writing frames")
        yield frame, np.asarray(clip.frames[frame])


def check_picture(path: Path, root: Path, size: tuple[int, int]) -> Iterator[Violation]:
    """Check that a frame of a dataset can be read, and has a size (height and width)."""
    try:
        image = files.open_picture(path, root=root)
    except files.ForeignFileError as error:
        yield Violation(path, error.problem)
        return
    found = (image.height, image.width)
    if found != size:
        yield Violation(path, f"is {found[1]} x {found[0]} pixels, the masks {size[1]} x {size[0]}")


def copy_file(source: Path, target: Path, task: Task) -> None:
    """Copy a file of any size, looking at `cancel` now and then.

    Raises
    ------
    DatasetError
        If it cannot be read or written.
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
    """Read a json file that holds one object; an empty one where there is no file.

    Raises
    ------
    DatasetError
        If it cannot be read, or lies outside `root`.
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


def path_inside(text: str) -> PurePosixPath | None:
    """Read a relative path out of a dataset's list, where it stays inside the dataset.

    Returns
    -------
    PurePosixPath or None
        None for a path that leads out, or that another system would read differently.
    """
    path = PurePosixPath(text)
    if not text or path.is_absolute() or ".." in path.parts or "\\" in text or ":" in text:
        return None
    return path
