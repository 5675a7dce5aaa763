"""When the frames of a video are shown."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.core.errors import NoPictureError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.media import open_clip
from napari_tavis.media.decoder import Decoder
from napari_tavis.media.index import FrameIndex, read_index

from .samples import H264, H264_OPEN, encode, number_shown, remux, run_ffmpeg

UNEVEN = "settb=1/1000,setpts=40*N+9*mod(N\\,3)"
"""Frame n at 40 n ms, and 9 or 18 ms later for two of three."""
VARIABLE = ("-vf", UNEVEN, "-enc_time_base", "1:1000")
JPEG = ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p")


def index_of(path: Path) -> FrameIndex:
    with contextlib.closing(Decoder(path)) as decoder:
        return read_index(decoder)[0]


def check_numbers(path: Path, expected: list[int]) -> None:
    """See that the frames show the expected numbers, also when jumped to."""
    with open_clip(path, cache_bytes=1) as clip:
        assert len(clip.frames) == len(clip.times) == len(expected)
        assert (np.diff(clip.times) >= 0).all()
        assert clip.times[0] == 0
        assert [number_shown(frame) for frame in clip.frames] == expected
        for index in np.random.default_rng(0).permutation(len(expected))[:12]:
            assert number_shown(clip.frames[index]) == expected[index]


@pytest.mark.parametrize(
    ("name", "coding"),
    [
        ("vfr.mp4", H264),
        ("vfr.mkv", H264_OPEN),
        ("vfr.webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-g", "20")),
        ("vfr.mov", JPEG),
    ],
)
def test_a_variable_rate_keeps_each_frames_time(
    name: str, coding: tuple[str, ...], tmp_path: Path
) -> None:
    path = encode(tmp_path / name, *VARIABLE, *coding, count=90)
    numbers = np.arange(90)
    index = index_of(path)
    np.testing.assert_allclose(index.times, (40 * numbers + 9 * (numbers % 3)) / 1000, atol=1e-6)
    assert not index.damaged
    assert index.duration == pytest.approx(3.6, abs=0.03)
    check_numbers(path, list(range(90)))


def test_a_gif_holds_its_last_frame_as_long_as_it_says(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.gif", "-vf", "fps=10", "-final_delay", "70", count=30)
    index = index_of(path)
    np.testing.assert_allclose(index.times, np.arange(10) / 10, atol=1e-9)
    assert index.duration == pytest.approx(0.9 + 0.7)


@pytest.mark.parametrize("name", ["late.mp4", "late.mkv", "late.ts", "late.mov"])
def test_time_zero_is_the_first_frame_wherever_the_file_begins(name: str, tmp_path: Path) -> None:
    path = encode(tmp_path / name, *H264, count=90, before=("-itsoffset", "3.7"))
    np.testing.assert_allclose(index_of(path).times, np.arange(90) / 30, atol=0.001)
    check_numbers(path, list(range(90)))


def test_what_an_edit_list_hides_is_not_shown(silent_video: Path, tmp_path: Path) -> None:
    # Cut without coding again: the file begins at a key frame, the edit list 22 frames in.
    path = remux(silent_video, tmp_path / "cut.mp4", before=("-ss", "0.73"))
    check_numbers(path, list(range(22, 72)))
    assert index_of(path).times[1] == pytest.approx(1 / 30)


def test_pictures_that_cannot_be_decoded_at_the_beginning_are_left_out(tmp_path: Path) -> None:
    whole = encode(tmp_path / "whole.ts", *H264_OPEN, count=90)
    data = whole.read_bytes()
    path = tmp_path / "tail.ts"
    path.write_bytes(data[len(data) // 188 // 2 * 188 :])
    with open_clip(path, cache_bytes=1) as clip:
        shown = [number_shown(frame) for frame in clip.frames]
        np.testing.assert_allclose(clip.times, (np.array(shown) - shown[0]) / 30, atol=1e-4)
        assert 10 < len(shown) < 60
        assert shown[-1] == 89
        assert number_shown(clip.frames[len(shown) // 2]) == shown[len(shown) // 2]


@pytest.mark.parametrize(
    ("name", "stamps"),
    [
        ("twice.mkv", "pts=2*floor(N/2)+2:dts=N"),
        ("twice.nut", "pts=2*floor(N/2)+2:dts=N"),
        ("shuffled.mkv", "pts=N+4*mod(N\\,2):dts=N-1"),
    ],
)
def test_frames_with_equal_or_unsorted_times_are_all_there(
    name: str, stamps: str, tmp_path: Path
) -> None:
    path = encode(tmp_path / name, *JPEG, "-bsf:v", f"setts={stamps}", count=80)
    check_numbers(path, list(range(80)))


def test_files_joined_end_to_end_run_on(tmp_path: Path) -> None:
    part = encode(tmp_path / "part.ts", *H264, count=40)
    small = encode(tmp_path / "small.ts", *H264, "-vf", "scale=32:24", count=40)
    path = tmp_path / "joined.ts"
    path.write_bytes(part.read_bytes() + small.read_bytes())
    # The second part is smaller; its frames are stretched to the size of the first.
    check_numbers(path, [*range(40), *range(40)])
    index = index_of(path)
    assert index.jumps_back
    assert index.duration == pytest.approx(80 / 30, abs=0.05)


@pytest.mark.parametrize("count", [1, 2, 64, 65])
def test_few_frames_and_the_edge_of_what_is_decoded_at_once(count: int, tmp_path: Path) -> None:
    path = encode(tmp_path / "few.mp4", *H264, count=count)
    check_numbers(path, list(range(count)))
    assert index_of(path).duration == pytest.approx(count / 30)


def test_slow_frames(tmp_path: Path) -> None:
    path = encode(tmp_path / "slow.mp4", "-vf", "setpts=N*5/TB,fps=1/5", *H264, count=6)
    assert index_of(path).times.tolist() == [0, 5, 10, 15, 20, 25]
    assert index_of(path).duration == 30


@pytest.mark.parametrize("name", ["long.mkv", "long.avi"])
def test_reading_tells_its_progress_and_can_be_stopped(name: str, tmp_path: Path) -> None:
    # The avi has no time stamps, so that it is decoded once; of the mkv packets are read.
    coding = (*H264, "-preset", "ultrafast")
    path = encode(tmp_path / name, *coding, count=1100, size=(16, 16))
    told: list[tuple[int, int, str]] = []
    with contextlib.closing(Decoder(path)) as decoder:
        index, _ = read_index(decoder, Task(lambda *step: told.append(step)))
    assert len(index) == 1100
    assert told
    assert all(0 <= done <= total and what for done, total, what in told)
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        open_clip(path, task=task)


def test_a_file_without_one_whole_frame_is_refused(tmp_path: Path) -> None:
    path = encode(tmp_path / "whole.mkv", *H264, count=12)
    run_ffmpeg(
        *("-i", str(path), "-c", "copy", "-bsf:v", "noise=amount=1", "-copyinkf"),
        str(tmp_path / "noise.mkv"),
    )
    with pytest.raises(NoPictureError, match=r"noise.mkv"):
        open_clip(tmp_path / "noise.mkv")


def test_frames_without_stamps_before_the_first_one_go_on_evenly(tmp_path: Path) -> None:
    early = ("-output_ts_offset", "-1", "-avoid_negative_ts", "disabled")
    path = encode(tmp_path / "early.mkv", *H264, *early)
    with open_clip(path) as clip:
        assert clip.times == pytest.approx(np.arange(72) / 30, abs=0.05)
        assert clip.duration == pytest.approx(2.4, abs=0.05)
