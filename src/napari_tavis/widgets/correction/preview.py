"""Masks that are not the session's yet, as an array that a napari Labels layer can show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_tavis.annotation.masks import Mask


class PreviewLabels:
    """Masks by frame as an integer array ``[frames, H, W]``, of which no dense copy exists.

    Parameters
    ----------
    shape : tuple of int
        (frames of the video, height, width).
    mask_of : callable
        Gives the mask of a frame, or None where there is none.
    """

    ndim = 3
    dtype = np.dtype(np.uint8)

    def __init__(self, shape: tuple[int, int, int], mask_of: Callable[[int], Mask | None]) -> None:
        self.shape = shape
        self._mask_of = mask_of

    @property
    def size(self) -> int:
        """Number of pixels over all frames."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Give the dense array, as napari needs it to save the layer to a file."""
        return self[:].astype(dtype or self.dtype, copy=False)

    def __getitem__(self, key: Any) -> npt.NDArray[np.uint8]:
        """Read with numpy's indexing of the first axis by a number or a slice."""
        first, *rest = key if isinstance(key, tuple) else (key,)
        if isinstance(first, slice):
            frames = range(*first.indices(self.shape[0]))
            stack = np.array([self._frame(frame) for frame in frames], dtype=self.dtype)
            return stack.reshape(len(frames), *self.shape[1:])[(slice(None), *rest)]
        return self._frame(range(self.shape[0])[int(first)])[tuple(rest)]

    def _frame(self, frame: int) -> npt.NDArray[np.uint8]:
        mask = self._mask_of(frame)
        if mask is None:
            return np.zeros(self.shape[1:], self.dtype)
        return np.asarray(mask, dtype=self.dtype)
