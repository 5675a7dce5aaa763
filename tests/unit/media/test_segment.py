"""Stretches cut out of a video."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_tavis.core.errors import EncodingError, MediaError
from napari_tavis.media import extract_segment, open_clip

from .samples import H264, click_waveform, clicks_heard, encode, number_shown, write_wav
from .test_index import VARIABLE


def test_a_stretch_shows_and_sounds_as_its_source(plain_video: Path, tmp_path: Path) -> None:
    path = extract_segment(plain_video, tmp_path / "part.mp4", 0.5, 1.6)
    with open_clip(path) as clip:
        assert [number_shown(frame) for frame in clip.frames] == list(range(15, 63))
        assert clip.duration == pytest.approx(1.6)
        assert clicks_heard(clip.soundtrack()) == pytest.approx([0.5, 1.5], abs=0.002)


def test_a_start_within_a_frame_begins_with_that_frame(silent_video: Path, tmp_path: Path) -> None:
    path = extract_segment(silent_video, tmp_path / "part.mp4", 1.01, 0.2)
    with open_clip(path) as clip:
        assert [number_shown(frame) for frame in clip.frames] == list(range(30, 36))
        assert not clip.has_soundtrack


def test_a_variable_rate_becomes_a_constant_one_without_drift(tmp_path: Path) -> None:
    wav = write_wav(tmp_path / "c.wav", click_waveform((1.0, 2.5), 3.6), 16_000)
    source = encode(tmp_path / "v.mkv", *VARIABLE, *H264, count=90, sound=wav)
    path = extract_segment(source, tmp_path / "part.mp4", 0.4, 3.0)
    with open_clip(source) as before, open_clip(path) as clip:
        steps = np.diff(clip.times)
        np.testing.assert_allclose(steps, steps[0], atol=1e-4)
        for index, second in enumerate(clip.times):
            shown = number_shown(clip.frames[index])
            ahead = before.times[shown] - (second + 0.4)
            assert -0.06 < ahead < 0.002
        assert clicks_heard(clip.soundtrack()) == pytest.approx([0.6, 2.1], abs=0.002)


def test_past_the_end_the_last_frame_stands_in_silence(plain_video: Path, tmp_path: Path) -> None:
    path = extract_segment(plain_video, tmp_path / "part.mp4", 1.9, 1.0)
    with open_clip(path) as clip:
        assert [number_shown(frame) for frame in clip.frames] == [*range(57, 72), *[71] * 15]
        sound = clip.soundtrack()
    assert clicks_heard(sound) == pytest.approx([0.1], abs=0.002)
    assert sound.size == 16_000


@pytest.mark.parametrize(
    ("start", "seconds"), [(-1, 1), (2.5, 1), (0, 0), (0, -1), (float("nan"), 1), (0, float("inf"))]
)
def test_a_stretch_that_is_not_there_is_refused(
    start: float, seconds: float, plain_video: Path, tmp_path: Path
) -> None:
    with pytest.raises(EncodingError, match=r"lasts 2\.40 s"):
        extract_segment(plain_video, tmp_path / "part.mp4", start, seconds)
    assert not list(tmp_path.iterdir())


def test_a_source_that_is_no_video_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("no")
    with pytest.raises(MediaError, match=r"a\.mp4"):
        extract_segment(tmp_path / "a.mp4", tmp_path / "b.mp4", 0, 1)


def test_a_video_can_be_cut_down_in_its_own_place(plain_video: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(plain_video.read_bytes())
    extract_segment(path, path, 1.0, 1.0)
    with open_clip(path) as clip:
        assert [number_shown(frame) for frame in clip.frames] == list(range(30, 60))
