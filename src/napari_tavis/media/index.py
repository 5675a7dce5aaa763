"""The table of a video's frames: when each is shown, and from where it can be decoded.

Reading the packets of a file is quick even for hours of video, and almost always tells
exactly which frames will come out of the decoder. Where it may not (no time stamps, hidden
frames, damage), or where decoding the first and the last frames gives anything else, the whole
stream is decoded once instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.media import ffmpeg
from napari_tavis.media.container import Stream
from napari_tavis.media.decoder import FrameStamp, stamp_arguments, stamps
from napari_tavis.media.errors import NoPictureError
from napari_tavis.media.packets import Packets, jumps_are_true, read_packets
from napari_tavis.media.timebase import ascending, seconds_of_ticks
from napari_tavis.tasks import CancelToken, Progress, no_progress

# Codecs of which one packet holds exactly one shown frame. (VP8 hides reference frames in
# packets of their own; others are rare enough to be decoded once.)
_ONE_FRAME_PER_PACKET = frozenset(
    "av1 dnxhd ffv1 h264 hevc mjpeg mpeg4 prores rawvideo vp9 vvc".split()
)
# A picture of these builds on all before it, whatever the container calls a key frame.
_NEVER_SEEK = frozenset("gif apng webp".split())
_CHECKED = 32
"""Frames at either end that are decoded to see whether the packets told the truth."""
_USUAL_FRAME = 0.04
"""Seconds that a frame lasts where the file gives nothing to go by."""


@dataclass(frozen=True)
class FrameIndex:
    """The frames of a video stream.

    Attributes
    ----------
    ticks : ndarray of int64, shape (n,)
        Presentation time stamps in the container's units.
    time_base : Fraction
        Seconds per tick.
    times : ndarray of float64, shape (n,)
        Presentation times in seconds from the first frame on, ascending.
    duration : float
        Seconds from the first frame's beginning to the last frame's end.
    key_frames : ndarray of intp, shape (k,)
        Indices of the frames from which decoding can begin.
    size : tuple of int
        Height and width, upright.
    seekable : bool
        Whether frames can be told apart by their time stamps. If not, decoding always begins
        at the beginning, and frames are counted.
    jumps_back : bool
        Whether the file's clock starts again within it, as in files joined end to end.
    complaints : tuple of str
        What ffmpeg found wrong with the file.
    """

    ticks: npt.NDArray[np.int64]
    time_base: Fraction
    times: npt.NDArray[np.float64]
    duration: float
    key_frames: npt.NDArray[np.intp]
    size: tuple[int, int]
    seekable: bool
    jumps_back: bool
    complaints: tuple[str, ...]

    def container_time(self, index: int) -> Fraction:
        """Give the time of a frame on the container's own clock, in seconds."""
        return int(self.ticks[index]) * self.time_base

    def find(self, ticks: int | None) -> int | None:
        """Find the frame with a time stamp; None where there is none."""
        if ticks is None:
            return None
        place = int(np.searchsorted(self.ticks, ticks))
        return place if place < self.ticks.size and self.ticks[place] == ticks else None

    def key_frame_before(self, index: int, back: int = 0) -> int:
        """Give the last frame up to `index` from which decoding can begin, or one `back`."""
        place = int(np.searchsorted(self.key_frames, index, side="right")) - 1 - back
        return int(self.key_frames[place]) if place >= 0 else 0


@dataclass
class _Run:
    """The stamps that one decoding run reports, and its complaints once it has ended."""

    path: Path
    stream: int
    seek: Fraction | None = None
    limit: int | None = None
    log: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[FrameStamp]:
        arguments = stamp_arguments(self.path, self.stream, self.seek, self.limit)
        with ffmpeg.start(arguments) as process:
            assert process.stderr is not None
            try:
                yield from stamps(self._kept(map(ffmpeg.text, process.stderr)))
            finally:
                process.kill()

    @property
    def complaints(self) -> list[str]:
        return ffmpeg.complaints(self.log)

    def _kept(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            if "] [info] " not in line:
                self.log.append(line.rstrip())
            yield line


def read_index(
    path: Path,
    stream: Stream,
    seconds: float | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> FrameIndex:
    """Find out which frames a video stream has.

    Parameters
    ----------
    path : Path
        The file.
    stream : Stream
        Its video stream.
    seconds : float, optional
        Length that the file states, for the progress.
    progress : Progress
        Told of what was read, and of the frames found where all must be decoded.
    cancel : CancelToken, optional
        Stops the work.

    Returns
    -------
    FrameIndex
        At least one frame.

    Raises
    ------
    NoPictureError
        If not a single frame can be decoded.
    Cancelled
        If `cancel` says so.
    """
    packets = read_packets(path, stream.index, seconds, progress, cancel)
    whole = packets.ticks.size <= 2 * _CHECKED
    run = _Run(path, stream.index, limit=None if whole else _CHECKED)
    head = list(run) if whole else list(islice(run, _CHECKED))
    if not head:
        raise NoPictureError(
            f"{path} has no frame that can be decoded; it is damaged or of an unknown "
            f"coding ({stream.codec}). Copy or convert it again."
        )
    complaints = [*packets.complaints, *run.complaints]
    ticks = _trusted_ticks(packets, stream, head)
    if ticks is not None and (whole or _ends_as_told(path, stream, ticks, head[0])):
        index = _index(ticks, packets, head[0], True, complaints)
    else:
        rest = _Run(path, stream.index)
        found = head if whole else _decode_all(rest, packets.ticks.size, progress, cancel)
        index = _from_frames(found, packets, stream, [*complaints, *rest.complaints])
    return _without_false_jumps(path, stream, packets, index)


def _trusted_ticks(
    packets: Packets, stream: Stream, head: list[FrameStamp]
) -> npt.NDArray[np.int64] | None:
    """Give the frames' time stamps as the packets tell them, if the first frames agree."""
    ticks = packets.ticks_in(head[0].time_base)
    if ticks is None or stream.codec not in _ONE_FRAME_PER_PACKET:
        return None
    ticks = np.sort(ticks)
    told = ticks[:_CHECKED].tolist() if len(head) != ticks.size else ticks.tolist()
    return ticks if told == [stamp.ticks for stamp in head] else None


def _ends_as_told(
    path: Path, stream: Stream, ticks: npt.NDArray[np.int64], sample: FrameStamp
) -> bool:
    """Decode the end of the stream and see whether it gives the frames that are expected."""
    seek = int(ticks[-_CHECKED]) * sample.time_base
    found = [stamp.ticks for stamp in _Run(path, stream.index, seek=seek)]
    return 0 < len(found) <= ticks.size and found == ticks[-len(found) :].tolist()


def _without_false_jumps(
    path: Path, stream: Stream, packets: Packets, index: FrameIndex
) -> FrameIndex:
    """Give up jumping where a jump to the last key frame finds other pictures."""
    last = int(index.key_frames[-1]) if index.key_frames.size else 0
    if last == 0 or jumps_are_true(path, stream.index, packets, index.container_time(last)):
        return index
    return replace(index, key_frames=np.zeros(1, dtype=np.intp), seekable=False)


def _decode_all(
    run: _Run, expected: int, progress: Progress, cancel: CancelToken | None
) -> list[FrameStamp]:
    """Decode the whole stream for its time stamps."""
    found = []
    for stamp in run:
        if cancel is not None:
            cancel.check()
        found.append(stamp)
        if len(found) % 100 == 0:
            progress(len(found), max(expected, len(found)), "Reading the video's frames")
    return found


def _from_frames(
    found: list[FrameStamp], packets: Packets, stream: Stream, complaints: list[str]
) -> FrameIndex:
    """Make the index of frames that were all decoded."""
    told = packets.ticks_in(found[0].time_base)
    given = [stamp.ticks for stamp in found]
    ticks = np.array([0 if tick is None else tick for tick in given], dtype=np.int64)
    seekable = (
        None not in given
        and bool((np.diff(ticks) > 0).all())
        and told is not None
        and bool(np.isin(ticks, told).all())
        and stream.codec not in _NEVER_SEEK
    )
    if None in given:
        # Frames without a stamp follow on one another at the usual distance.
        step = max(1, round(Fraction(_USUAL_FRAME) / found[0].time_base))
        ticks = np.arange(len(found), dtype=np.int64) * step
    return _index(ticks, packets, found[0], seekable, complaints)


def _index(
    ticks: npt.NDArray[np.int64],
    packets: Packets,
    sample: FrameStamp,
    seekable: bool,
    complaints: list[str],
) -> FrameIndex:
    """Put an index together from the frames' time stamps and the packets."""
    origin, base = int(ticks[0]), sample.time_base
    stamped = [seconds_of_ticks(int(tick), base, origin) for tick in ticks]
    times = ascending(stamped)
    keys = np.zeros(1, dtype=np.intp)
    last = 0.0
    in_order = packets.ticks_in(base)
    if in_order is not None and in_order.size:
        if seekable:
            keys = np.flatnonzero(np.isin(ticks, in_order[packets.key]))
        last = float(packets.durations[np.argmax(in_order)] * packets.time_base)
    if last <= 0:
        last = float(np.median(np.diff(times))) if times.size > 1 else _USUAL_FRAME
    return FrameIndex(
        ticks=ticks,
        time_base=base,
        times=times,
        duration=float(times[-1]) + (last or _USUAL_FRAME),
        key_frames=keys,
        size=sample.size,
        seekable=seekable,
        jumps_back=bool(times[-1] != max(stamped)),
        complaints=tuple(dict.fromkeys(complaints)),
    )
