"""The packets of a video stream: what the container says, without decoding anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.media import ffmpeg

_TIME_BASE = re.compile(rb"^#tb 0: (\d+)/(\d+)", re.MULTILINE)
_PACKET = re.compile(
    rb"^0, *-?\d+, *(-?\d+), *(-?\d+), *\d+, 0x[0-9a-f]+(?:, F=0x([0-9A-Fa-f]+))?", re.MULTILINE
)
_KEY, _DISCARD = 1, 4
_NO_STAMP = -(2**63)


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
    key : ndarray of bool, shape (p,)
        Whether decoding can begin with the packet.
    complaints : tuple of str
        What ffmpeg found wrong with the file.
    """

    time_base: Fraction
    ticks: npt.NDArray[np.int64]
    durations: npt.NDArray[np.int64]
    key: npt.NDArray[np.bool_]
    complaints: tuple[str, ...]

    @property
    def stamped(self) -> bool:
        """Whether every packet has a time stamp, and no two the same."""
        return not (self.ticks == _NO_STAMP).any() and np.unique(self.ticks).size == self.ticks.size

    def ticks_in(self, time_base: Fraction) -> npt.NDArray[np.int64] | None:
        """Give the time stamps in other units; None where they would not be whole."""
        scale = self.time_base / time_base
        if not self.stamped or (self.ticks * scale.numerator % scale.denominator).any():
            return None
        return self.ticks * scale.numerator // scale.denominator


def read_packets(path: Path, stream: int) -> Packets:
    """List the packets of a video stream.

    Packets that an edit list hides (as after cutting without re-encoding) are left out.

    Parameters
    ----------
    path : Path
        The file.
    stream : int
        Index of the stream in the file.

    Returns
    -------
    Packets
        Possibly none, where the file ends before its first packet.
    """
    result = ffmpeg.run(
        [
            *ffmpeg.input_arguments(path),
            *("-map", f"0:{stream}", "-c", "copy", "-copyinkf", "-f", "framecrc", "pipe:1"),
        ]
    )
    base = _TIME_BASE.search(result.output)
    rows = [
        (int(ticks), int(duration), int(flags, 16) if flags else _KEY)
        for ticks, duration, flags in _PACKET.findall(result.output)
    ]
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    table = table[table[:, 2] & _DISCARD == 0]
    return Packets(
        time_base=Fraction(int(base[1]), int(base[2])) if base else Fraction(1),
        ticks=table[:, 0],
        durations=table[:, 1],
        key=table[:, 2] & _KEY != 0,
        complaints=tuple(result.complaints),
    )
