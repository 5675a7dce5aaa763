"""Pictures, masks and labels in the encodings that every AVSBench loader reads.

Each encoding of a binary mask (1-bit, 0/1, palette, RGB) breaks at least one public loader, except
mode L with exactly 0 and 255.
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


def write_object_frame(path: Path, frame: npt.NDArray[np.uint8]) -> None:
    """Write a frame, (H, W, 3), as S4 and MS3 want it: 224 x 224 RGB PNG, stretched."""
    size = (OBJECT_SIZE, OBJECT_SIZE)
    Image.fromarray(frame).resize(size, Image.Resampling.BILINEAR).save(path)


def write_object_mask(path: Path, mask: npt.NDArray[np.bool_]) -> None:
    """Write a mask, (H, W), as S4 and MS3 want it: 224 x 224, mode L, 0 and 255, stretched."""
    picture = Image.fromarray(mask.astype(np.uint8) * 255)
    picture.resize((OBJECT_SIZE, OBJECT_SIZE), Image.Resampling.NEAREST).save(path)


def write_semantic_labels(
    rgb_path: Path, index_path: Path, class_map: npt.NDArray[np.uint8]
) -> None:
    """Write a label, class indices (H, W), twice: in palette colours, and as indices."""
    Image.fromarray(palette()[class_map]).save(rgb_path)
    Image.fromarray(class_map).save(index_path)


def keep_background_pixel(class_map: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Make sure that a label, (H, W), has a background pixel, or some loaders shift its classes.

    A label without one is copied, and the last pixel of its largest class made background.
    """
    if class_map.size == 0 or not class_map.all():
        return class_map
    largest = np.bincount(class_map.ravel()).argmax()
    changed = class_map.copy()
    changed.flat[np.flatnonzero(class_map == largest)[-1]] = 0
    return changed


def open_image(path: Path, root: Path | None = None) -> Image.Image:
    """Open and fully decode a picture; see `napari_tavis.core.files.open_picture`.

    Raises `DatasetError` if the file is missing, damaged, absurdly large or outside `root`.
    """
    try:
        return open_picture(path, root=root)
    except MissingForeignFileError as error:
        raise DatasetError(f"{shown(path)} is missing: restore it or remove its clip.") from error
    except ForeignFileError as error:
        raise DatasetError(str(error)) from error


def read_frame(path: Path, root: Path | None = None) -> npt.NDArray[np.uint8]:
    """Read a frame, (H, W, 3); `DatasetError` if that fails, as for the readers below."""
    return np.asarray(open_image(path, root).convert("RGB"))


def read_object_mask(path: Path, root: Path | None = None) -> npt.NDArray[np.bool_]:
    """Read a binary mask, (H, W), in any of the encodings in use."""
    values = np.asarray(open_image(path, root))
    return np.asarray(values.any(axis=-1) if values.ndim == 3 else values != 0)


def read_semantic_label(path: Path, root: Path | None = None) -> npt.NDArray[np.uint8]:
    """Read a label of the semantic tree as class indices, 0 to 70, (H, W).

    Its mode tells whether it holds indices or palette colours. Anything that is no class is a
    `DatasetError`.
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
            f"column {column}, which is not an AVSBench class: correct the label."
        )
    return indices


def colors_to_classes(
    colors: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Turn palette colours, (..., 3), into class indices, (...), and say which colours are known.

    Unknown ones become 0, as in the authors' loader.
    """
    # Colours as 24-bit numbers in order, so that one search finds the classes of all pixels.
    codes, sorted_classes = _color_table()
    wanted = _color_codes(colors)
    place = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)  # none beyond the last
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
