"""The packets of a video stream: what the container says of it, without decoding anything."""

from __future__ import annotations

from dataclasses import dataclass

import av.container
import av.packet
import av.video.stream
import numpy as np
import numpy.typing as npt

from napari_tavis.core.tasks import Task
from napari_tavis.media.container import packets_of

NO_STAMP = -(2**63)
"""A time stamp that the container does not give, as FFmpeg writes it."""

_LARGEST = 2**61
# Beyond this, time stamps are nonsense, and their differences would overflow.
_REPORT_EVERY = 1000


@dataclass(frozen=True)
class Packets:
    """The packets of a stream in the file's order, which is that of decoding.

    Attributes
    ----------
    pts, dts, durations : ndarray of int64, shape (p,)
        Presentation and decoding time stamps in ticks, `NO_STAMP` where there are none;
        durations in ticks, 0 where the file states none.
    places : ndarray of int64, shape (p,)
        Where each packet begins in the file, -1 where that is not known.
    sizes : ndarray of int64, shape (p,)
        Bytes of each packet.
    key : ndarray of bool, shape (p,)
        Whether decoding can begin with the packet.
    hidden : ndarray of bool, shape (p,)
        Whether the packet is decoded but not shown, as an edit list says after a cut.
    damaged : bool
        Whether the file ends within a packet, or breaks off.
    """

    pts: npt.NDArray[np.int64]
    dts: npt.NDArray[np.int64]
    durations: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    key: npt.NDArray[np.bool_]
    hidden: npt.NDArray[np.bool_]
    damaged: bool

    def __len__(self) -> int:
        return self.pts.size

    def find(self, packet: av.packet.Packet, expected: int = -1) -> int | None:
        """Give the number of a packet that was read again; None where that is not certain.

        Time stamps alone are no proof of identity: after a jump, some containers count them
        from there. The place in the file is, wherever it is known and a packet's own.
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


def read_packets(
    container: av.container.InputContainer,
    stream: av.video.stream.VideoStream,
    seconds: float | None = None,
    task: Task | None = None,
) -> Packets:
    """Read through a file and list the packets of its video stream.

    Parameters
    ----------
    container : av.container.InputContainer
        The open file, at its beginning.
    stream : av.video.stream.VideoStream
        The video stream.
    seconds : float, optional
        Length that the file states, for the progress.
    task : Task, optional
        Told how far it is; stops the work when cancelled.

    Returns
    -------
    Packets
        Possibly none, where the file ends before its first packet.

    Raises
    ------
    Cancelled
        If `task` was cancelled.
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
        durations=np.clip(durations, 0, _LARGEST),
        places=np.maximum(places, -1),
        sizes=sizes,
        key=kinds & 1 != 0,
        hidden=kinds & 2 != 0,
        damaged=bool(failures) or bool((kinds & 4).any()),
    )


def _stamp(ticks: int | None) -> int:
    return NO_STAMP if ticks is None else max(-_LARGEST, min(ticks, _LARGEST))


def _bounded(ticks: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Bring time stamps into a range in which they can be subtracted."""
    return np.where(ticks == NO_STAMP, ticks, np.clip(ticks, -_LARGEST, _LARGEST))
