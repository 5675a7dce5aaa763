"""From the colours of HDR and wide-gamut video to those of an ordinary screen (BT.709, sRGB).

Everything is computed once, for a lattice of colours; frames are then looked up in that.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import av.filter
import av.filter.context
import av.video.frame
import numpy as np
import numpy.typing as npt
from av.video.format import VideoFormat
from av.video.reformatter import ColorPrimaries, ColorTrc

Floats = npt.NDArray[np.float64]

# nits of a white page in HDR video (ITU-R BT.2408): an ordinary screen's white
REFERENCE_WHITE = 203.0
_HLG_PEAK = 1000.0
_PQ_PEAK = 4000.0  # nits that are still distinguished; few films are mastered for more
_KNEE = 0.8  # share of white's light above which highlights are squeezed, to make room for brighter

_LEVELS = 64  # per channel of the lattice, a whole cube: 64 ** 3 == 512 ** 2
_SIDE = 512

# Linear RGB of other primaries in those of BT.709, all with the white of D65.
_TO_BT709 = {
    ColorPrimaries.BT2020: (
        (1.660491, -0.587641, -0.072850),
        (-0.124550, 1.132900, -0.008349),
        (-0.018151, -0.100579, 1.118730),
    ),
    ColorPrimaries.SMPTE432: (
        (1.224940, -0.224940, 0.0),
        (-0.042057, 1.042057, 0.0),
        (-0.019638, -0.078636, 1.098274),
    ),
}
_HDR = {int(ColorTrc.SMPTE2084): "PQ", int(ColorTrc.ARIB_STD_B67): "HLG"}
_WIDE = {int(ColorPrimaries.BT2020): "BT.2020", int(ColorPrimaries.SMPTE432): "Display P3"}


def kind_of(frame: av.video.frame.VideoFrame) -> tuple[str, str] | None:
    """Name the transfer ("PQ", "HLG" or "SDR") and the primaries of a frame's colours.

    None where they are those of an ordinary screen, or nothing is known about them.
    """
    transfer = _HDR.get(frame.color_trc, "SDR")
    primaries = _WIDE.get(frame.color_primaries, "BT.709")
    if transfer != "SDR" and frame.color_primaries == ColorPrimaries.UNSPECIFIED:
        primaries = "BT.2020"  # which almost all HDR video has
    return None if (transfer, primaries) == ("SDR", "BT.709") else (transfer, primaries)


@lru_cache(maxsize=4)
def lattice(transfer: str, primaries: str) -> npt.NDArray[np.uint16]:
    """Give what every colour of a lattice becomes, (512, 512, 3), as `kind_of` names the colours.

    These are the sRGB of 64 ** 3 colours at equal distances, the red running fastest and the blue
    slowest, as FFmpeg's "haldclut" wants them. Read-only.
    """
    steps = np.linspace(0.0, 1.0, _LEVELS)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    found = displayed(np.stack([red, green, blue], axis=-1), transfer, primaries)
    table = np.round(found * 65535).astype(np.uint16).reshape(_SIDE, _SIDE, 3)
    table.flags.writeable = False
    return table


def displayed(signal: Floats, transfer: str, primaries: str) -> Floats:
    """Convert coded colours ``[..., 3]`` in [0, 1] to sRGB in [0, 1]."""
    if transfer == "PQ":
        light = _nits_of_pq(signal) / REFERENCE_WHITE
    elif transfer == "HLG":
        light = _nits_of_hlg(signal) / REFERENCE_WHITE
    else:
        light = _light_of_srgb(signal)
    wide = {name: _TO_BT709[ColorPrimaries(code)] for code, name in _WIDE.items()}
    if primaries in wide:
        light = light @ np.array(wide[primaries]).T
    light = np.maximum(light, 0.0)
    if transfer != "SDR":
        peak = _PQ_PEAK if transfer == "PQ" else _HLG_PEAK
        light = _tone_mapped(light, peak / REFERENCE_WHITE)
    return _srgb_of_light(np.minimum(light, 1.0))


def _nits_of_pq(signal: Floats) -> Floats:
    """Apply the transfer function of SMPTE ST 2084."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = signal ** (1 / m2)
    return 10_000.0 * (np.maximum(power - c1, 0.0) / (c2 - c3 * power)) ** (1 / m1)


def _nits_of_hlg(signal: Floats) -> Floats:
    """Apply ARIB STD-B67's inverse OETF, and BT.2100's system gamma for a screen of 1,000 nits.

    The gamma is applied to each channel, as FFmpeg's zscale does both ways, and not to their
    luma: what was made of ordinary video becomes that again.
    """
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return _HLG_PEAK * scene**1.2


def _tone_mapped(light: Floats, peak: float) -> Floats:
    """Squeeze what is brighter than the knee below 1, so that `peak` becomes 1; hues stay.

    Below the knee nothing changes. Above it is Reinhard's extended curve, which continues from
    there at the same slope.
    """
    brightest = light.max(axis=-1, keepdims=True)
    over = np.maximum(brightest - _KNEE, 0.0) / (1 - _KNEE)
    white = (peak - _KNEE) / (1 - _KNEE)
    squeezed = over * (1 + over / white**2) / (1 + over)
    mapped = np.where(brightest > _KNEE, _KNEE + (1 - _KNEE) * squeezed, brightest)
    return light * (mapped / np.maximum(brightest, 1e-12))


def _srgb_of_light(light: Floats) -> Floats:
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _light_of_srgb(signal: Floats) -> Floats:
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


class ColourMap:
    """Looks up the colours of frames of one size in the `lattice` of a `kind_of` colours.

    Between the lattice's entries it interpolates.
    """

    FORMAT = "rgb48le"  # of the frames that go in and come out

    def __init__(self, kind: tuple[str, str], size: tuple[int, int]) -> None:
        self.kind, self.size = kind, size
        height, width = size
        tick = Fraction(1, 25)
        self._graph = av.filter.Graph()
        frames = self._graph.add_buffer(
            width=width, height=height, format=VideoFormat(self.FORMAT), time_base=tick
        )
        colours = self._graph.add_buffer(
            width=_SIDE, height=_SIDE, format=VideoFormat(self.FORMAT), time_base=tick
        )
        look_up, sink = self._graph.add("haldclut"), self._graph.add("buffersink")
        frames.link_to(look_up, 0, 0)
        colours.link_to(look_up, 0, 1)
        look_up.link_to(sink)
        self._graph.configure()
        table = av.video.frame.VideoFrame.from_ndarray(lattice(*kind), format=self.FORMAT)
        table.pts, table.time_base = 0, tick
        colours.push(table)
        colours.push(None)  # the end of that input: the filter then uses this one table for good
        self._frames, self._sink, self._tick, self._count = frames, sink, tick, 0

    def __call__(self, frame: av.video.frame.VideoFrame) -> av.video.frame.VideoFrame:
        frame.pts, frame.time_base = self._count, self._tick
        self._count += 1
        self._frames.push(frame)
        shown = self._sink.pull()
        assert isinstance(shown, av.video.frame.VideoFrame)
        return shown
