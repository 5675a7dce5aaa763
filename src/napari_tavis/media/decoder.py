"""Decoding a video stream forwards, from any key frame on, each frame known by its packet.

Time stamps cannot distinguish frames in every file: they may be missing, repeat, or be counted
from the place of a jump. So each packet is given its number in the file as its time stamp
before it is decoded, which the decoder hands on to the frame that comes out of it.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.container
import av.error
import av.packet
import av.stream
import av.video.frame
from av.video.stream import VideoStream

from napari_tavis.core.errors import DecodingError, NoPictureError, TooLargeError
from napari_tavis.core.tasks import Task
from napari_tavis.media.container import (
    MAX_PIXELS,
    NO_STAMP,
    Listing,
    Packets,
    open_container,
    packets_of,
    read_packets,
    streams_of,
)

_THREAD_BYTES = 64 * 2**20  # memory for the frames that several threads decode at once
_MAX_THREADS = 8

_GENERATE_PTS = 1  # FFmpeg's AVFMT_FLAG_GENPTS, which PyAV sets

# Containers in which a jump goes by the time of decoding, not by that of showing.
_INDEXED_BY_DECODING_TIME = frozenset({"avi", "mpegts", "mpeg"})


class Decoder:
    """One open file, of which one video stream is decoded. Not thread safe.

    `packets` exists once `scan` has read them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.packets: Packets
        self._stream: VideoStream | None = None
        self._demuxed: Iterator[av.packet.Packet] | None = None
        self._ready: deque[tuple[int, av.video.frame.VideoFrame]] = deque()
        self._landing: av.packet.Packet | None = None
        self._expected = 0
        self._container = open_container(path, quick=True)
        try:
            self.listing: Listing = streams_of(self._container, path)
            self._identity = _identity(path)
            self._begin()
        except BaseException:
            self.close()
            raise

    def scan(self, task: Task | None = None) -> Packets:
        """Read all packets of the stream, without decoding any."""
        assert self._stream is not None
        seconds = self.listing.duration
        self.packets = read_packets(self._container, self._stream, seconds, task)
        return self.packets

    def start(self, number: int) -> bool:
        """Go to the key frame of packet `number`, so that `read` begins with it or one before it.

        False where the file does not let the packet be found: try an earlier one; 0, the
        beginning, is always found. `DecodingError` if the file has changed since it was opened.
        """
        self._check_unchanged()
        if self._jump(number):
            return True
        if number > 0:
            return False
        self._reopen()
        return True

    def peek(self) -> tuple[int, av.video.frame.VideoFrame] | None:
        """Decode the first packet alone, which takes no longer than one frame; as `read`.

        None where that packet gives no frame by itself. Afterwards, decoding has to be restarted.
        """
        if not self.start(0):
            return None
        self._decode(self._next_packet())
        self._decode(None)
        first = self._ready[0] if self._ready else None
        self._ready.clear()
        self._demuxed = None
        return first

    def read(self) -> tuple[int, av.video.frame.VideoFrame] | None:
        """Decode the next frame: give the number of its packet and the frame, or None at the end.

        What is damaged beyond decoding is left out. `TooLargeError` if there is not enough memory.
        """
        while not self._ready and self._demuxed is not None:
            packet = self._next_packet()
            if packet is None:
                self._demuxed = None
            self._decode(packet)
        return self._ready.popleft() if self._ready else None

    @property
    def time_base(self) -> Fraction:
        """Seconds per tick of the packets' time stamps."""
        return (self._stream and self._stream.time_base) or Fraction(1, av.time_base)

    @property
    def counts_frames(self) -> bool:
        """Whether the container has no presentation times: a frame's time is its number."""
        return self._container.format.name == "avi"

    @property
    def file_size(self) -> int:
        """Bytes of the file."""
        return 0 if self._identity is None else self._identity[2]

    @property
    def pixel_shape(self) -> Fraction:
        """Width of a pixel over its height."""
        return (self._stream and self._stream.sample_aspect_ratio) or Fraction(1)

    def ended_early(self) -> bool:
        """Say, after the last frame, whether it came early because the file was changed."""
        return _identity(self.path) != self._identity

    def close(self) -> None:
        """Close the file and free the decoder with its threads. Harmless when done before."""
        self._demuxed, self._stream, self._landing = None, None, None
        self._ready.clear()
        self._container.close()

    def _begin(self) -> None:
        """Choose the stream, and set up its decoder."""
        chosen = self.listing.picture
        stream = self._container.streams[chosen.index]
        assert isinstance(stream, VideoStream)
        for other in self._container.streams:
            if other.index != chosen.index:
                other.discard = av.stream.Discard.all  # spares reading, say, hours of sound
        if self.counts_frames:  # the times that FFmpeg would make up are wrong
            self._container.flags &= ~_GENERATE_PTS
        codec = stream.codec_context
        if codec is None:
            raise NoPictureError(
                f"{self.path} has pictures of a coding that is not known here; convert it to mp4."
            )
        pixels = codec.width * codec.height
        if pixels > MAX_PIXELS:
            raise TooLargeError(
                f"{self.path} has frames of {codec.width} x {codec.height} pixels; at most "
                f"{MAX_PIXELS / 1e6:.0f} megapixels are read. Make it smaller."
            )
        room = max(1, _THREAD_BYTES // max(1, 2 * pixels))  # each thread holds frames of its own
        codec.thread_type = "AUTO"
        codec.thread_count = min((os.cpu_count() or 1) + 1, _MAX_THREADS, room)
        codec.options = {"max_pixels": str(MAX_PIXELS)}
        self._stream, self._demuxed = stream, packets_of(self._container, stream)
        self._expected = 0

    def _reopen(self) -> None:
        """Go to the beginning by opening the file again, which needs no index."""
        self.close()
        self._container = open_container(self.path, quick=True)
        self._begin()

    def _jump(self, number: int) -> bool:
        """Seek to a packet; False unless it, or one before it, is what comes next."""
        stamps = [self.packets.pts[number], self.packets.dts[number]]
        if self._container.format.name in _INDEXED_BY_DECODING_TIME:
            stamps.reverse()
        return any(
            stamp != NO_STAMP and self._lands_before(int(stamp), number)
            for stamp in dict.fromkeys(stamps)
        )

    def _lands_before(self, stamp: int, number: int) -> bool:
        """Seek to a time; False unless the key frame found there is `number` or one before."""
        assert self._stream is not None
        try:
            self._container.seek(stamp, stream=self._stream)
            self._ready.clear()
            self._demuxed = packets_of(self._container, self._stream)
            # A jump may land within a frame; packets that cannot be identified are skipped.
            for packet in self._demuxed:
                found = self.packets.find(packet)
                if found is not None and self.packets.key[found]:
                    self._landing, self._expected = packet, found
                    return found <= number
        except av.error.FFmpegError:
            pass
        return False

    def _next_packet(self) -> av.packet.Packet | None:
        """Read a packet and put its number in place of its time stamp; None at the end."""
        packet, self._landing = self._landing, None
        if packet is None and self._demuxed is not None:
            packet = next(self._demuxed, None)
        if packet is not None:
            number = self.packets.find(packet, self._expected)
            packet.pts = number
            self._expected = self._expected if number is None else number + 1
        return packet

    def _decode(self, packet: av.packet.Packet | None) -> None:
        """Decode a packet (None: what the decoder still holds) and queue the frames."""
        assert self._stream is not None
        try:
            frames = self._stream.codec_context.decode(packet)
        except (av.error.MemoryError, MemoryError) as error:
            raise TooLargeError(
                f"There is not enough memory to decode {self.path}; close other programs."
            ) from error
        except (av.error.FFmpegError, ValueError):
            return
        self._ready.extend((frame.pts, frame) for frame in frames if frame.pts is not None)

    def _check_unchanged(self) -> None:
        if _identity(self.path) != self._identity:
            raise DecodingError(
                f"{self.path} has changed or disappeared since it was opened. Open it again."
            )


def _identity(path: Path) -> tuple[int, int, int, int] | None:
    """Identify a file, such that it differs from another one, and from itself after a change."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
