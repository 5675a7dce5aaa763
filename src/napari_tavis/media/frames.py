"""The frames of a video as an array that is decoded when it is looked at."""

from __future__ import annotations

import math
import operator
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_tavis.media.decoder import Decoder
from napari_tavis.media.errors import ClosedClipError, DecodingError, TooLargeError
from napari_tavis.media.index import FrameIndex

CACHE_BYTES = 256 * 2**20
"""How much memory the frames that were decoded last may keep."""

MAX_BYTES = 4 * 2**30
"""How much memory one access may ask for."""

_SKIP = 32
"""Frames that are rather decoded and passed over than jumped across."""


class FrameReader:
    """Gives any frame of a video stream, in any order, exactly.

    Keeps one decoder running, so that frames asked for one after another cost one decoding
    each. Thread safe.

    Parameters
    ----------
    path : Path
        The file.
    stream : int
        Index of its video stream.
    index : FrameIndex
        The stream's frames.
    cache_bytes : int
        Memory that decoded frames may keep.
    """

    def __init__(
        self, path: Path, stream: int, index: FrameIndex, cache_bytes: int = CACHE_BYTES
    ) -> None:
        self._path = path
        self._stream = stream
        self._index = index
        self._lock = threading.Lock()
        self._cache: OrderedDict[int, npt.NDArray[np.uint8]] = OrderedDict()
        self._capacity = max(1, cache_bytes // (index.size[0] * index.size[1] * 3))
        self._decoder: Decoder | None = None
        self._next = 0
        self._latest: tuple[int, npt.NDArray[np.uint8]] | None = None
        self._asked = 0
        self._closed = False

    def frame(self, index: int) -> npt.NDArray[np.uint8]:
        """Give one frame.

        Parameters
        ----------
        index : int
            0 to n - 1.

        Returns
        -------
        ndarray of uint8, shape (H, W, 3)
            The picture (RGB). Read only; it is shared with the cache. A frame that is
            damaged beyond decoding shows the picture before it, as a player would.

        Raises
        ------
        DecodingError
            If the file does not give that frame any more.
        ClosedClipError
            If the reader was closed.
        """
        with self._lock:
            if self._closed:
                raise ClosedClipError(f"{self._path} was closed; open it again.")
            picture = self._cache.get(index)
            if picture is None:
                picture = self._decode(index)
            else:
                self._cache.move_to_end(index)
            self._asked = index
            return picture

    def close(self) -> None:
        """End the decoder and forget the frames."""
        with self._lock:
            self._closed = True
            self._stop()
            self._cache.clear()

    def _decode(self, index: int) -> npt.NDArray[np.uint8]:
        """Decode frame `index`, from where the decoder stands or from a key frame."""
        if self._decoder is not None and self._next <= index and not self._better_to_jump(index):
            picture = self._advance(index)
            if picture is not None:
                return picture
        for key, first in self._ways_to(index):
            self._stop()
            self._open(key, first)
            picture = self._advance(index)
            if picture is not None:
                return picture
        self._stop()
        raise DecodingError(
            f"Frame {index} of {self._path} cannot be decoded; the file may have changed "
            f"since it was opened. Open it again."
        )

    def _better_to_jump(self, index: int) -> bool:
        """Say whether a key frame lies so far ahead that decoding up to it is a waste."""
        return (
            self._index.seekable
            and index - self._next > _SKIP
            and self._index.key_frame_before(index) > self._next
        )

    def _ways_to(self, index: int) -> Iterator[tuple[int, int]]:
        """Give pairs (key frame to begin at, first frame to keep), the quickest first."""
        if self._index.seekable:
            key = self._index.key_frame_before(index)
            # Going backwards, the frames before this one are likely to be asked for next.
            near = 0 < self._asked - index <= 2 * _SKIP
            back = min(_SKIP, self._capacity // 2) if near else 0
            yield key, max(key, index - back)
            # The jump may have landed too late, or on what is no key frame: ever further back.
            step = 1
            while key:
                key = self._index.key_frame_before(key, step)
                yield key, key
                step *= 2
        else:
            yield 0, 0

    def _open(self, key: int, first: int) -> None:
        """Start a decoder at a key frame."""
        index = self._index
        self._decoder = Decoder(
            self._path,
            self._stream,
            index.size,
            seek=index.container_time(key) if key else None,
            first=int(index.ticks[first]) if index.seekable and first else None,
        )
        self._next = 0
        self._latest = None

    def _advance(self, index: int) -> npt.NDArray[np.uint8] | None:
        """Decode up to frame `index`; None where this decoder passed it by."""
        assert self._decoder is not None
        while (got := self._decoder.read()) is not None:
            stamp, picture = got
            place = self._index.find(stamp.ticks) if self._index.seekable else self._next
            if place is None or place >= self._index.ticks.size:
                continue
            picture.flags.writeable = False
            before, self._latest = self._latest, (place, picture)
            self._next = place + 1
            self._keep(place, picture)
            if place == index:
                return picture
            if place > index:
                return self._stand_in(index, before)
        latest = self._latest if self._decoder.finished_well() else None
        self._stop()
        return self._stand_in(index, latest)

    def _stand_in(
        self, index: int, before: tuple[int, npt.NDArray[np.uint8]] | None
    ) -> npt.NDArray[np.uint8] | None:
        """Take the picture before a frame that did not come."""
        if before is None or before[0] > index:
            return None
        self._keep(index, before[1])
        return before[1]

    def _keep(self, index: int, picture: npt.NDArray[np.uint8]) -> None:
        """Put a frame into the cache, and the one used longest ago out of it."""
        self._cache[index] = picture
        self._cache.move_to_end(index)
        while len(self._cache) > self._capacity:
            self._cache.popitem(last=False)

    def _stop(self) -> None:
        """End the decoder, if one runs."""
        if self._decoder is not None:
            self._decoder.close()
        self._decoder = None
        self._latest = None


class Frames:
    """The frames of a video, as an array ``[n, H, W, 3]`` of uint8 (RGB) that is lazy.

    Index it like a numpy array: the first axis by integer, slice, list or boolean mask, the
    others as numpy allows. What is given belongs to the caller and may be changed.

    Attributes
    ----------
    shape : tuple of int
        (frames, height, width, 3).
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, reader: FrameReader, count: int, size: tuple[int, int]) -> None:
        self._reader = reader
        self.shape = (count, *size, 3)

    @property
    def size(self) -> int:
        """Number of values, as in numpy."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Memory that all frames together would take."""
        return self.size

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[npt.NDArray[np.uint8]]:
        for index in range(len(self)):
            yield self[index]

    def __repr__(self) -> str:
        return f"Frames(shape={self.shape}, dtype=uint8)"

    def __getitem__(self, key: Any) -> Any:
        first, rest = self._split(key)
        if isinstance(first, slice):
            chosen: range | list[int] = range(*first.indices(len(self)))
        elif np.ndim(first) == 0 and not isinstance(first, bool | np.bool_):
            return self._reader.frame(self._check(operator.index(first)))[rest].copy()
        else:
            chosen = self._listed(first)
        return self._stack(chosen, rest)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        if copy is False:
            raise ValueError("Frames are decoded when they are asked for: this makes a copy.")
        return np.asarray(self[:], dtype=dtype)

    def _split(self, key: Any) -> tuple[Any, tuple[Any, ...]]:
        """Split an index into that of the frames and that within a frame."""
        keys = key if isinstance(key, tuple) else (key,)
        if any(part is None for part in keys):
            raise IndexError("A new axis cannot be made here; index first, then reshape.")
        dots = [place for place, part in enumerate(keys) if part is Ellipsis]
        if len(keys) - len(dots) > self.ndim or len(dots) > 1:
            raise IndexError(f"Too many indices for frames with {self.ndim} axes.")
        if dots:
            fill = (slice(None),) * (self.ndim - len(keys) + 1)
            keys = (*keys[: dots[0]], *fill, *keys[dots[0] + 1 :])
        return (keys[0], keys[1:]) if keys else (slice(None), ())

    def _listed(self, first: Any) -> list[int]:
        """Turn a list or mask of frames into indices."""
        wanted = np.asarray(first)
        if wanted.dtype == bool:
            if wanted.shape != (len(self),):
                raise IndexError(
                    f"A mask of frames must have {len(self)} values, not shape {wanted.shape}."
                )
            return np.flatnonzero(wanted).tolist()
        if wanted.ndim != 1 or not (wanted.size == 0 or np.issubdtype(wanted.dtype, np.integer)):
            raise IndexError("Frames are indexed by an integer, a slice, or a list of integers.")
        return [self._check(int(index)) for index in wanted]

    def _check(self, index: int) -> int:
        """Count a negative index from the end; refuse one outside."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"Frame {index} does not exist: there are {len(self)}.")
        return index % len(self)

    def _stack(self, chosen: range | list[int], rest: tuple[Any, ...]) -> npt.NDArray[np.uint8]:
        """Decode several frames into one array."""
        if any(not isinstance(part, slice) and np.ndim(part) > 0 for part in rest):
            raise IndexError(
                "Several frames can be cut by slices and integers only; index the result."
            )
        part = np.broadcast_to(np.uint8(0), self.shape[1:])[rest]
        if len(chosen) * part.size > MAX_BYTES:
            raise TooLargeError(
                f"{len(chosen)} frames would take {len(chosen) * part.size / 2**30:.1f} GiB of "
                f"memory; ask for fewer at a time."
            )
        result = np.empty((len(chosen), *part.shape), dtype=np.uint8)
        for place, index in enumerate(chosen):
            result[place] = self._reader.frame(index)[rest]
        return result
