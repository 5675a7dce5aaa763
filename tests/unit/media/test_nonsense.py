"""Files whose claims are absurd: the work is that of the file, not of the claim."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.core.errors import MediaError, TooLargeError
from napari_tavis.media import open_clip

from .samples import H264, encode, number_shown, run_ffmpeg

MJPEG = ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "3")


def with_timescale(data: bytes, change: Callable[[int], int]) -> bytes:
    """Change the time scale of an mp4's first track."""
    place = data.index(b"mdhd") + 4
    assert data[place] == 0  # version
    scale = struct.unpack_from(">I", data, place + 12)[0]
    return data[: place + 12] + struct.pack(">I", change(scale)) + data[place + 16 :]


def test_a_flipped_bit_in_the_time_scale_is_said_and_costs_nothing(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", *H264, "-use_editlist", "0", count=80)
    path.write_bytes(with_timescale(path.read_bytes(), lambda scale: scale & 0xF or 15))
    with open_clip(path) as clip:
        assert len(clip.frames) == 80
        assert clip.duration <= 80
        assert clip.soundtrack().nbytes < 10_000_000
        assert [number_shown(clip.frames[index]) for index in (0, 41, 79)] == [0, 41, 79]
        assert any("time stamps of a.mp4 are nonsense" in said for said in clip.warnings)


@pytest.mark.parametrize("place", [0, 1, 40, 79])
@pytest.mark.parametrize("stamp", ["N+100000000", "2*N", "N-1000000"])
def test_one_frame_far_away_leaves_the_others_in_order(
    place: int, stamp: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.mkv"
    stamps = f"pts=if(eq(N\\,{place})\\,{stamp}\\,N):dts=N"
    encode(path, *MJPEG, "-bsf:v", f"setts={stamps}", count=80)
    with open_clip(path) as clip:
        assert 78 <= len(clip.frames) <= 80
        assert clip.duration < 10 * 80 + 600 + path.stat().st_size / 1000 + 1
        assert (np.diff(clip.times) >= 0).all()
        shown = [number_shown(frame) for frame in clip.frames]
        assert sorted(shown) == sorted(set(shown))


def test_slow_but_true_time_stamps_are_believed(tmp_path: Path) -> None:
    """Slides, and a screen on which nothing happens for minutes."""
    path = encode(tmp_path / "a.mp4", "-vf", "settb=1/100,setpts=6000*N", *H264, count=8)
    with open_clip(path) as clip:
        assert clip.times.tolist() == [60.0 * index for index in range(8)]
        assert not any("nonsense" in said for said in clip.warnings)


@pytest.mark.parametrize(
    ("name", "coding"), [("a.mp4", H264), ("a.ts", H264), ("a.mkv", MJPEG), ("a.avi", MJPEG)]
)
def test_huge_frames_are_refused_with_numbers(
    name: str, coding: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / name
    picture = ("-f", "lavfi", "-i", "color=c=red:s=8200x8200:r=5:d=0.2")
    run_ffmpeg(*picture, *coding, "-preset", "ultrafast", str(path))
    with pytest.raises(MediaError, match="67 megapixels") as raised:
        open_clip(path)
    if coding is H264:
        assert isinstance(raised.value, TooLargeError)
        assert "8200 x 8200" in str(raised.value)


def test_a_file_without_a_single_packet_is_refused(silent_video: Path, tmp_path: Path) -> None:
    data = silent_video.read_bytes()
    place = data.index(b"stsz") + 12  # the number of samples
    path = tmp_path / "a.mp4"
    path.write_bytes(data[:place] + bytes(4) + data[place + 4 :])
    with pytest.raises(MediaError, match=r"a\.mp4"):
        open_clip(path)


def test_damage_of_single_bits_gives_frames_or_a_sentence(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv", "a.ts", "a.avi", "a.webm"):
        coding = () if name == "a.webm" else H264
        whole = encode(tmp_path / name, *coding, count=20).read_bytes()
        random = np.random.default_rng(len(whole))
        for trial in range(12):
            data = bytearray(whole)
            for _ in range(1 + trial % 4):
                place = int(random.integers(0, min(len(data), 1200 if trial % 2 else len(data))))
                data[place] ^= 1 << int(random.integers(0, 8))
            path = tmp_path / f"hurt-{trial}-{name}"
            path.write_bytes(data)
            with contextlib.suppress(MediaError), open_clip(path) as clip:
                assert clip.frames[len(clip.frames) // 2].shape == (*clip.size, 3)
                assert clip.duration < 600 + 10 * len(clip.frames) + len(data) / 1000 + 1
