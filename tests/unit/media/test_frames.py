"""Frames by index: exact in any order, lazy, bounded, and indexed as numpy does."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.core.errors import ClosedClipError, DecodingError, NoPictureError, TooLargeError
from napari_tavis.media import Clip, open_clip

from .samples import (
    H264,
    H264_OPEN,
    H264_REFRESH,
    HEVC_10,
    children,
    encode,
    number_shown,
    write_wav,
)

CODINGS = {
    "h264.mp4": H264,
    "h264.mkv": H264_OPEN,
    "open.mp4": H264_OPEN,
    "open.ts": H264_OPEN,
    "refresh.mp4": H264_REFRESH,
    "refresh.ts": H264_REFRESH,
    "fragmented.mp4": (*H264, "-movflags", "frag_keyframe+empty_moov"),
    "hevc10.mp4": HEVC_10,
    "hevc10.mkv": HEVC_10,
    "vp9.webm": ("-c:v", "libvpx-vp9", "-g", "20", "-auto-alt-ref", "6", "-deadline", "realtime"),
    "vp8.webm": ("-c:v", "libvpx", "-g", "20", "-auto-alt-ref", "1", "-lag-in-frames", "16"),
    "av1.mkv": ("-c:v", "libaom-av1", "-g", "20", "-cpu-used", "8", "-lag-in-frames", "19"),
    "mpeg4.mp4": ("-c:v", "mpeg4", "-g", "12", "-bf", "2", "-q:v", "3"),
    "mpeg4.avi": ("-c:v", "mpeg4", "-g", "12", "-bf", "2", "-q:v", "3"),
    "h264.avi": H264,
    "mjpeg.avi": ("-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p"),
    "mpeg2.mpg": ("-c:v", "mpeg2video", "-g", "12", "-bf", "2", "-q:v", "3"),
    "mpeg2.ts": ("-c:v", "mpeg2video", "-g", "12", "-bf", "2", "-q:v", "3"),
    "interlaced.ts": (*H264, "-flags", "+ildct+ilme"),
    "prores.mov": ("-c:v", "prores_ks"),
    "wmv.wmv": ("-c:v", "wmv2", "-g", "12", "-q:v", "3"),
    "flv.flv": ("-c:v", "flv1", "-g", "12", "-q:v", "3"),
    "theora.ogv": ("-c:v", "libtheora", "-g", "12", "-q:v", "8"),
    "loop.gif": (),
    "stream.264": H264,
}


@pytest.mark.parametrize("name", CODINGS)
def test_any_frame_in_any_order_is_the_one_that_playing_shows(name: str, tmp_path: Path) -> None:
    path = encode(tmp_path / name, *CODINGS[name], count=90)
    with open_clip(path) as playing:
        played = list(playing.frames)
        np.testing.assert_allclose(playing.times, np.arange(90) / 30, atol=0.0072)
        assert playing.duration == pytest.approx(3.0, abs=0.02)
    assert [number_shown(frame) for frame in played] == list(range(90))
    with open_clip(path, cache_bytes=1) as jumping:
        for index in np.random.default_rng(0).permutation(90)[:12]:
            np.testing.assert_array_equal(jumping.frames[index], played[index])


def test_backwards_and_forth_through_a_long_video(long_video: Path) -> None:
    order = [*range(299, 200, -1), 5, *range(150, 160), 4, 299, 0, *range(120, 60, -3)]
    with open_clip(long_video, cache_bytes=10 * 48 * 64 * 3) as clip:
        assert [number_shown(clip.frames[index]) for index in order] == order


def test_frames_are_right_from_many_threads_at_once(long_video: Path) -> None:
    with open_clip(long_video, cache_bytes=20 * 48 * 64 * 3) as clip:
        asked = np.random.default_rng(1).integers(0, 300, 60).tolist()
        with ThreadPoolExecutor(8) as pool:
            shown = list(pool.map(lambda index: number_shown(clip.frames[index]), asked))
    assert shown == asked


@pytest.fixture(scope="module")
def plain_clip(plain_video: Path) -> Iterator[Clip]:
    with open_clip(plain_video) as clip:
        yield clip


INDICES = [
    0,
    -1,
    np.int64(7),
    np.array(3),
    slice(2, 9, 3),
    slice(None, None, -20),
    slice(5, 5),
    [4, 1, -1, 4],
    np.array([0, 40]),
    [],
    np.arange(72) % 31 == 0,
    (3, slice(None), slice(None), slice(None)),
    (slice(3, 4), slice(None), slice(None)),
    (slice(0, 6), slice(None, None, 2), slice(10, 20), 1),
    (2, 5, 6, 0),
    (np.int64(2), [1, 2, 3], [4, 5, 6]),
    (..., 0),
    (1, ..., slice(0, 2)),
    (slice(0, 3), 4, ...),
    ...,
    (),
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indexing_is_numpys(index: object, plain_clip: Clip) -> None:
    whole = np.asarray(plain_clip.frames)
    given, expected = plain_clip.frames[index], whole[index]  # type: ignore[call-overload]
    assert np.shape(given) == expected.shape
    assert given.dtype == np.uint8
    np.testing.assert_array_equal(given, expected)


SENSELESS = [
    *(72, -73, 1.5, "1", None, True, [[1]], [0.5], [80], (0, 48)),
    *((0, 0, 0, 0, 0), (..., ...), np.ones(3, dtype=bool), ([0, 1], [0, 1])),
]


@pytest.mark.parametrize("index", SENSELESS, ids=str)
def test_a_senseless_index_is_refused(index: object, plain_clip: Clip) -> None:
    with pytest.raises((IndexError, TypeError)):
        plain_clip.frames[index]


def test_what_is_kept_cannot_be_changed(plain_video: Path) -> None:
    with open_clip(plain_video) as clip:
        with pytest.raises(ValueError, match="read-only"):
            clip.frames[5][:] = 0
        several = clip.frames[5:7]
        several[:] = 0
        assert number_shown(clip.frames[5]) == 5


def test_it_looks_like_an_array(plain_video: Path) -> None:
    with open_clip(plain_video) as clip:
        frames = clip.frames
        assert (frames.shape, frames.ndim, frames.dtype) == ((72, 48, 64, 3), 4, np.uint8)
        assert (len(frames), frames.size, frames.nbytes) == (72, 663552, 663552)
        assert np.asarray(frames, dtype=np.float32).dtype == np.float32
        assert "72" in repr(frames)
        with pytest.raises(ValueError, match="copy"):
            frames.__array__(copy=False)


def test_more_frames_than_memory_should_hold_are_refused(
    plain_video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_tavis.media.frames.MAX_BYTES", 10 * 48 * 64 * 3)
    with open_clip(plain_video) as clip:
        assert clip.frames[:10].shape[0] == 10
        with pytest.raises(TooLargeError, match="fewer"):
            np.asarray(clip.frames)


def held() -> tuple[int, int, int]:
    """Count this process's open files, threads and children (Linux)."""
    files, threads = (len(os.listdir(f"/proc/self/{name}")) for name in ("fd", "task"))
    return files, threads, len(children())


@pytest.mark.skipif(sys.platform != "linux", reason="counts through /proc")
@pytest.mark.parametrize("ending", ["close", "drop", "fail"])
def test_nothing_outlives_its_use(ending: str, long_video: Path, tmp_path: Path) -> None:
    broken = tmp_path / "sound.wav"
    write_wav(broken, np.zeros(1600, dtype=np.float32), 16_000)
    before = held()
    for _ in range(12):
        if ending == "fail":
            with pytest.raises(NoPictureError):
                open_clip(broken)
            continue
        clip = open_clip(long_video)
        for index in (100, 101, 30, 130, 230, 299):
            assert number_shown(clip.frames[index]) == index
        assert held()[2] == before[2]
        if ending == "close":
            clip.close()
        del clip
    gc.collect()
    assert held() == before


def test_a_closed_clip_says_so(plain_video: Path) -> None:
    clip = open_clip(plain_video)
    clip.close()
    clip.close()
    with pytest.raises(ClosedClipError, match=r"plain.mp4"):
        clip.frames[0]
    with pytest.raises(ClosedClipError, match=r"plain.mp4"):
        clip.soundtrack()


def test_a_file_that_goes_away_is_said(long_video: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(long_video, tmp_path / "here.mkv"))
    with open_clip(path) as clip:
        path.unlink()
        with pytest.raises(DecodingError, match=r"here.mkv"):
            clip.frames[250]
