"""What is seen of a frame: upright, in eight-bit RGB, at one size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_tavis.media import open_clip

from .samples import H264, encode, number_shown, numbered_frames, remux, run_ffmpeg


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


ORIENTATIONS = [
    (degrees, *flips)
    for degrees in ("0", "90", "180", "270")
    for flips in ((), ("-display_hflip",))
]


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=" ".join)
@pytest.mark.parametrize("size", [(48, 64), (47, 63)])
def test_turned_and_mirrored_frames_are_shown_as_ffmpeg_shows_them(
    orientation: tuple[str, ...], size: tuple[int, int], tmp_path: Path
) -> None:
    whole = encode(tmp_path / "a.mp4", "-c:v", "libx264", "-pix_fmt", "yuv444p", count=3, size=size)
    path = remux(whole, tmp_path / "turned.mp4", before=("-display_rotation", *orientation))
    run_ffmpeg("-i", str(path), "-pix_fmt", "rgb24", "-f", "rawvideo", str(tmp_path / "raw"))
    with open_clip(path) as clip:
        raw = np.fromfile(tmp_path / "raw", dtype=np.uint8).reshape(3, *clip.size, 3)
        np.testing.assert_array_equal(np.asarray(clip.frames), raw)
        with pytest.raises(ValueError, match="read-only"):
            clip.frames[1][:] = 0


def test_frames_of_another_size_are_fitted_with_their_proportions_and_that_is_said(
    tmp_path: Path,
) -> None:
    first = encode(tmp_path / "first.ts", *H264, count=20)
    tall = encode(
        tmp_path / "tall.ts", *H264, "-vf", "scale=32:48,drawbox=t=fill:c=white", count=20
    )
    path = tmp_path / "joined.ts"
    path.write_bytes(first.read_bytes() + tall.read_bytes())
    with open_clip(path) as clip:
        assert clip.size == (48, 64)
        assert number_shown(clip.frames[19]) == 19
        shown = clip.frames[30]
        assert shown[:, :15].max() < 20
        assert shown[:, 17:47].min() > 200
        assert shown[:, 49:].max() < 20
        assert any("changes its size to 32 x 48" in said for said in clip.warnings)


def test_interlaced_frames_and_oblong_pixels_are_said(tmp_path: Path) -> None:
    options = ("-flags", "+ildct+ilme", "-vf", "setsar=16/11,setfield=tff", "-x264-params", "tff=1")
    with open_clip(encode(tmp_path / "a.mkv", *H264, *options, count=20)) as clip:
        said = " ".join(clip.warnings)
        assert "a.mkv is interlaced" in said
        assert "not square (16:11)" in said
        assert [number_shown(frame) for frame in clip.frames] == list(range(20))


@pytest.mark.parametrize(("degrees", "slanted"), [("30", True), ("90", False), ("180", False)])
def test_a_slanted_picture_is_said(
    silent_video: Path, tmp_path: Path, degrees: str, slanted: bool
) -> None:
    path = remux(silent_video, tmp_path / "turned.mp4", before=("-display_rotation", degrees))
    with open_clip(path) as clip:
        assert any("turned by whole ones only" in said for said in clip.warnings) == slanted
