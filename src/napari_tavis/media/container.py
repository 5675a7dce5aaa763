"""Opening a media file with PyAV: what may be opened, and which streams and packets it holds.

Files come from anywhere. Only containers that hold their media themselves are opened: playlists
and scripts, which name other files or addresses, are not. A name is always an absolute path
behind ``file:``, so that it is never taken for an option, a protocol or a pattern.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.container
import av.error
import av.packet
import av.stream
import av.video.stream
import numpy as np
import numpy.typing as npt

from napari_tavis.core.errors import (
    EmptyFileError,
    MissingFileError,
    NoPictureError,
    NotAVideoError,
)
from napari_tavis.core.tasks import Task

# FFmpeg's names of the containers that hold their media themselves.
DEMUXERS = frozenset(
    "mov matroska avi mpegts mpeg mpegvideo h264 hevc vvc ivf obu av1 flv live_flv asf ogg gif "
    "apng nut mxf m4v rm dv wtv yuv4mpegpipe 3g2 swf nsv gxf mjpeg h263 "
    # Sound alone: opened only so that the message can say so.
    "wav w64 mp3 flac aac aiff au caf ape ac3 eac3 amr dts tta wv".split()
)
MAX_PIXELS = 2**26  # of a frame that is decoded: 67 megapixels, twice those of 8K
NO_STAMP = -(2**63)  # a time stamp that the container does not give, as FFmpeg writes it

_STILL = (
    av.stream.Disposition.attached_pic
    | av.stream.Disposition.still_image
    | av.stream.Disposition.timed_thumbnails
)
# What mp4 and mov files begin with, whole or not.
_MP4_BOXES = (b"ftyp", b"mdat", b"wide", b"free", b"skip")
_LARGEST_STAMP = 2**61  # beyond this they are nonsense, and their differences would overflow
_REPORT_EVERY = 1000  # packets

_MAX_FAILURES = 100  # in a row, to read a packet, after which a damaged file counts as ended
_MAX_BOXES = 1000  # of an mp4 file, read to explain why it cannot be opened


@dataclass(frozen=True)
class Stream:
    index: int  # in the file
    codec: str
    default: bool
    decodable: bool  # there is a decoder for its codec (which may fail all the same)


@dataclass(frozen=True)
class Listing:
    """The streams of a file that matter here, in the file's order."""

    video: tuple[Stream, ...]  # moving pictures: no covers and thumbnails
    audio: tuple[Stream, ...]
    duration: float | None  # seconds, as the file states it, where it does; it may be wrong

    @property
    def picture(self) -> Stream:
        """The video stream to show: the default one, else the first."""
        return next((stream for stream in self.video if stream.default), self.video[0])

    @property
    def sound(self) -> Stream | None:
        """The sound track to hear: the default one, else the first, else None."""
        first = self.audio[0] if self.audio else None
        return next((stream for stream in self.audio if stream.default), first)


@dataclass(frozen=True)
class Packets:
    """The packets of a stream in the file's order, which is that of decoding; arrays are (p,)."""

    pts: npt.NDArray[np.int64]  # presentation time stamps in ticks; `NO_STAMP` where there are none
    dts: npt.NDArray[np.int64]  # decoding time stamps, likewise
    durations: npt.NDArray[np.int64]  # in ticks; 0 where the file states none
    places: npt.NDArray[np.int64]  # where each begins in the file, in bytes; -1 if unknown
    sizes: npt.NDArray[np.int64]  # bytes
    key: npt.NDArray[np.bool_]  # decoding can begin with it
    hidden: npt.NDArray[np.bool_]  # decoded but not shown, as an edit list says after a cut
    damaged: bool  # the file ends within a packet, or breaks off

    def __len__(self) -> int:
        return self.pts.size

    def find(self, packet: av.packet.Packet, expected: int = -1) -> int | None:
        """Give the number of a packet that was read again; None where that is not certain.

        Time stamps alone do not identify it: after a jump, some containers count them from there.
        The place in the file does, wherever it is known and a packet's own.
        """
        place = -1 if packet.pos is None else packet.pos
        if 0 <= expected < len(self) and (self.places[expected], self.sizes[expected]) == (
            place,
            packet.size,
        ):
            return expected
        alike = np.flatnonzero((self.places == place) & (self.sizes == packet.size))
        if place < 0 or alike.size > 1:
            alike = alike[self.pts[alike] == _stamp(packet.pts)]
        return int(alike[0]) if alike.size == 1 else None


def open_container(path: Path, *, quick: bool = False) -> av.container.InputContainer:
    """Open a file that nobody vouches for, and nothing but that file. Not thread safe.

    Parameters
    ----------
    path : Path
        Any path.
    quick : bool
        Decode no pictures to find out what an mp4 states by itself; their pixel format is then
        unknown until one is decoded.

    Raises
    ------
    MissingFileError
        If there is no such regular file, or it cannot be read.
    EmptyFileError
        If it has no content.
    NotAVideoError
        If it is of no known media format, or damaged beyond use.
    """
    _check_readable(path)
    options = {"format_whitelist": ",".join(sorted(DEMUXERS)), "protocol_whitelist": "file"}
    # These go to the decoders, which decode some frames to find out what the streams are.
    decoding = {"max_pixels": str(MAX_PIXELS)}
    if quick and _begins_as_mp4(path):
        decoding["skip_frame"] = "all"
    try:
        # Tags may be in any encoding, and are no reason to refuse a file.
        return av.open(
            f"file:{path.absolute()}",
            options=decoding,
            container_options=options,
            metadata_errors="replace",
        )
    except (av.error.FFmpegError, ValueError, RuntimeError) as error:
        raise NotAVideoError(_unreadable(path)) from error


def packets_of(
    container: av.container.InputContainer,
    stream: av.stream.Stream,
    on_damage: Callable[[], object] = lambda: None,
) -> Iterator[av.packet.Packet]:
    """Read the packets of a stream, from where the container stands to the end of the file.

    Empty packets (a frame that repeats the one before it, and the sign of the end) are left
    out. Damage is skipped, as long as anything comes after it, and reported to `on_damage`.
    """
    failures = 0
    while failures < _MAX_FAILURES:
        try:
            for packet in container.demux(stream):
                if packet.size:
                    failures = 0
                    yield packet
            return
        except (av.error.InvalidDataError, IndexError):  # the latter in streams made up by damage
            failures += 1
            on_damage()
        except av.error.FFmpegError:
            on_damage()
            return


def read_packets(
    container: av.container.InputContainer,
    stream: av.video.stream.VideoStream,
    seconds: float | None = None,
    task: Task | None = None,
) -> Packets:
    """Read through a newly opened file and list the packets of its video stream, possibly none.

    `seconds` is the length that the file states, for the progress.
    """
    task = task or Task()
    rows: list[tuple[int | None, ...]] = []
    failures: list[None] = []
    base = float(stream.time_base or 0)
    for packet in packets_of(container, stream, lambda: failures.append(None)):
        if len(rows) % _REPORT_EVERY == 0:
            task.check()
            done = max(0, round((packet.pts or 0) * base))
            task.report(done, max(done, round(seconds or 0)), "Reading the video's time stamps")
        kind = packet.is_keyframe | packet.is_discard << 1 | packet.is_corrupt << 2
        rows.append((packet.pts, packet.dts, packet.duration, packet.pos, packet.size, kind))
    table = np.array(
        [[NO_STAMP if value is None else value for value in row] for row in rows], dtype=np.int64
    ).reshape(-1, 6)
    pts, dts, durations, places, sizes, kinds = table.T
    return Packets(
        pts=_bounded(pts),
        dts=_bounded(dts),
        durations=np.clip(durations, 0, _LARGEST_STAMP),
        places=np.maximum(places, -1),
        sizes=sizes,
        key=kinds & 1 != 0,
        hidden=kinds & 2 != 0,
        damaged=bool(failures) or bool((kinds & 4).any()),
    )


def _stamp(ticks: int | None) -> int:
    return NO_STAMP if ticks is None else max(-_LARGEST_STAMP, min(ticks, _LARGEST_STAMP))


def _bounded(ticks: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.where(ticks == NO_STAMP, ticks, np.clip(ticks, -_LARGEST_STAMP, _LARGEST_STAMP))


def probe(path: Path) -> Listing:
    """List the streams of a video file; errors are those of `open_container` and `streams_of`."""
    with open_container(path) as container:
        return streams_of(container, path)


def streams_of(container: av.container.InputContainer, path: Path) -> Listing:
    """List the streams of an open file; `NoPictureError` if it holds no moving picture."""
    video = tuple(_stream(one) for one in container.streams.video if not one.disposition & _STILL)
    audio = tuple(_stream(one) for one in container.streams.audio)
    if not video:
        held = "holds sound but no moving picture" if audio else "holds no moving picture"
        raise NoPictureError(f"{path} {held}; choose a video file.")
    duration = None
    if container.duration is not None:
        # Some formats mean the time of the end, so count from the beginning.
        begin = max(0, container.start_time or 0)
        duration = float(Fraction(container.duration - begin, av.time_base))
    return Listing(video, audio, duration)


def _stream(stream: av.stream.Stream) -> Stream:
    codec = stream.codec_context
    return Stream(
        index=stream.index,
        codec=codec.codec.canonical_name if codec is not None else "unknown",
        default=bool(stream.disposition & av.stream.Disposition.default),
        decodable=codec is not None,
    )


def _check_readable(path: Path) -> None:
    """Raise unless the path is a file with content that may be read."""
    try:
        if path.is_dir():
            raise MissingFileError(f"{path} is a folder; choose a video file.")
        if not path.exists():
            raise MissingFileError(f"{path} does not exist; check the name.")
        if not path.is_file():
            raise MissingFileError(f"{path} is not a regular file; choose a video file.")
        if path.stat().st_size == 0:
            raise EmptyFileError(f"{path} is empty; copy or record it again.")
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MissingFileError(f"{str(path)!r} cannot be read: {reason}.") from error


def _unreadable(path: Path) -> str:
    """Explain in one sentence why a file could not be opened."""
    if _lacks_index(path):
        return (
            f"{path} is incomplete: it was cut off before its index was written, so that no "
            f"frame can be found in it; copy or record it again."
        )
    return (
        f"{path} is not a video file that can be read, or is damaged; choose another, for "
        f"example mp4, mov, mkv, webm, avi or gif."
    )


def _begins_as_mp4(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8)[4:] in _MP4_BOXES


def _lacks_index(path: Path) -> bool:
    """Say whether a file is an mp4 that ends before its ``moov`` box."""
    end = path.stat().st_size
    with path.open("rb") as file:
        begin = 0
        for _ in range(_MAX_BOXES):
            file.seek(begin)
            size, kind = struct.unpack(">I4s", file.read(8).ljust(8, b"\0"))
            if kind == b"moov" or (begin == 0 and kind not in _MP4_BOXES):
                return False
            if size == 1:  # the real one, of 64 bits, follows
                size = int.from_bytes(file.read(8), "big")
            begin += size
            # A last box may have the size 0, which means "to the end".
            if size < 8 or begin + 8 > end:
                return size >= 8 or size == 0
    return False
