"""One ffmpeg process that decodes a video stream forwards, frame after frame."""

from __future__ import annotations

import contextlib
import math
import queue
import re
import subprocess
import threading
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.media import ffmpeg

_FRAME = re.compile(
    r"^\[Parsed_showinfo_\d+ @ 0x[0-9a-f]+\] \[info\] n: *\d+ pts: *(?P<pts>-?\d+|NOPTS) "
    r".* s:(?P<width>\d+)x(?P<height>\d+) "
)
_TIME_BASE = re.compile(
    r"^\[Parsed_showinfo_\d+ @ 0x[0-9a-f]+\] \[info\] config in time_base: (\d+)/(\d+),"
)
# The filter that reports each frame's time stamp as it leaves; it changes nothing.
_REPORT = "showinfo=checksum=0"


@dataclass(frozen=True)
class FrameStamp:
    """What the decoder says of one frame.

    Attributes
    ----------
    ticks : int or None
        Presentation time stamp in units of `time_base`, None where the file has none.
    time_base : Fraction
        Seconds per tick.
    size : tuple of int
        Height and width, upright.
    """

    ticks: int | None
    time_base: Fraction
    size: tuple[int, int]


def stamps(lines: Iterable[str]) -> Iterator[FrameStamp]:
    """Pick the frames out of ffmpeg's log, in the order in which they were decoded."""
    time_base = Fraction(1)
    for line in lines:
        if match := _FRAME.match(line):
            ticks = None if match["pts"] == "NOPTS" else int(match["pts"])
            yield FrameStamp(ticks, time_base, (int(match["height"]), int(match["width"])))
        elif match := _TIME_BASE.match(line):
            time_base = Fraction(int(match[1]), int(match[2]))


def seeking_arguments(seek: Fraction | None) -> list[str]:
    """Give the arguments that begin at the key frame before a time.

    Parameters
    ----------
    seek : Fraction or None
        Time on the container's clock, in seconds; None for the beginning.

    Returns
    -------
    list of str
        Arguments to put before those of the input.
    """
    if seek is None:
        return []
    # Rounded up: rounded down, it would miss the key frame that it means.
    micros = math.ceil(seek * 1_000_000)
    sign, whole = "-" if micros < 0 else "", abs(micros)
    stamp = f"{sign}{whole // 1_000_000}.{whole % 1_000_000:06d}"
    return ["-noaccurate_seek", "-seek_timestamp", "1", "-ss", stamp]


def decoding_arguments(path: Path, stream: int, seek: Fraction | None) -> list[str]:
    """Give the arguments that decode one stream: every frame once, upright.

    Parameters
    ----------
    path : Path
        The file.
    stream : int
        Index of the video stream in the file.
    seek : Fraction, optional
        Time on the container's clock, in seconds; decoding begins at the key frame before.

    Returns
    -------
    list of str
        Arguments, up to and without the filters and the output.
    """
    return [
        *seeking_arguments(seek),
        # Damage ends nothing: what can be decoded is.
        *("-max_error_rate", "1", *ffmpeg.input_arguments(path)),
        *("-map", f"0:{stream}", "-fps_mode", "passthrough"),
    ]


def stamp_arguments(
    path: Path, stream: int, seek: Fraction | None = None, limit: int | None = None
) -> list[str]:
    """Give the arguments of a run that decodes and only reports the frames' stamps."""
    few = [] if limit is None else ["-frames:v", str(limit)]
    decoding = decoding_arguments(path, stream, seek)
    return [*decoding, "-vf", _REPORT, *few, "-f", "null", "-"]


class Decoder:
    """A forward decoder: each `read` gives the next frame and its time stamp.

    Parameters
    ----------
    path : Path
        The file.
    stream : int
        Index of the video stream in the file.
    size : tuple of int
        Height and width of the frames to give; frames of another size (the size may change
        within a stream) are stretched to it.
    seek : Fraction, optional
        Begin at the key frame before this time (container's seconds); else at the beginning.
    first : int, optional
        Leave out the frames whose time stamp (in ticks) is before this one.
    """

    def __init__(
        self,
        path: Path,
        stream: int,
        size: tuple[int, int],
        seek: Fraction | None = None,
        first: int | None = None,
    ) -> None:
        self._shape = (*size, 3)
        chosen = [] if first is None else [f"select='gte(pts,{first})'"]
        filters = [*chosen, f"scale={size[1]}:{size[0]}", "format=rgb24", _REPORT]
        arguments = [
            *decoding_arguments(path, stream, seek),
            *("-vf", ",".join(filters), "-f", "rawvideo", "pipe:1"),
        ]
        self._process = ffmpeg.start(arguments, stdout=subprocess.PIPE)
        self._stamps: queue.SimpleQueue[FrameStamp | None] = queue.SimpleQueue()
        listener = threading.Thread(
            target=_listen, args=(self._process, self._stamps), name="ffmpeg log", daemon=True
        )
        listener.start()
        self._end = weakref.finalize(self, _end, self._process, listener)

    def read(self) -> tuple[FrameStamp, npt.NDArray[np.uint8]] | None:
        """Decode the next frame.

        Returns
        -------
        tuple of FrameStamp and ndarray of uint8, shape (H, W, 3), or None
            Stamp and picture (RGB); None at the end.
        """
        frame = np.empty(self._shape, dtype=np.uint8)
        if not ffmpeg.fill(self._process, frame):
            return None
        stamp = self._stamps.get()
        return None if stamp is None else (stamp, frame)

    def finished_well(self) -> bool:
        """Say, after the last frame, whether the file was decoded to its end."""
        return self._process.wait() == 0

    def close(self) -> None:
        """End the process. Harmless when it has ended."""
        self._end()


def _listen(process: subprocess.Popen[bytes], found: queue.SimpleQueue[FrameStamp | None]) -> None:
    """Pass on the frames that ffmpeg's log tells of, then None (runs in its own thread)."""
    assert process.stderr is not None
    # A log that is closed under our hands is as good as one at its end.
    with contextlib.suppress(ValueError, OSError):
        for stamp in stamps(map(ffmpeg.text, process.stderr)):
            found.put(stamp)
    found.put(None)


def _end(process: subprocess.Popen[bytes], listener: threading.Thread) -> None:
    """Stop a process and free what belongs to it."""
    process.kill()
    process.wait()
    listener.join(timeout=5)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
