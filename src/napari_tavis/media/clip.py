"""A clip: a video file's frames and sound on one time base."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from napari_tavis.core.errors import ClosedClipError
from napari_tavis.core.tasks import Task
from napari_tavis.media.decoder import Decoder
from napari_tavis.media.frames import CACHE_BYTES, FrameReader, Frames
from napari_tavis.media.index import FrameIndex, read_index
from napari_tavis.media.picture import PictureMaker
from napari_tavis.media.sound import BLOCK_SECONDS, Sound
from napari_tavis.media.timebase import SAMPLE_RATE

_SPARE = 0.5  # seconds by which the picture may end before the file does without a warning
_SLOW = 1000  # frames from which on decoding from the beginning, each time, is worth a warning


class Clip:
    """An open video file. Made by `open_clip`; a context manager that closes itself.

    Attributes
    ----------
    path : Path
        The file.
    frames : Frames
        ``[n, H, W, 3]`` uint8 (RGB), upright, decoded when indexed. Pixels are as they are
        stored: a video of oblong pixels is not stretched.
    times : ndarray of float64, shape (n,)
        When each frame is shown, in seconds; the first frame is time zero.
    duration : float
        Seconds from the first frame's beginning to the last frame's end.
    size : tuple of int
        Height and width of a frame.
    has_soundtrack : bool
        Whether there is sound that can be decoded.
    warnings : tuple of str
        What a user should know about this file, one sentence each.
    """

    def __init__(
        self, decoder: Decoder, index: FrameIndex, first: VideoFrame, cache_bytes: int
    ) -> None:
        maker = PictureMaker(first)
        self.path = decoder.path
        self.times = index.times
        self.duration = index.duration
        self.size = maker.size
        self._maker = maker
        self._reader = FrameReader(decoder, index, maker, first, cache_bytes)
        self.frames = Frames(self._reader, len(index), maker.size)
        self._sound = Sound(
            self.path,
            decoder.listing.audio,
            index.origin,
            index.duration,
            seekable=not index.jumps_back,
        )
        self._picture_warnings = tuple(_warnings(decoder, index))
        self._closed = False

    @property
    def has_soundtrack(self) -> bool:
        """Whether there is sound that can be decoded; finding out decodes a little, once."""
        return self._sound.audible

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know about this file, one sentence each, as far as it was read."""
        seen = [f"{self.path.name} {remark}." for remark in self._maker.remarks]
        return (*self._picture_warnings, *seen, *self._sound.warnings)

    def soundtrack(
        self, sample_rate: int = SAMPLE_RATE, channels: int = 1
    ) -> npt.NDArray[np.float32]:
        """Decode the whole soundtrack. It is not cached: keep it yourself.

        Parameters
        ----------
        sample_rate : int
            Samples per second.
        channels : int
            1 for the mix of all channels, or 2.

        Returns
        -------
        ndarray of float32, shape (samples,) or (samples, 2)
            Sound in [-1, 1] for the whole duration of the picture, sample 0 with the first
            frame; silence where there is no sound, and all silence without a soundtrack.

        Raises
        ------
        ClosedClipError
            If the clip was closed.
        """
        self._require_open()
        return self._sound.whole(sample_rate, channels)

    def sound_blocks(
        self,
        start: float = 0.0,
        stop: float | None = None,
        *,
        sample_rate: int = SAMPLE_RATE,
        channels: int = 1,
        speed: float = 1.0,
        block_seconds: float = BLOCK_SECONDS,
    ) -> Iterator[npt.NDArray[np.float32]]:
        """Decode a stretch of the soundtrack in blocks, so that its length costs no memory.

        Parameters
        ----------
        start, stop : float
            The stretch, in seconds; to the end by default.
        sample_rate, channels
            As in `soundtrack`.
        speed : float
            How fast it is to be played, 0.5 to 2; the pitch stays.
        block_seconds : float
            Length of a block as it is heard; the last one may be shorter.

        Returns
        -------
        iterator of ndarray of float32, shape (samples,) or (samples, 2)
            Sound in [-1, 1]: together ``(stop - start) / speed`` seconds; silence where there
            is no sound.

        Raises
        ------
        ClosedClipError
            If the clip was closed.
        """
        self._require_open()
        end = self.duration if stop is None else min(stop, self.duration)
        return self._sound.blocks(start, end, sample_rate, channels, speed, block_seconds)

    def _require_open(self) -> None:
        if self._closed:
            raise ClosedClipError(f"{self.path} was closed; open it again.")

    def close(self) -> None:
        """End the decoding and free its memory. A closed clip gives no more frames."""
        self._closed = True
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        height, width = self.size
        return f"Clip({str(self.path)!r}, {len(self.frames)} frames of {width}x{height})"


def open_clip(
    path: str | Path,
    *,
    cache_bytes: int = CACHE_BYTES,
    task: Task | None = None,
) -> Clip:
    """Open a video file.

    Parameters
    ----------
    path : str or Path
        The file. Its name is taken literally: it is never an option, a protocol, or a pattern.
    cache_bytes : int
        How much memory the most recently decoded frames may take.
    task : Task, optional
        Reports progress while the file is read; stops the work when cancelled.

    Returns
    -------
    Clip
        At least one frame, with or without sound.

    Raises
    ------
    MediaError
        One of its subclasses: the file is missing, empty, of no known video format, without
        a moving picture, or damaged beyond use. The message names the file.
    Cancelled
        If `task` was cancelled.
    """
    task = task or Task()
    file = Path(path)
    decoder = Decoder(file.absolute())
    try:
        index, first = read_index(decoder, task)
        return Clip(decoder, index, first, cache_bytes)
    except BaseException:
        decoder.close()
        raise


def _warnings(decoder: Decoder, index: FrameIndex) -> list[str]:
    """Describe what is unusual about a file."""
    path, listing, found = decoder.path, decoder.listing, []
    short = listing.duration is not None and listing.duration - index.duration > _SPARE
    # Only the worst of these three: each explains the ones after it.
    if index.claimed is not None:
        found.append(
            f"The time stamps of {path.name} are nonsense: its {len(index)} frames would last "
            f"{index.claimed:,.0f} s; they are shown over {index.duration:.2f} s instead, and the "
            f"sound may not fit. Convert it again."
        )
    elif index.damaged:
        found.append(
            f"{path.name} is damaged or cut off: {len(index)} frames ({index.duration:.2f} s) "
            f"can be shown."
        )
    elif short:
        found.append(
            f"{path.name} was cut off, or its picture ends before its sound: the picture ends "
            f"at {index.duration:.2f} s of {listing.duration:.2f} s, and nothing is heard after."
        )
    if index.jumps_back:
        found.append(
            f"The clock of {path.name} restarts within it, so its sound may not fit "
            f"the picture; convert it to mp4."
        )
    if not index.seekable and len(index) > _SLOW:
        found.append(
            f"{path.name} has no reliable time stamps, so seeking in it is slow; "
            f"convert it to mp4 to work faster."
        )
    if decoder.pixel_shape != 1:
        found.append(
            f"The pixels of {path.name} are not square ({decoder.pixel_shape.numerator}:"
            f"{decoder.pixel_shape.denominator}); they are shown, and written, as if they were."
        )
    if len(listing.video) > 1:
        found.append(f"{path.name} has {len(listing.video)} video streams; one is shown.")
    return found
