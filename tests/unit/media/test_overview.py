"""What is drawn of a soundtrack: computed in chunks, right at their borders, and bounded."""

from __future__ import annotations

import tracemalloc
from collections import deque
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.media import SAMPLE_RATE, open_clip
from napari_tavis.media.overview import SoundOverview, scan_soundtrack

from .samples import H264, click_waveform, encode, run_ffmpeg, write_wav

SECONDS = 33.3
TICKS = tuple(np.arange(0.5, 33.0, 1.0))


@pytest.fixture(scope="session")
def half_minute(media_folder: Path) -> Path:
    """Clicks every second over four chunks, the last of them short; lossless sound."""
    wav = write_wav(media_folder / "ticks.wav", click_waveform(TICKS, SECONDS), SAMPLE_RATE)
    return encode(media_folder / "ticks.mkv", *H264, "-c:a", "flac", count=999, sound=wav)


def test_the_peaks_are_those_of_the_whole_sound(half_minute: Path) -> None:
    with open_clip(half_minute) as clip:
        chunks = list(scan_soundtrack(clip, buckets_per_second=100))
        sound = clip.soundtrack()
    assert [chunk.start for chunk in chunks] == [0.0, 10.0, 20.0, 30.0]
    assert [chunk.stop for chunk in chunks[:-1]] == [10.0, 20.0, 30.0]
    assert chunks[-1].stop == sound.size / SAMPLE_RATE
    starts = np.arange(0, sound.size, 160)
    low = np.concatenate([chunk.low for chunk in chunks])
    high = np.concatenate([chunk.high for chunk in chunks])
    np.testing.assert_array_equal(low, np.minimum.reduceat(sound, starts))
    np.testing.assert_array_equal(high, np.maximum.reduceat(sound, starts))


def test_clicks_are_seen_in_the_mel_picture_when_they_are_heard(half_minute: Path) -> None:
    with open_clip(half_minute) as clip:
        mel = np.concatenate([chunk.mel for chunk in scan_soundtrack(clip)], axis=1)
        assert mel.shape == (128, round(clip.duration * 100))
    loud = np.flatnonzero(mel.max(axis=0) > 200) / 100
    seen = loud[np.r_[True, np.diff(loud) > 0.5]]
    assert seen == pytest.approx(TICKS, abs=0.0151)  # a column reaches 7.5 ms beyond its own 10


def test_chunks_fit_together_without_a_seam(half_minute: Path) -> None:
    with open_clip(half_minute) as clip:
        chunks = list(scan_soundtrack(clip))
    first, second = chunks[0].mel, chunks[1].mel
    # The clicks repeat every second, so that around 10 s it must look as it does around 5 s.
    across = np.concatenate([first[:, -30:], second[:, :30]], axis=1)
    np.testing.assert_array_equal(across, first[:, 470:530])


def test_a_video_without_sound_is_drawn_as_silence(silent_video: Path) -> None:
    with open_clip(silent_video) as clip:
        (chunk,) = scan_soundtrack(clip)
    assert not chunk.low.any()
    assert not chunk.high.any()
    assert not chunk.mel.any()


def test_the_scan_reports_and_stops_when_asked(half_minute: Path) -> None:
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int, what: str) -> None:
        told.append((done, total))
        task.cancel()

    task = Task(progress)
    with open_clip(half_minute) as clip, pytest.raises(Cancelled):
        list(scan_soundtrack(clip, task=task))
    assert told == [(10, 33)]


def test_buckets_must_divide_the_rate(plain_video: Path) -> None:
    with open_clip(plain_video) as clip, pytest.raises(ValueError, match="300"):
        next(scan_soundtrack(clip, buckets_per_second=300))


def test_an_overview_shows_every_click_from_far_and_from_near(half_minute: Path) -> None:
    with open_clip(half_minute) as clip:
        overview = SoundOverview(clip.duration)
        for chunk in scan_soundtrack(clip):
            overview.add(chunk)
        assert overview.known == pytest.approx(clip.duration, abs=1e-4)
    for start, stop, columns in ((0.0, SECONDS, 200), (0.0, SECONDS, 5000), (4.2, 5.8, 50)):
        times, low, high = overview.waveform(start, stop, columns)
        assert columns <= times.size
        width = times[1] - times[0]
        assert times[0] == pytest.approx(start, abs=width)
        assert times[-1] == pytest.approx(stop, abs=width)
        clicks = [tick for tick in TICKS if start < tick < stop]
        for click in clicks:
            near = np.abs(times - click - 0.01) < max(width, 0.02)
            assert high[near].max() == pytest.approx(0.6, abs=0.01)
            assert low[near].min() == pytest.approx(-0.6, abs=0.01)
        begin, end, picture = overview.mel(start, stop, columns)
        assert begin <= start < stop <= end + 0.02
        assert (picture.max(axis=0) > 200).sum() >= len(clicks)


def test_an_overview_grows_and_shows_what_it_knows(half_minute: Path) -> None:
    with open_clip(half_minute) as clip:
        overview, chunks = SoundOverview(clip.duration), scan_soundtrack(clip)
        assert overview.waveform(0.0, 30.0, 100)[0].size == 0
        assert overview.mel(0.0, 30.0, 100)[2].shape[1] == 0
        overview.add(next(chunks))
        assert overview.waveform(0.0, 30.0, 100)[0][-1] == pytest.approx(10.0, abs=0.05)
        assert overview.mel_range()[0] < overview.mel_range()[1]


@pytest.mark.slow
def test_two_hours_take_bounded_memory(tmp_path: Path) -> None:
    video = tmp_path / "long.mkv"
    click = "aevalsrc=0.6*sin(2*PI*1000*t)*between(t\\,7199.5\\,7199.52):s=8000:d=7200"
    picture = ("-f", "lavfi", "-i", "color=black:s=64x48:r=1:d=7200")
    run_ffmpeg(*picture, "-f", "lavfi", "-i", click, *H264, "-c:a", "pcm_s16le", str(video))
    with open_clip(video) as clip:
        assert clip.duration == pytest.approx(7200.0, abs=0.1)
        tracemalloc.start()
        (last,) = deque(scan_soundtrack(clip), maxlen=1)
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
        tracemalloc.stop()
    assert last.high.max() == pytest.approx(0.6, abs=0.05)
    assert (last.start + np.argmax(last.high) / 400) == pytest.approx(7199.5, abs=0.02)
