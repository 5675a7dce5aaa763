from __future__ import annotations

import gc
import weakref
from pathlib import Path

from napari_tavis.core.tasks import CancelToken, no_progress
from napari_tavis.model import TAViS, save_checkpoint
from napari_tavis.widgets.correction.encoders import FrameEncoders, frames_to_encode
from napari_tavis.widgets.work import LoadedModel, SegmentOptions, segment_video

TOY = SegmentOptions(device="cpu", vocabulary=("dog", "bell"))


def test_the_frame_shown_comes_first_then_where_a_person_goes_next() -> None:
    assert frames_to_encode(5, [1, 4, 7, 10], 12) == [5, 7, 4, 6]


def test_the_ends_of_the_video_have_one_side_only() -> None:
    assert frames_to_encode(0, [0, 1], 2) == [0, 1]
    assert frames_to_encode(11, [1, 4], 12) == [11, 4, 10]


def test_frames_that_were_segmented_are_ready_for_clicks(
    toy_video: Path, loaded_model: LoadedModel
) -> None:
    cancel = CancelToken()
    found = segment_video(toy_video, TOY, loaded_model, no_progress, cancel, keep=True)
    sampled: list[int] = []
    encoders = FrameEncoders(loaded_model, lambda: sampled)
    try:
        before = encoders.get(toy_video, TOY, no_progress, cancel)
        assert all(before.is_ready(int(frame)) for frame in found.frame_indices)
        sampled += found.frame_indices.tolist()
        other_rate = SegmentOptions(device="cpu", fps=3)
        after = encoders.get(toy_video, other_rate, no_progress, cancel)
        assert all(after.is_ready(frame) for frame in sampled)
        assert not after.is_ready(60)
        assert encoders.get(toy_video, TOY, no_progress, cancel) is after
    finally:
        encoders.close()


def test_another_model_finds_the_memory_of_the_one_before(toy_video: Path, tmp_path: Path) -> None:
    cancel, loaded = CancelToken(), LoadedModel()
    encoders = FrameEncoders(loaded, lambda: [0])
    try:
        encoders.get(toy_video, TOY, no_progress, cancel).encode(0)
        before = weakref.ref(loaded.get(TOY.model, "cpu"))
        other = save_checkpoint(TAViS.from_preset("toy"), tmp_path / "other.safetensors")
        loaded.get(other, "cpu")
        gc.collect()
        assert before() is None
    finally:
        encoders.close()


def test_what_is_segmented_ahead_leaves_no_frames_behind(
    silent_video: Path, toy_video: Path
) -> None:
    loaded = LoadedModel()
    for video in (silent_video, toy_video):
        segment_video(video, TOY, loaded, no_progress, CancelToken())
    assert loaded.features().nbytes == 0
