"""Pictures, masks and labels in the encodings that every AVSBench loader reads.

Of the encodings of a binary mask (1-bit, 0/1, palette, RGB) each breaks at least one public
loader; mode L with exactly 0 and 255 breaks none.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_tavis.core.errors import DatasetError
from napari_tavis.core.files import (
    ForeignFileError,
    MissingForeignFileError,
    open_picture,
    shown,
)
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES, palette
from napari_tavis.datasets.avsbench.layout import OBJECT_SIZE

JPEG_QUALITY = 95


def write_object_frame(path: Path, frame: npt.NDArray[np.uint8]) -> None:
    """Write a frame as S4 and MS3 want it: 224 x 224 RGB PNG, stretched.

    Parameters
    ----------
    path : Path
        The file; its folder exists.
    frame : ndarray of uint8, shape (H, W, 3)
        RGB.
    """
    size = (OBJECT_SIZE, OBJECT_SIZE)
    Image.fromarray(frame).resize(size, Image.Resampling.BILINEAR).save(path)


def write_object_mask(path: Path, mask: npt.NDArray[np.bool_]) -> None:
    """Write a mask as S4 and MS3 want it: 224 x 224, mode L, 0 and 255, stretched.

    Parameters
    ----------
    path : Path
        The file; its folder exists.
    mask : ndarray of bool, shape (H, W)
        Everything that sounds.
    """
    picture = Image.fromarray(mask.astype(np.uint8) * 255)
    picture.resize((OBJECT_SIZE, OBJECT_SIZE), Image.Resampling.NEAREST).save(path)


def write_semantic_frame(path: Path, frame: npt.NDArray[np.uint8]) -> None:
    """Write a frame of the semantic tree: JPEG at its own size.

    Parameters
    ----------
    path : Path
        The file; its folder exists.
    frame : ndarray of uint8, shape (H, W, 3)
        RGB.
    """
    Image.fromarray(frame).save(path, quality=JPEG_QUALITY, subsampling=0)


def write_semantic_labels(
    rgb_path: Path, index_path: Path, class_map: npt.NDArray[np.uint8]
) -> None:
    """Write a label of the semantic tree twice: in palette colours, and as indices.

    Parameters
    ----------
    rgb_path, index_path : Path
        The files; their folders exist.
    class_map : ndarray of uint8, shape (H, W)
        Class indices, 0 to 70.
    """
    Image.fromarray(palette()[class_map]).save(rgb_path)
    Image.fromarray(class_map).save(index_path)


def keep_background_pixel(class_map: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Make sure that a label has a background pixel, without which some loaders shift classes.

    Parameters
    ----------
    class_map : ndarray of uint8, shape (H, W)
        Class indices.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        The same array where there is a background pixel; else a copy in which the last pixel of
        the class with the largest area is background.
    """
    if class_map.size == 0 or not class_map.all():
        return class_map
    largest = np.bincount(class_map.ravel()).argmax()
    changed = class_map.copy()
    changed.flat[np.flatnonzero(class_map == largest)[-1]] = 0
    return changed


def open_image(path: Path, root: Path | None = None) -> Image.Image:
    """Open and fully decode a picture; see `napari_tavis.core.files.open_picture`.

    Raises
    ------
    DatasetError
        If the file is missing, damaged, absurdly large or outside `root`.
    """
    try:
        return open_picture(path, root=root)
    except MissingForeignFileError as error:
        raise DatasetError(f"{shown(path)} is missing: restore it or remove its clip.") from error
    except ForeignFileError as error:
        raise DatasetError(str(error)) from error


def read_frame(path: Path, root: Path | None = None) -> npt.NDArray[np.uint8]:
    """Read a frame.

    Parameters
    ----------
    path : Path
        The file.
    root : Path, optional
        The folder that it must lie in, all links followed.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)

    Raises
    ------
    DatasetError
        If the file cannot be read.
    """
    return np.asarray(open_image(path, root).convert("RGB"))


def read_object_mask(path: Path, root: Path | None = None) -> npt.NDArray[np.bool_]:
    """Read a binary mask in any of the encodings in use.

    Parameters
    ----------
    path, root : Path
        As for `read_frame`.

    Returns
    -------
    ndarray of bool, shape (H, W)

    Raises
    ------
    DatasetError
        If the file cannot be read.
    """
    values = np.asarray(open_image(path, root))
    return np.asarray(values.any(axis=-1) if values.ndim == 3 else values != 0)


def read_semantic_label(path: Path, root: Path | None = None) -> npt.NDArray[np.uint8]:
    """Read a label of the semantic tree, told apart by its mode: indices or palette colours.

    Parameters
    ----------
    path, root : Path
        As for `read_frame`.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        Class indices, 0 to 70.

    Raises
    ------
    DatasetError
        If the file cannot be read or holds something that is no class.
    """
    image = open_image(path, root)
    if image.mode in ("L", "P", "1", "I", "I;16"):
        values = np.asarray(image)
        if int(values.max(initial=0)) >= len(AVSBENCH_CLASSES):
            raise DatasetError(
                f"{path} holds class index {int(values.max())}, but AVSBench ends at "
                f"{len(AVSBENCH_CLASSES) - 1}: correct the label."
            )
        return values.astype(np.uint8)
    colors = np.asarray(image.convert("RGB"))
    indices, known = colors_to_classes(colors)
    if not known.all():
        row, column = np.argwhere(~known)[0]
        raise DatasetError(
            f"{path} holds the colour {tuple(int(c) for c in colors[row, column])} at row {row}, "
            f"column {column}, which is not a class of AVSBench: correct the label."
        )
    return indices


def colors_to_classes(
    colors: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Turn palette colours into class indices.

    Parameters
    ----------
    colors : ndarray of uint8, shape (..., 3)
        RGB.

    Returns
    -------
    indices : ndarray of uint8, shape (...)
        Class indices; 0 for an unknown colour, as the authors' loader makes it.
    known : ndarray of bool, shape (...)
        Whether the colour is one of the 71.
    """
    codes, sorted_classes = _color_table()
    wanted = _color_codes(colors)
    place = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
    known = codes[place] == wanted
    return np.where(known, sorted_classes[place], 0).astype(np.uint8), known


def _color_codes(colors: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    wide = colors.astype(np.int64)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


@cache
def _color_table() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.intp]]:
    codes = _color_codes(palette()[: len(AVSBENCH_CLASSES)])
    order = np.argsort(codes)
    return codes[order], order
