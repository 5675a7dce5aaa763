"""Masks that are not in the session yet, outlined in a napari Labels layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_tavis.annotation.masks import Mask

PREVIEW_COLOR = "#ffe14d"


class PreviewLabels:
    """An integer array (frames, H, W) that makes each frame when napari reads it.

    `mask_of` gives a frame's mask, or None where there is none.
    """

    ndim = 3
    dtype = np.dtype(np.uint8)

    def __init__(self, shape: tuple[int, int, int], mask_of: Callable[[int], Mask | None]) -> None:
        self.shape = shape
        self._mask_of = mask_of

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Give the dense array: napari asks for it when the user saves the layer to a file."""
        return self[:].astype(dtype or self.dtype, copy=False)

    def __getitem__(self, key: Any) -> npt.NDArray[np.uint8]:
        """Index as numpy does, where the first axis takes an integer or a slice."""
        first, *rest = key if isinstance(key, tuple) else (key,)
        if isinstance(first, slice):
            frames = range(*first.indices(self.shape[0]))
            stack = np.array([self._frame(frame) for frame in frames], dtype=self.dtype)
            return stack.reshape(len(frames), *self.shape[1:])[(slice(None), *rest)]
        # The range turns negative indices around, and raises IndexError past the end.
        return self._frame(range(self.shape[0])[int(first)])[tuple(rest)]

    def _frame(self, frame: int) -> npt.NDArray[np.uint8]:
        mask = self._mask_of(frame)
        if mask is None:
            return np.zeros(self.shape[1:], self.dtype)
        return np.asarray(mask, dtype=self.dtype)


def preview_layer(
    shape: tuple[int, int, int], mask_of: Callable[[int], Mask | None], name: str = "preview"
) -> Labels:
    """Make a layer that outlines the masks that `mask_of` gives; `shape` is (frames, H, W)."""
    layer = Labels(
        PreviewLabels(shape, mask_of),
        name=name,
        opacity=0.9,
        colormap=DirectLabelColormap(
            color_dict={None: PREVIEW_COLOR, 0: "transparent", 1: PREVIEW_COLOR}
        ),
    )
    layer.contour = max(2, round(min(shape[1:]) / 250))
    layer.editable = False
    return layer
