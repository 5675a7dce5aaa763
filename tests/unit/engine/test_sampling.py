from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from napari_tavis.core.errors import InferenceError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.engine.sampling import SoundWindows, is_silent, sample_frames, samples_at
from napari_tavis.media import log_mel, open_clip


@dataclass
class Times:
    """The times of a video, which is all that sampling looks at."""

    times: npt.NDArray[np.float64]
    duration: float


def constant(seconds: float, rate: float) -> Times:
    count = round(seconds * rate)
    return Times(np.arange(count) / rate, count / rate)


@pytest.mark.parametrize(
    ("rate", "indices"),
    [
        (30, [28, 58, 88, 118, 148]),
        (25, [23, 48, 73, 98, 123]),
        (24, [22, 46, 70, 94, 118]),
        (8, [7, 15, 23, 31, 39]),
    ],
)
def test_five_seconds_are_sampled_as_avsbench_does(rate: int, indices: list[int]) -> None:
    clip = constant(5, rate)
    expected = [int((n - 1) * rate + 15 / 16 * rate) for n in range(1, 6)]
    assert indices == expected
    for samples in (sample_frames(clip), sample_frames(clip, count=5)):
        assert samples.indices.tolist() == indices
        assert samples.starts.tolist() == [0, 0.75, 1.5, 2.25, 3]
        assert samples.times.tolist() == (samples.indices / rate).tolist()


def test_ten_frames_of_ten_seconds() -> None:
    samples = sample_frames(constant(10, 30), count=10)
    assert samples.indices.tolist() == [28 + 30 * k for k in range(10)]
    assert np.allclose(samples.starts, np.linspace(0, 8, 10))


@pytest.mark.parametrize(("seconds", "count"), [(4.9, 5), (5.4, 5), (5.6, 6), (0.2, 1), (600, 600)])
def test_a_rest_of_more_than_half_a_second_gets_a_frame(seconds: float, count: int) -> None:
    samples = sample_frames(constant(seconds, 30))
    assert len(samples) == count
    assert samples.indices[-1] < round(seconds * 30)


def test_other_rates() -> None:
    assert sample_frames(constant(5, 30), fps=2).indices.tolist() == list(range(14, 150, 15))
    assert sample_frames(constant(60, 30), fps=0.1).times.tolist() == pytest.approx(
        [9.3667, 19.3667, 29.3667, 39.3667, 49.3667, 59.3667], abs=1e-3
    )


def test_more_frames_than_there_are_gives_each_once() -> None:
    clip = constant(1, 8)
    for samples in (sample_frames(clip, fps=1000), sample_frames(clip, count=99)):
        assert samples.indices.tolist() == list(range(8))
    assert sample_frames(clip, fps=1e300).indices.tolist() == list(range(8))


def test_variable_frame_rate_goes_by_time() -> None:
    times = np.array([0, 0.9, 0.95, 1.5, 3.0, 3.9])
    samples = sample_frames(Times(times, 5.0))
    # at 0.9375, 1.9375, 2.9375, 3.9375 and 4.9375 s; a frame shown twice is sampled once
    assert samples.indices.tolist() == [1, 3, 5]


@pytest.mark.parametrize("fps", [0.05, 0.1, 0.3, 1, 4, 30])
@pytest.mark.parametrize("seconds", [0.5, 2, 5, 61])
def test_every_frame_lies_in_its_window_of_sound(seconds: float, fps: float) -> None:
    clip = constant(seconds, 30)
    samples = sample_frames(clip, fps=fps)
    assert (samples.starts >= 0).all()
    assert (samples.starts <= max(clip.duration - 2, 0)).all()
    assert (samples.starts <= samples.times + 1e-9).all()
    assert (samples.times <= samples.starts + 2 + 1e-9).all()


@pytest.mark.parametrize("fps", [0.05, 0.3, 1, 4])
@pytest.mark.parametrize("seconds", [0.5, 2, 5, 61])
def test_any_frame_has_a_window_like_the_sampled_ones_beside_it(seconds: float, fps: float) -> None:
    clip = constant(seconds, 30)
    samples = sample_frames(clip, fps=fps)
    starts = np.array([samples.start_at(time) for time in clip.times])
    assert starts[samples.indices].tolist() == samples.starts.tolist()
    assert (starts >= 0).all()
    assert (starts <= max(clip.duration - 2, 0)).all()
    assert (starts <= clip.times + 1e-9).all()
    assert (clip.times <= starts + 2 + 1e-9).all()


def test_frames_of_a_session_have_the_windows_that_they_were_segmented_with() -> None:
    clip = constant(61, 30)
    for fps in (0.3, 1, 2):
        samples = sample_frames(clip, fps=fps)
        again = samples_at(clip, [-1, *reversed(samples.indices.tolist()), 99_999])
        assert again.indices.tolist() == samples.indices.tolist()
        assert again.starts.tolist() == samples.starts.tolist()


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf")])
def test_a_rate_must_be_positive(fps: float) -> None:
    with pytest.raises(InferenceError, match="frames per second"):
        sample_frames(constant(5, 30), fps=fps)


@pytest.mark.parametrize("count", [0, -5])
def test_a_count_must_be_positive(count: int) -> None:
    with pytest.raises(InferenceError, match="at least 1"):
        sample_frames(constant(5, 30), count=count)


def test_windows_are_those_of_the_whole_soundtrack(short: Path) -> None:
    starts = [0.0, 1.5, 3.0]
    with open_clip(short) as clip:
        expected = log_mel(clip.soundtrack(), starts)
        assert np.array_equal(SoundWindows(clip).mel(starts), expected)


def test_sound_far_into_a_clip_is_found_without_decoding_all(tmp_path: Path, write_clip) -> None:
    def noise(time: np.ndarray) -> np.ndarray:
        return np.random.default_rng(0).uniform(-1, 1, time.shape)

    path = write_clip(tmp_path / "minutes.mp4", 130, rate=1, tone=noise)
    starts = [128.0, 59.0, 60.0, 2.0, 118.5]
    with open_clip(path) as clip:
        waveform = clip.soundtrack()
        found = SoundWindows(clip).mel(starts)
    assert np.median(np.abs(found - log_mel(waveform, starts))) < 0.02
    wrong = log_mel(waveform, [start - 0.05 for start in starts])
    assert np.median(np.abs(found - wrong)) > 0.05


def test_a_clip_without_a_soundtrack_is_silent(silent_video: Path) -> None:
    with open_clip(silent_video) as clip:
        assert is_silent(clip)
        mel = SoundWindows(clip).mel([1.4])
    assert np.array_equal(mel, log_mel(np.zeros(32_000), [0.0]))


def test_a_sound_late_in_a_clip_is_heard(tmp_path: Path, write_clip: Callable[..., Path]) -> None:
    def click(time: np.ndarray) -> np.ndarray:
        return np.where(np.abs(time - 28) < 0.1, np.sin(3200 * time), 0)

    with open_clip(write_clip(tmp_path / "late.mp4", 30, rate=1, tone=click)) as clip:
        assert not is_silent(clip)
        token = Task()
        token.cancel()
        with pytest.raises(Cancelled):
            is_silent(clip, token)
