"""The table of a video's frames: when each is shown, and from where it can be decoded.

Reading the packets of a file is quick even for hours of video, and almost always shows exactly
which frames will come out of the decoder. Where it may not (time stamps that are missing, repeat
or start again, hidden frames, damage), the whole stream is decoded once instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av.video.frame
import numpy as np
import numpy.typing as npt

from napari_tavis.core.errors import NoPictureError
from napari_tavis.core.tasks import Task
from napari_tavis.media.container import MAX_PIXELS, NO_STAMP, Packets
from napari_tavis.media.decoder import Decoder
from napari_tavis.media.timebase import ascending

# Codecs of which one packet holds exactly one shown frame. (VP8 hides reference frames in
# packets of their own; others are rare enough to be decoded once.)
_ONE_FRAME_PER_PACKET = frozenset(
    "av1 dnxhd ffv1 h264 hevc mjpeg mpeg4 prores rawvideo vp9 vvc".split()
)
# A picture of these builds on all before it, whatever the container calls a key frame.
_NEVER_SEEK = frozenset("gif apng".split())
_MOST_REORDERED = 32  # places by which a frame may be shown before or after its turn in the file
_USUAL_FRAME = 0.04  # seconds that a frame lasts where the file gives nothing to go by
_SLOWEST_FRAME = 1.0  # seconds: a longer usual one is disbelieved where time stamps are nonsense


@dataclass(frozen=True)
class FrameIndex:
    """The frames of a video stream, in the order in which they are shown."""

    numbers: npt.NDArray[np.intp]  # (n,): the packet that each frame comes from
    times: npt.NDArray[np.float64]  # (n,): seconds from the first frame on, ascending
    duration: float  # seconds from the first frame's beginning to the last one's end
    origin: Fraction  # seconds on the container's own clock at which the first frame is shown
    # (k,): frames from which decoding can begin; 0 is the first of them.
    key_frames: npt.NDArray[np.intp]
    seekable: bool  # key frames can be jumped to; else decoding begins at the beginning
    jumps_back: bool  # the file's clock starts again within it, as in files joined end to end
    claimed: float | None  # seconds stated by the file, where they are nonsense and `times` made up
    damaged: bool  # it breaks off, or has frames that cannot be decoded

    def __len__(self) -> int:
        return self.numbers.size

    def key_frame_before(self, index: int, back: int = 0) -> int:
        """Give the last frame up to `index` from which decoding can begin, or one `back` places."""
        place = int(np.searchsorted(self.key_frames, index, side="right")) - 1 - back
        return int(self.key_frames[place]) if place >= 0 else 0


def read_index(
    decoder: Decoder, task: Task | None = None
) -> tuple[FrameIndex, av.video.frame.VideoFrame]:
    """Find out which frames a newly opened video stream has: at least one.

    The first of them, which had to be decoded, comes along. Raises `NoPictureError` if not a single
    frame can be decoded, and `Cancelled`.
    """
    task = task or Task()
    packets = decoder.scan(task)
    codec = decoder.listing.picture.codec
    head = decoder.peek() if len(packets) else None
    if head is not None:
        numbers = _stated_order(packets, codec, head[1])
        if numbers is not None and numbers[0] == head[0]:
            return _index(numbers, decoder), head[1]
    numbers, first = _decoded_order(decoder, task)
    if first is None:
        raise NoPictureError(
            f"{decoder.path} has no frame that can be decoded: it is damaged, of an unknown "
            f"coding ({codec}), or its frames have more than {MAX_PIXELS / 1e6:.0f} megapixels. "
            f"Copy or convert it again."
        )
    return _index(numbers, decoder), first


def _stated_order(
    packets: Packets, codec: str, first: av.video.frame.VideoFrame
) -> npt.NDArray[np.intp] | None:
    """Give the order of showing as the packets state it; None where they cannot be trusted."""
    shown = np.flatnonzero(~packets.hidden)
    pts, dts = packets.pts[shown], packets.dts[shown]
    if (
        codec not in _ONE_FRAME_PER_PACKET
        or packets.damaged
        or first.interlaced_frame  # its two fields may be packets of their own
        or (pts == NO_STAMP).any()
        # A clock that starts again would mix the frames on both sides.
        or (np.diff(dts[dts != NO_STAMP]) < 0).any()
    ):
        return None
    order = np.argsort(pts, kind="stable")
    if (np.diff(pts[order]) == 0).any() or not packets.key[0]:
        return None
    if (np.abs(order - np.arange(order.size)) > _MOST_REORDERED).any():
        return None
    return shown[order]


def _decoded_order(
    decoder: Decoder, task: Task
) -> tuple[npt.NDArray[np.intp], av.video.frame.VideoFrame | None]:
    """Decode the whole stream to see which frames come, in which order, and the first one."""
    found: list[int] = []
    first = None
    if len(decoder.packets):
        decoder.start(0)
    while (got := decoder.read()) is not None:
        task.check()
        first = first or got[1]
        found.append(got[0])
        if len(found) % 100 == 0:
            total = max(len(decoder.packets), len(found))
            task.report(len(found), total, "Reading the video's frames")
    return np.array(found, dtype=np.intp), first


def _index(numbers: npt.NDArray[np.intp], decoder: Decoder) -> FrameIndex:
    """Put together an index from the frames' order and the packets."""
    packets, base = decoder.packets, decoder.time_base
    ticks = _ticks(numbers, packets, base, decoder.counts_frames)
    begin = int(ticks[0])
    # Whole numbers first, and one division: times of long videos stay exact.
    stamped = (ticks - begin).astype(np.float64) * base.numerator / base.denominator
    times = ascending(stamped)
    origin, claimed = begin * base, None
    steps = np.diff(times)
    usual = float(np.median(steps)) if steps.size else 0.0
    last = float(packets.durations[numbers[-1]] * base) or usual or _USUAL_FRAME
    if times[-1] + last > _longest_believable(decoder.file_size, numbers.size):
        claimed = float(times[-1] + last)
        last = usual if 0 < usual <= _SLOWEST_FRAME else _USUAL_FRAME
        times = np.arange(numbers.size, dtype=np.float64) * last
        # Most stamps may be right: let the sound fit them.
        origin += Fraction(float(np.median(stamped - times))).limit_denominator(1_000_000)
    seekable = (
        decoder.listing.picture.codec not in _NEVER_SEEK
        and not ((packets.pts == NO_STAMP) & (packets.dts == NO_STAMP)).any()
    )
    keys = packets.key[numbers] & seekable
    keys[0] = True
    return FrameIndex(
        numbers=numbers,
        times=times,
        duration=float(times[-1]) + last,
        origin=origin,
        key_frames=np.flatnonzero(keys),
        seekable=seekable,
        jumps_back=claimed is None and bool(times[-1] != stamped.max()),
        claimed=claimed,
        damaged=packets.damaged,
    )


def _ticks(
    numbers: npt.NDArray[np.intp], packets: Packets, base: Fraction, counts_frames: bool
) -> npt.NDArray[np.int64]:
    """Give the frames' time stamps, made up from what there is where they are missing."""
    pts, dts = packets.pts[numbers], packets.dts[numbers]
    if counts_frames and not (dts == NO_STAMP).any():
        return np.sort(dts)
    given = np.flatnonzero(pts != NO_STAMP)
    if given.size == pts.size:
        return pts
    if given.size > 1:
        places = np.arange(pts.size)
        ticks = np.interp(places, given, pts[given])
        # Matroska gives no stamps before zero; frames there, and at the end, continue evenly.
        step = max(1.0, float(np.median(np.diff(pts[given]) / np.diff(given))))
        ticks -= step * np.maximum(given[0] - places, 0)
        ticks += step * np.maximum(places - given[-1], 0)
        return ticks.astype(np.int64)
    usual = max(1, round(Fraction(_USUAL_FRAME) / base))
    lasting = packets.durations[numbers]
    return np.cumsum(np.where(lasting > 0, lasting, usual)) - lasting[0]


def _longest_believable(file_size: int, count: int) -> float:
    """Give the seconds that a number of frames in a number of bytes may claim to last.

    Generous to slides and to screens on which little happens (ten seconds a frame, a kilobyte
    a second), it bounds what time stamps made absurd by damage can ask for: sound is decoded,
    and masks are sampled, for as long as a clip lasts.
    """
    return 600 + 10 * count + file_size / 1000
