"""The running decoder, and what it says of each frame."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.media import open_clip
from napari_tavis.media.decoder import Decoder, FrameStamp, seeking_arguments, stamps

from .samples import H264, encode, number_shown, numbered_frames, remux

LOG = """[info] Input #0, mov, from 'file:x':
[info]     title : [Parsed_showinfo_0 @ 0x55] [info] n:   0 pts:  9 s:9x9 i:P
[Parsed_showinfo_0 @ 0x55] [info] config in time_base: 1/12800, frame_rate: 25/1
[Parsed_showinfo_0 @ 0x55] [info] n:   0 pts:   -512 pts_time:-0.04 duration: 512 s:64x48 i:P
[Parsed_showinfo_0 @ 0x55] [info] color_range:unknown color_space:unknown
[Parsed_showinfo_0 @ 0x55] [info] n:   1 pts: NOPTS pts_time:NOPTS duration: 0 s:32x24 i:P
"""


def test_the_log_tells_each_frames_stamp() -> None:
    base = Fraction(1, 12800)
    assert list(stamps(LOG.splitlines())) == [
        FrameStamp(-512, base, (48, 64)),
        FrameStamp(None, base, (24, 32)),
    ]


def test_frames_come_with_their_stamps_until_the_end(silent_video: Path) -> None:
    decoder = Decoder(silent_video, 0, (48, 64))
    seconds = []
    while (got := decoder.read()) is not None:
        stamp, frame = got
        assert stamp.ticks is not None
        assert number_shown(frame) == len(seconds)
        seconds.append(float(stamp.ticks * stamp.time_base))
    np.testing.assert_allclose(seconds, np.arange(72) / 30, atol=1e-6)
    assert decoder.finished_well()
    decoder.close()
    decoder.close()


def test_decoding_begins_at_the_key_frame_before(silent_video: Path) -> None:
    decoder = Decoder(silent_video, 0, (48, 64), seek=Fraction(24, 30))
    got = decoder.read()
    decoder.close()
    assert got is not None
    assert number_shown(got[1]) == 24


def test_frames_before_the_first_wanted_are_left_out(silent_video: Path) -> None:
    decoder = Decoder(silent_video, 0, (48, 64), seek=Fraction(24, 30), first=15360 * 29 // 30)
    got = decoder.read()
    decoder.close()
    assert got is not None
    assert number_shown(got[1]) == 29


def test_a_process_that_was_ended_did_not_finish_well(silent_video: Path) -> None:
    decoder = Decoder(silent_video, 0, (48, 64))
    decoder.close()
    assert not decoder.finished_well()


@pytest.mark.parametrize(
    ("seek", "stamp"),
    [(Fraction(1, 3), "0.333334"), (Fraction(-1, 2), "-0.500000"), (Fraction(7200), "7200.000000")],
)
def test_a_jump_never_lands_before_its_key_frame_through_rounding(
    seek: Fraction, stamp: str
) -> None:
    assert seeking_arguments(seek)[-1] == stamp
    assert seeking_arguments(None) == []


@pytest.mark.parametrize(("degrees", "turns"), [("90", 1), ("180", 2), ("270", 3)])
def test_frames_stand_upright(degrees: str, turns: int, silent_video: Path, tmp_path: Path) -> None:
    path = remux(silent_video, tmp_path / "turned.mp4", before=("-display_rotation", degrees))
    with open_clip(path) as clip:
        expected = np.rot90(np.zeros((48, 64)), turns).shape
        assert clip.size == expected
        for index in (0, 33, 71):
            assert number_shown(np.rot90(clip.frames[index], -turns)) == index


FORMATS = {
    "gray16.mkv": ("-c:v", "ffv1", "-pix_fmt", "gray16le"),
    "rgb12.mkv": ("-c:v", "ffv1", "-pix_fmt", "gbrp12le"),
    "yuv422p10.mov": ("-c:v", "prores_ks", "-profile:v", "3"),
    "alpha.mov": ("-c:v", "qtrle", "-pix_fmt", "argb"),
    "full.mkv": ("-c:v", "libx264", "-pix_fmt", "yuvj444p"),
    "h264-10.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv420p10le"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_any_depth_and_colour_becomes_eight_bit_rgb(name: str, tmp_path: Path) -> None:
    with open_clip(encode(tmp_path / name, *FORMATS[name], count=8)) as clip:
        given, true = clip.frames[5], numbered_frames(6)[5]
    if name.startswith("gray"):
        true = np.repeat((true @ np.array([0.299, 0.587, 0.114]))[..., None], 3, axis=2)
    assert np.abs(given.astype(float) - true).mean() < 6


@pytest.mark.parametrize(
    ("name", "coding"),
    [
        ("odd.mkv", ("-c:v", "ffv1")),
        ("odd.webm", ("-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p", "-deadline", "realtime")),
        ("odd.mp4", ("-c:v", "libx264", "-pix_fmt", "yuv444p")),
        ("oblong.mp4", (*H264, "-vf", "crop=62:46,setsar=2/1")),
    ],
)
def test_odd_sizes_and_oblong_pixels_stay_as_they_are(
    name: str, coding: tuple[str, ...], tmp_path: Path
) -> None:
    size = (47, 63) if name.startswith("odd") else (48, 64)
    with open_clip(encode(tmp_path / name, *coding, count=8, size=size)) as clip:
        assert clip.size == ((47, 63) if name.startswith("odd") else (46, 62))
        offset = 0 if name.startswith("odd") else 1
        true = numbered_frames(6)[5, offset:, offset:][: clip.size[0], : clip.size[1]]
        assert np.abs(clip.frames[5].astype(float) - true).mean() < 8
