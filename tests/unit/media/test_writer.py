"""Writing videos: what is read back, and that nothing half-written stays."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.core.errors import EncodingError, MediaError
from napari_tavis.media import open_clip, write_video

from .conftest import CLICKS
from .samples import click_waveform, clicks_heard, number_shown, numbered_frames


def test_frames_and_sound_come_back(plain_video: Path) -> None:
    frames = numbered_frames(72)
    with open_clip(plain_video) as clip:
        assert [number_shown(frame) for frame in clip.frames] == list(range(72))
        assert np.abs(clip.frames[:].astype(float) - frames).mean() < 3
        assert clicks_heard(clip.soundtrack()) == pytest.approx(CLICKS, abs=0.002)


@pytest.mark.skipif(os.name != "posix", reason="needs limits of file sizes")
def test_a_full_disk_is_called_one(tmp_path: Path) -> None:
    script = (
        "import resource, sys, numpy as np\n"
        "from napari_tavis.media import write_video\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "frames = np.random.default_rng(0).integers(0, 255, (9, 90, 160, 3), np.uint8)\n"
        "write_video(sys.argv[1], frames, 3, lossless=True)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "a.mp4")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "was not written: its disk is full; make room there." in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_colours_come_back(tmp_path: Path) -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 255, 255), (0, 0, 0)]
    frames = np.array(colours, dtype=np.uint8)[:, None, None] * np.ones((32, 32, 1), np.uint8)
    path = write_video(tmp_path / "colours.mp4", frames, 5)
    with open_clip(path) as clip:
        for frame, colour in zip(clip.frames, colours, strict=True):
            assert np.abs(frame.astype(int) - colour).max() <= 6


@pytest.mark.parametrize("size", [(47, 64), (48, 63), (47, 63), (1, 1)])
def test_an_odd_size_grows_by_a_copy_of_its_edge(size: tuple[int, int], tmp_path: Path) -> None:
    path = write_video(tmp_path / "odd.mp4", numbered_frames(5, size), 25)
    with open_clip(path) as clip:
        assert clip.size == (size[0] + size[0] % 2, size[1] + size[1] % 2)
        frame = clip.frames[3].astype(int)
    assert np.abs(frame[: size[0], : size[1]] - numbered_frames(4, size)[3]).mean() < 6
    if size[1] % 2:
        assert np.abs(frame[:, -1] - frame[:, -2]).max() < 12


@pytest.mark.parametrize("fps", [25, 29.97, Fraction(24000, 1001), 0.5, 12.5])
def test_any_frame_rate(fps: float, tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(10), fps)
    with open_clip(path) as clip:
        np.testing.assert_allclose(clip.times, np.arange(10) / float(fps), rtol=2e-5, atol=1e-4)
        assert clip.duration == pytest.approx(10 / float(fps), rel=1e-3)


def test_frames_may_come_one_by_one(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", iter(numbered_frames(7)), 10)
    with open_clip(path) as clip:
        assert len(clip.frames) == 7
        assert not clip.has_soundtrack


def test_stereo_and_another_sample_rate(tmp_path: Path) -> None:
    clicks = click_waveform(CLICKS, 2.4, 44_100)
    sound = np.stack([clicks, np.zeros_like(clicks)], axis=1)
    path = write_video(tmp_path / "a.mp4", numbered_frames(72), 30, sound, 44_100)
    with open_clip(path) as clip:
        heard = clip.soundtrack(channels=2)
    assert clicks_heard(heard[:, 0]) == pytest.approx(CLICKS, abs=0.002)
    assert np.abs(heard[:, 1]).max() < 0.02


def test_an_existing_file_is_replaced_and_nothing_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "-odd name é.mp4"
    path.write_text("old")
    assert write_video(path, numbered_frames(3), 10) == path
    assert list(tmp_path.iterdir()) == [path]
    with open_clip(path) as clip:
        assert len(clip.frames) == 3


@pytest.mark.skipif(os.name == "nt", reason="modes of files")
def test_the_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    path = write_video(tmp_path / "a.mp4", numbered_frames(2), 10)
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


GOOD = numbered_frames(3)
BAD = {
    "none": ([], 10, None, 16_000),
    "sizes": ([GOOD[0], GOOD[1][:40]], 10, None, 16_000),
    "floats": (GOOD / 255.0, 10, None, 16_000),
    "gray": (GOOD[..., 0], 10, None, 16_000),
    "nothing": (np.zeros((2, 0, 4, 3), np.uint8), 10, None, 16_000),
    "rate 0": (GOOD, 0, None, 16_000),
    "rate nan": (GOOD, float("nan"), None, 16_000),
    "sound nan": (GOOD, 10, np.full(100, np.nan), 16_000),
    "sound shape": (GOOD, 10, np.zeros((2, 3, 4)), 16_000),
    "sound rate": (GOOD, 10, np.zeros(100), 0),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_written_leaves_everything_as_it_was(case: str, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("old")
    frames, fps, sound, rate = BAD[case]
    with pytest.raises(EncodingError, match=r"a.mp4 was not written") as raised:
        write_video(path, frames, fps, sound, rate)
    assert "\n" not in str(raised.value)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_among_the_frames_is_passed_on_and_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> Iterator[np.ndarray]:
        yield from numbered_frames(40)
        raise OSError("the camera is gone")

    with pytest.raises((OSError, MediaError), match="camera"):
        write_video(tmp_path / "a.mp4", failing(), 10)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").touch()
    for path in ("nowhere/a.mp4", "folder.mp4", "file/a.mp4"):
        with pytest.raises(EncodingError, match="was not written"):
            write_video(tmp_path / path, numbered_frames(2), 10)


@pytest.mark.parametrize("size", [(48, 64), (47, 63)])
def test_lossless_frames_come_back_exactly(size: tuple[int, int], tmp_path: Path) -> None:
    frames = np.random.default_rng(3).integers(0, 256, (6, *size, 3), dtype=np.uint8)
    path = write_video(tmp_path / "exact.mp4", frames, 1, lossless=True)
    with open_clip(path) as clip:
        np.testing.assert_array_equal(clip.frames[:], frames)


def test_sound_may_come_in_blocks(tmp_path: Path) -> None:
    sound = np.repeat(click_waveform(CLICKS, 2.4)[:, None], 2, axis=1)
    blocks = (sound[begin : begin + 5000] for begin in range(0, len(sound), 5000))
    path = write_video(tmp_path / "blocks.mp4", numbered_frames(72), 30, blocks)
    with open_clip(path) as clip:
        assert clicks_heard(clip.soundtrack()) == pytest.approx(CLICKS, abs=0.002)


def test_blocks_of_sound_must_be_alike(tmp_path: Path) -> None:
    blocks = iter([np.zeros((100, 2)), np.zeros(100)])
    with pytest.raises(EncodingError, match="the sound must be"):
        write_video(tmp_path / "mixed.mp4", numbered_frames(3), 30, blocks)
    assert not list(tmp_path.iterdir())
