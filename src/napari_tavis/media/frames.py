"""The frames of a video as an array that is decoded when it is indexed."""

from __future__ import annotations

import math
import mmap
import operator
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import av.video.frame
import numpy as np
import numpy.typing as npt

from napari_tavis.core.errors import ClosedClipError, DecodingError, MediaError, TooLargeError
from napari_tavis.media.decoder import Decoder
from napari_tavis.media.index import FrameIndex
from napari_tavis.media.picture import Picture, PictureMaker

CACHE_BYTES = 256 * 2**20  # memory that the most recently decoded frames may take
MAX_BYTES = 4 * 2**30  # memory that one access may ask for
_JUMP = 4  # frames that may as well be decoded in the time that a jump takes
_BACK = 32  # frames before the one asked for that are kept too, when somebody steps backwards
_BEHIND = 8  # frames that are kept behind the one shown while a video is read in order
_BEHIND_BYTES = 50 * 2**20  # and the memory that they may take

_LARGE = 2**20  # bytes from which on a picture that is kept has memory of its own


class FrameReader:
    """Gives any frame of a video stream, in any order, exactly. Thread safe.

    One decoder runs on from frame to frame, so that frames asked for one after another cost
    one decoding each. A frame that will be asked for next is decoded ahead in a thread of its
    own, which gives way to whoever waits for another one.

    The reader closes the decoder. `first` is the stream's first frame, `cache_bytes` the memory
    that pictures may take.
    """

    def __init__(
        self,
        decoder: Decoder,
        index: FrameIndex,
        maker: PictureMaker,
        first: av.video.frame.VideoFrame,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self._decoder = decoder
        self._index = index
        self._maker = maker
        self._frame_of_packet = np.full(len(decoder.packets), -1, dtype=np.intp)
        # Backwards, so that of several frames from one packet the first stands there.
        self._frame_of_packet[index.numbers[::-1]] = np.arange(len(index))[::-1]
        picture_bytes = maker.size[0] * maker.size[1] * 3
        self._capacity = max(1, cache_bytes // picture_bytes)
        self._behind = max(1, min(_BEHIND, _BEHIND_BYTES // picture_bytes))
        self._cache: OrderedDict[int, Picture] = OrderedDict()
        # The first is held while the decoder works, the second for moments only: it guards the
        # three values below, so that threads can see that somebody waits for the first.
        self._lock, self._talk = threading.Lock(), threading.Lock()
        self._ahead: int | None = None  # the frame that is being decoded ahead
        self._helper: threading.Thread | None = None
        self._waiting = 0  # threads that want another frame than that
        # The frame that the decoder gives next, if it runs, and the one that it gave last.
        self._next: int | None = None
        self._last: tuple[int, av.video.frame.VideoFrame] | None = (0, first)
        self._asked, self._step = 0, 0  # the last frame asked for, and how far it was from before
        self._closed = False
        weakref.finalize(self, decoder.close)  # not self.close, which would keep this alive

    def frame(self, index: int) -> Picture:
        """Give frame `index`, 0 to n - 1: (H, W, 3), RGB, read-only, as it is kept.

        A frame that is damaged beyond decoding shows the picture before it, as a player would.
        `DecodingError` if the file does not give that frame any more, `ClosedClipError` if the
        reader was closed.
        """
        with self._talk:
            patient = self._ahead == index  # it will soon be there: do not interrupt
            self._waiting += not patient
        with self._lock:
            with self._talk:
                self._waiting -= not patient
            if self._closed:
                raise ClosedClipError(f"{self._decoder.path} was closed; open it again.")
            step, self._step = self._step, index - self._asked
            in_order = step == self._step == 1
            picture = self._cache.get(index)
            if picture is None:
                decoded = self._decode(index)
                picture = decoded if in_order else _apart(decoded)
            self._keep(index, picture)
            self._asked = index
            even = step == self._step and abs(step) > 1
            if in_order:
                # Playing on would fill the cache with memory never touched before, which costs
                # as much as decoding; a few frames are enough for stepping back.
                self._cache.pop(index - self._behind, None)
        if even:
            self._start_ahead(index + step)
        return picture

    def _start_ahead(self, index: int) -> None:
        """Begin to decode a frame that will be asked for soon, unless one is being decoded."""
        with self._talk:
            inside = 0 <= index < len(self._index)
            if not inside or index in self._cache or self._ahead is not None or self._closed:
                return
            self._ahead = index
            self._helper = threading.Thread(
                target=self._decode_ahead, args=(index,), name="frame ahead", daemon=True
            )
            self._helper.start()

    def close(self) -> None:
        """End the decoder and forget the frames."""
        with self._talk:
            self._waiting += 1  # makes the helper give way
            self._closed = True
            helper = self._helper
        with self._lock:
            self._decoder.close()
            self._cache.clear()
            self._last = None
        if helper is not None:
            helper.join()

    def _decode_ahead(self, index: int) -> None:
        """Decode a frame into the cache, unless somebody waits for another one."""
        try:
            with self._lock:
                if not self._closed and index not in self._cache:
                    self._keep(index, _apart(self._decode(index, ahead=True)))
        except (_GaveWay, MediaError):
            pass  # whoever asks for the frame gets the error
        finally:
            with self._talk:
                self._ahead = None

    def _decode(self, index: int, ahead: bool = False) -> Picture:
        """Decode frame `index`, from where the decoder stands or from a key frame."""
        if self._last is not None and self._last[0] == index:
            return self._maker.picture(self._last[1])
        if self._next is not None and self._next <= index and not self._better_to_jump(index):
            picture = self._advance(index, index, ahead)
            if picture is not None:
                return picture
        for key, keep in self._ways_to(index):
            self._next, self._last = None, None
            if not self._decoder.start(int(self._index.numbers[key]) if key else 0):
                continue
            self._next = key
            picture = self._advance(index, keep, ahead)
            if picture is not None:
                return picture
        raise DecodingError(
            f"Frame {index} of {self._decoder.path} cannot be decoded; the file may have changed "
            f"since it was opened. Open it again."
        )

    def _better_to_jump(self, index: int) -> bool:
        """Say whether a key frame lies so far ahead that decoding up to it would be a waste."""
        assert self._next is not None
        return self._index.key_frame_before(index) > self._next + _JUMP

    def _ways_to(self, index: int) -> Iterator[tuple[int, int]]:
        """Give pairs (key frame to begin at, first frame to keep), the quickest first."""
        key = self._index.key_frame_before(index)
        # Going backwards, the frames before this one are likely to be asked for next.
        back = min(_BACK, self._capacity // 2)
        near = 0 < self._asked - index <= back
        yield key, max(key, index - back) if near else index
        # The jump may have landed too late, or not on a real key frame: try ever further back.
        step = 1
        while key:
            key = self._index.key_frame_before(key, step)
            yield key, index
            step *= 2

    def _advance(self, index: int, keep: int, ahead: bool) -> Picture | None:
        """Decode up to frame `index`, and keep the pictures before it from frame `keep` on.

        None where the decoder skipped the frame, and none came before it.
        """
        while True:
            if ahead and self._waiting:
                raise _GaveWay
            got = self._decoder.read()
            if got is None:
                self._next = None
                return None if self._decoder.ended_early() else self._stand_in(index)
            place = self._place(got[0])
            if place is None:
                continue
            missed = self._stand_in(index) if place > index else None
            self._next, self._last = place + 1, (place, got[1])
            if place < keep:
                continue
            picture = self._maker.picture(got[1])
            if place == index:
                return picture
            self._keep(place, _apart(picture))
            if place > index:
                return missed

    def _place(self, number: int) -> int | None:
        """Give the index of the frame that came out of a packet; None where it is not shown."""
        place = int(self._frame_of_packet[number])
        if place < 0:
            return None
        # A packet with several frames gives them one after another.
        after = place if self._last is None else self._last[0] + 1
        if after < len(self._index) and self._index.numbers[after] == number:
            return after
        return place

    def _stand_in(self, index: int) -> Picture | None:
        """Take the picture before a frame that did not come."""
        if self._last is None or self._last[0] > index:
            return None
        return self._maker.picture(self._last[1])

    def _keep(self, index: int, picture: Picture) -> None:
        """Put a frame into the cache, and the least recently used ones out of it."""
        self._cache[index] = picture
        self._cache.move_to_end(index)
        while len(self._cache) > self._capacity:
            self._cache.popitem(last=False)


def _apart(picture: Picture) -> Picture:
    """Give a picture that is kept for long memory of its own from the system, if it is large.

    Among the decoder's frames, which come and go, it would leave holes that together took as
    much as half the cache.
    """
    if picture.nbytes < _LARGE:
        return picture
    room = np.frombuffer(mmap.mmap(-1, picture.nbytes), dtype=np.uint8).reshape(picture.shape)
    np.copyto(room, picture)
    room.flags.writeable = False
    return room


class _GaveWay(Exception):
    """Decoding ahead stopped, because somebody waits for another frame."""


class Frames:
    """The frames of a video, as a lazy array ``[n, H, W, 3]`` of uint8 (RGB).

    Index it like a numpy array: the first axis by integer, slice, list or boolean mask, the
    others as numpy allows. A single frame is shared with whoever asks for it next, and cannot be
    written to: copy it to change it. Several are the caller's own.

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
            return self._reader.frame(self._check(operator.index(first)))[rest]
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
        part = np.broadcast_to(np.uint8(0), self.shape[1:])[rest]  # for its shape; no memory
        if len(chosen) * part.size > MAX_BYTES:
            raise TooLargeError(
                f"{len(chosen)} frames would take {len(chosen) * part.size / 2**30:.1f} GiB of "
                f"memory; ask for fewer at a time."
            )
        result = np.empty((len(chosen), *part.shape), dtype=np.uint8)
        for place, index in enumerate(chosen):
            result[place] = self._reader.frame(index)[rest]
        return result
