"""From a decoded frame to the picture that is shown: eight-bit RGB, upright, of one size."""

from __future__ import annotations

from fractions import Fraction

import av.error
import av.filter
import av.sidedata.sidedata
import av.video.frame
import numpy as np
import numpy.typing as npt
from av.video.format import VideoFormat
from av.video.reformatter import VideoReformatter

from napari_tavis.media import colour

_HD_LINES = 720  # from which on a video that does not name its colours has those of BT.709
_BT709, _SMPTE170M, _BT2020 = 1, 6, 9  # FFmpeg's numbers of matrices (AVColorSpace)
_UNNAMED = (2, 3)  # unspecified, reserved

_TICK = Fraction(1, 25)  # filters want their frames to have times

Picture = npt.NDArray[np.uint8]


class PictureMaker:
    """Turns the frames of one stream into upright pictures of one `size`. Not thread safe.

    The first frame sets the size and the rotation.
    """

    def __init__(self, first: av.video.frame.VideoFrame) -> None:
        self._stored = (first.height, first.width)
        self._remarks: dict[str, None] = {}
        matrix = _display_matrix(first)
        filters = _turning_filters(matrix)
        if matrix is not None and _is_slanted(matrix):
            self._remark("is to be turned by less than a quarter; it is turned by whole ones only")
        self._turner = _Turner(filters, self._stored) if filters else None
        # One for each conversion, as a scaler is set up anew whenever its task changes.
        self._scaler, self._narrower = VideoReformatter(), VideoReformatter()
        self._colours: colour.ColourMap | None = None
        height, width = self._stored
        sideways = any(name.startswith("transpose") for name in filters)
        self.size: tuple[int, int] = (width, height) if sideways else (height, width)
        self._look_at(first)

    @property
    def remarks(self) -> list[str]:
        """What a user should know about the frames seen so far: ends of sentences on the file."""
        return list(self._remarks)

    def picture(self, frame: av.video.frame.VideoFrame) -> Picture:
        """Give the picture (RGB, ``[H, W, 3]``, read-only) that a frame shows.

        A frame of another size than the first is fitted into that, with its proportions.
        """
        self._look_at(frame)
        size = _fitted_size((frame.height, frame.width), self._stored)
        shown = self._rgb(frame, size)
        if size != self._stored:
            shown = _on_black(shown, self._stored)
        upright = shown if self._turner is None else self._turner(shown)
        picture = np.asarray(upright.to_ndarray(), dtype=np.uint8)
        picture.flags.writeable = False
        return picture

    def _look_at(self, frame: av.video.frame.VideoFrame) -> None:
        """Note what is unusual about a frame."""
        if frame.interlaced_frame:
            self._remark("is interlaced: two moments are woven into each frame; deinterlace it")
        if (frame.height, frame.width) != self._stored:
            height, width = self._stored
            self._remark(
                f"changes its size to {frame.width} x {frame.height}; such frames are fitted into "
                f"{width} x {height} with black borders"
            )
        if (kind := colour.kind_of(frame)) is not None:
            words = " ".join(kind)
            self._remark(f"has colours of {words}; they are shown in those of an ordinary screen")

    def _remark(self, remark: str) -> None:
        self._remarks[remark] = None

    def _rgb(
        self, frame: av.video.frame.VideoFrame, size: tuple[int, int]
    ) -> av.video.frame.VideoFrame:
        """Convert and scale a frame to eight-bit RGB in the colours of an ordinary screen."""
        kind = colour.kind_of(frame)
        if frame.colorspace in _UNNAMED:
            hd = frame.height >= _HD_LINES
            frame.colorspace = _BT2020 if kind is not None else _BT709 if hd else _SMPTE170M
        if kind is None:
            return _scaled(self._scaler, frame, size, "rgb24")
        if self._colours is None or (self._colours.kind, self._colours.size) != (kind, size):
            self._colours = colour.ColourMap(kind, size)
        deep = _scaled(self._scaler, frame, size, colour.ColourMap.FORMAT)
        return _scaled(self._narrower, self._colours(deep), size, "rgb24")


def _scaled(
    scaler: VideoReformatter, frame: av.video.frame.VideoFrame, size: tuple[int, int], pixels: str
) -> av.video.frame.VideoFrame:
    height, width = size
    try:
        return scaler.reformat(frame, width, height, pixels, interpolation="BICUBIC")
    except av.error.FFmpegError:
        # A matrix that the scaler does not know: take the colours for the usual ones.
        frame.colorspace = _BT709
        return scaler.reformat(frame, width, height, pixels, interpolation="BICUBIC")


def _fitted_size(size: tuple[int, int], into: tuple[int, int]) -> tuple[int, int]:
    """Give the largest size of the same proportions that fits into another one."""
    scale = min(into[0] / size[0], into[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _on_black(frame: av.video.frame.VideoFrame, size: tuple[int, int]) -> av.video.frame.VideoFrame:
    """Put a frame into the middle of a larger black one."""
    canvas = np.zeros((*size, 3), dtype=np.uint8)
    top, left = (size[0] - frame.height) // 2, (size[1] - frame.width) // 2
    canvas[top : top + frame.height, left : left + frame.width] = frame.to_ndarray()
    return av.video.frame.VideoFrame.from_ndarray(canvas, format="rgb24")


def _display_matrix(frame: av.video.frame.VideoFrame) -> npt.NDArray[np.int32] | None:
    """Read how a frame is to be rotated; None where it is upright."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if not isinstance(data, av.sidedata.sidedata.SideData):
        return None
    return np.frombuffer(bytes(data), dtype=np.int32).reshape(3, 3)


def _is_slanted(matrix: npt.NDArray[np.int32]) -> bool:
    """Say whether a display matrix rotates by other than whole quarters."""
    straight, across = np.abs(matrix[[0, 1], [0, 1]]).max(), np.abs(matrix[[0, 1], [1, 0]]).max()
    return bool(min(straight, across) > 0.01 * max(straight, across))  # more than rounding


def _turning_filters(matrix: npt.NDArray[np.int32] | None) -> tuple[str, ...]:
    """Name FFmpeg's filters that do what a display matrix asks for, to a quarter of a turn.

    A stored pixel at (x, y) is shown at ``(x, y) @ matrix[:2, :2]``, up to a shift.
    """
    if matrix is None:
        return ()
    (across, down), (across_y, down_y) = matrix[:2, :2].tolist()
    if abs(across) + abs(down_y) >= abs(down) + abs(across_y):
        asked = ((down_y < 0, "vflip"), (across < 0, "hflip"))
        return tuple(name for wanted, name in asked if wanted)
    # Rows become columns; then the rows, the columns, or both may run the other way.
    return (f"transpose={2 * (down < 0) + (across_y < 0)}",)


class _Turner:
    """Turns frames of one size upright by filters (FFmpeg's, as numpy is slow at transposing)."""

    def __init__(self, filters: tuple[str, ...], size: tuple[int, int]) -> None:
        self._graph = av.filter.Graph()
        self._source = self._graph.add_buffer(
            width=size[1], height=size[0], format=VideoFormat("rgb24"), time_base=_TICK
        )
        self._sink = self._graph.add("buffersink")
        steps = [self._graph.add(*name.split("=")) for name in filters]
        self._graph.link_nodes(self._source, *steps, self._sink).configure()
        self._count = 0

    def __call__(self, frame: av.video.frame.VideoFrame) -> av.video.frame.VideoFrame:
        frame.pts, frame.time_base, self._count = self._count, _TICK, self._count + 1
        self._source.push(frame)
        turned = self._sink.pull()
        assert isinstance(turned, av.video.frame.VideoFrame)
        return turned
