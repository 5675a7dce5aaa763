"""The packets of a video stream: what the container says, without decoding anything."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.media import ffmpeg
from napari_tavis.media.decoder import seeking_arguments
from napari_tavis.tasks import CancelToken, Progress, no_progress

_TIME_BASE = re.compile(rb"^#tb 0: (\d+)/(\d+)")
_PACKET = re.compile(
    rb"^0, *-?\d+, *(-?\d+), *(-?\d+), *\d+, 0x([0-9a-f]+)(?:, F=0x([0-9A-Fa-f]+))?"
)
_KEY, _DISCARD = 1, 4
_NO_STAMP = -(2**63)
_REPORT_EVERY = 1000


@dataclass(frozen=True)
class Packets:
    """The packets of a stream that a player would show, in the file's order.

    Attributes
    ----------
    time_base : Fraction
        Seconds per tick.
    ticks : ndarray of int64, shape (p,)
        Presentation time stamps.
    durations : ndarray of int64, shape (p,)
        Durations in ticks, 0 where the file states none.
    checksums : ndarray of int64, shape (p,)
        A checksum of each packet's content.
    key : ndarray of bool, shape (p,)
        Whether decoding can begin with the packet.
    complaints : tuple of str
        What ffmpeg found wrong with the file.
    """

    time_base: Fraction
    ticks: npt.NDArray[np.int64]
    durations: npt.NDArray[np.int64]
    checksums: npt.NDArray[np.int64]
    key: npt.NDArray[np.bool_]
    complaints: tuple[str, ...]

    @property
    def stamped(self) -> bool:
        """Whether every packet has a time stamp, and no two the same."""
        return not (self.ticks == _NO_STAMP).any() and np.unique(self.ticks).size == self.ticks.size

    def ticks_in(self, time_base: Fraction) -> npt.NDArray[np.int64] | None:
        """Give the time stamps in other units; None where they are missing or not whole."""
        scale = self.time_base / time_base
        if not self.stamped or (self.ticks * scale.numerator % scale.denominator).any():
            return None
        return self.ticks * scale.numerator // scale.denominator


def read_packets(
    path: Path,
    stream: int,
    seconds: float | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Packets:
    """List the packets of a video stream.

    Packets that an edit list hides (as after cutting without re-encoding) are left out.

    Parameters
    ----------
    path : Path
        The file.
    stream : int
        Index of the stream in the file.
    seconds : float, optional
        Length that the file states, for the progress.
    progress : Progress
        Told of the seconds read.
    cancel : CancelToken, optional
        Stops the work.

    Returns
    -------
    Packets
        Possibly none, where the file ends before its first packet.

    Raises
    ------
    Cancelled
        If `cancel` says so.
    """
    with tempfile.TemporaryFile() as log:
        process = ffmpeg.start(
            _arguments(path, stream), stdout=subprocess.PIPE, stderr=log.fileno()
        )
        assert process.stdout is not None
        with process:
            try:
                watched = _watched(process.stdout, seconds, progress, cancel)
                base, rows = _parse(watched)
            finally:
                process.kill()
        log.seek(0)
        said = ffmpeg.complaints(ffmpeg.text(log.read()).splitlines())
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    table = table[table[:, 3] & _DISCARD == 0]
    return Packets(
        time_base=base,
        ticks=table[:, 0],
        durations=table[:, 1],
        checksums=table[:, 2],
        key=table[:, 3] & _KEY != 0,
        complaints=tuple(said),
    )


def jumps_are_true(path: Path, stream: int, packets: Packets, seek: Fraction) -> bool:
    """Say whether a jump finds the packets that reading from the beginning found.

    In a damaged file without time stamps of its own (avi), packets are counted from the
    place of the jump, so that the same time stamp means different pictures.

    Parameters
    ----------
    path : Path
        The file.
    stream : int
        Index of the stream in the file.
    packets : Packets
        What reading from the beginning found.
    seek : Fraction
        Where to jump to, in the container's seconds.
    """
    result = ffmpeg.run(_arguments(path, stream, seek, limit=8))
    _, found = _parse(result.output.splitlines())
    known = dict(zip(packets.ticks.tolist(), packets.checksums.tolist(), strict=True))
    # Only key frames keep their stamps here: ffmpeg mends those of the pictures that lead them.
    keys = [row for row in found if row[3] & _KEY and not row[3] & _DISCARD]
    return all(known.get(row[0]) == row[2] for row in keys)


def _arguments(
    path: Path, stream: int, seek: Fraction | None = None, limit: int | None = None
) -> list[str]:
    """Give the arguments of a run that reports packets."""
    few = [] if limit is None else ["-frames:v", str(limit)]
    return [
        *seeking_arguments(seek),
        *ffmpeg.input_arguments(path),
        *("-map", f"0:{stream}", "-c", "copy", "-copyinkf", "-copypriorss", "1", *few),
        *("-f", "framecrc", "pipe:1"),
    ]


def _parse(lines: Iterable[bytes]) -> tuple[Fraction, list[tuple[int, int, int, int]]]:
    """Read time base and rows (ticks, duration, checksum, flags) off ffmpeg's report."""
    base, rows = Fraction(1), []
    for line in lines:
        if match := _PACKET.match(line):
            ticks, duration, checksum, flags = match.groups()
            row = int(ticks), int(duration), int(checksum, 16), int(flags, 16) if flags else _KEY
            rows.append(row)
        elif match := _TIME_BASE.match(line):
            base = Fraction(int(match[1]), int(match[2]))
    return base, rows


def _watched(
    lines: Iterable[bytes],
    seconds: float | None,
    progress: Progress,
    cancel: CancelToken | None,
) -> Iterable[bytes]:
    """Pass lines on, telling how far they are and looking whether to stop."""
    base = 0.0
    for number, line in enumerate(lines):
        if number % _REPORT_EVERY == 0:
            if cancel is not None:
                cancel.check()
            if match := _PACKET.match(line):
                done = max(0, round(int(match[1]) * base))
                progress(done, max(done, round(seconds or 0)), "Reading the video's time stamps")
        elif match := _TIME_BASE.match(line):
            base = int(match[1]) / int(match[2])
        yield line
