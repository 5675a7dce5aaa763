"""One object of a session as an array that a napari Labels layer can show and paint in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_tavis.annotation import AnnotationSession

OBJECT_LABEL = 1  # the value of an object's pixels in its own layer


def _ignore() -> None:
    """Do nothing: the default of `SessionLabels.on_write`."""


class SessionLabels:
    """The masks of one object as an integer array, of which no dense copy exists.

    napari reads the shown frame through ``__getitem__`` and writes brush strokes, fills,
    polygons and undo through ``__setitem__``. Written frames are kept here until `flush`, so
    that a stroke of a hundred small steps is one edit of the session. `on_write` is called after
    each write, so that the owner can call `flush` soon. The shape is (frames, height, width).
    """

    ndim = 3
    dtype = np.dtype(np.uint8)

    def __init__(
        self,
        session: AnnotationSession,
        object_id: int,
        on_write: Callable[[], None] = _ignore,
    ) -> None:
        height, width = session.frame_size
        self.shape = (session.frame_count, height, width)
        self.object_id = object_id
        self._session: AnnotationSession | None = session
        self._on_write = on_write
        self._written: dict[int, npt.NDArray[np.bool_]] = {}

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
        """Read a copy, with numpy's indexing."""
        frames, inner = self._split(key)
        masks = [self._mask(frame) for frame in frames]
        return np.asarray(self._stack(masks)[inner]).astype(np.uint8)

    def __setitem__(self, key: Any, value: npt.ArrayLike) -> None:
        """Write; any value but 0 is the object."""
        frames, inner = self._split(key)
        masks = [self._writable_mask(frame) for frame in frames]
        stack = self._stack(masks)
        stack[inner] = np.asarray(value) != 0
        for mask, written in zip(masks, stack, strict=True):
            if not np.shares_memory(mask, written):
                mask[:] = written
        self._on_write()

    def flush(self) -> list[int]:
        """Hand the written frames to the session; give those whose mask really changed."""
        session = self._session
        if session is None:
            return []
        written, self._written = self._written, {}
        changed = []
        for frame, mask in sorted(written.items()):
            if not np.array_equal(mask, session.mask(self.object_id, frame)):
                session.set_mask(self.object_id, frame, mask)
                changed.append(frame)
        return changed

    def detach(self) -> None:
        """Let go of the session: empty from now on, and what is written is nobody's.

        A stroke may still be under way, and others may keep the layer.
        """
        self._session, self._on_write = None, _ignore
        self._written.clear()

    def _mask(self, frame: int) -> npt.NDArray[np.bool_]:
        """Give the mask of a frame for reading."""
        if frame in self._written:
            return self._written[frame]
        if self._session is None:
            return np.zeros(self.shape[1:], dtype=bool)
        return self._session.mask(self.object_id, frame)

    def _writable_mask(self, frame: int) -> npt.NDArray[np.bool_]:
        """Give the mask of a frame, kept until `flush`."""
        if frame not in self._written:
            mask = np.array(self._mask(frame), dtype=bool)
            if self._session is None:
                return mask
            self._written[frame] = mask
        return self._written[frame]

    def _stack(self, masks: list[npt.NDArray[np.bool_]]) -> npt.NDArray[np.bool_]:
        """Join masks along the frame axis; one alone is not copied, so that painting is quick."""
        if len(masks) == 1:
            return masks[0][np.newaxis]
        return np.array(masks, dtype=bool).reshape(len(masks), *self.shape[1:])

    def _split(self, key: Any) -> tuple[list[int], tuple[Any, ...]]:
        """Split an index into the frames it touches and the index into a stack of these."""
        if isinstance(key, np.ndarray) and key.dtype == bool and key.ndim == self.ndim:
            key = key.nonzero()
        parts = list(key) if isinstance(key, tuple) else [key]
        if any(part is Ellipsis for part in parts):
            at = next(i for i, part in enumerate(parts) if part is Ellipsis)
            parts[at : at + 1] = [slice(None)] * (self.ndim - len(parts) + 1)
        frame_key, *rest = parts or [slice(None)]
        if isinstance(frame_key, slice):
            return list(range(*frame_key.indices(self.shape[0]))), (slice(None), *rest)
        index = np.arange(self.shape[0])[frame_key]
        frames, position = np.unique(index, return_inverse=True)
        inner = int(position.item()) if index.ndim == 0 else position.reshape(index.shape)
        return frames.tolist(), (inner, *rest)
