"""An object followed through a real clip by an untrained network."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_tavis.annotation.masks import Mask, mask_from_logits
from napari_tavis.core.errors import InferenceError, ModelError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.engine.encoding import FeatureCache, FrameEncoder
from napari_tavis.engine.following import Stretch, plan_stretches, propagate
from napari_tavis.media import open_clip
from napari_tavis.model import TAViS

SIZE = (90, 122)


@pytest.fixture
def encoder(short: Path, model: TAViS) -> Iterator[FrameEncoder]:
    with open_clip(short) as clip:
        yield FrameEncoder(clip, model)


def disc(frame: int) -> Mask:
    """The disc of the clip in a frame."""
    rows, columns = np.ogrid[: SIZE[0], : SIZE[1]]
    return np.asarray((rows - 45) ** 2 + (columns - 20 - frame // 4) ** 2 < 400)


def test_frames_are_reached_from_the_nearer_condition() -> None:
    found = plan_stretches([10, 20], [2, 5, 10, 12, 15, 16, 18, 22, 30])
    assert [(item.frames, item.conditions[0], item.reverse) for item in found] == [
        ((5, 2), 10, True),
        ((12, 15), 10, False),
        ((18, 16), 20, True),
        ((22, 30), 20, False),
    ]


def test_every_frame_is_reached_once_whatever_the_conditions() -> None:
    generator = np.random.default_rng(0)
    for _ in range(50):
        conditions = generator.choice(60, generator.integers(1, 12), replace=False).tolist()
        frames = generator.choice(60, 30).tolist()
        found = plan_stretches(conditions, frames)
        reached = [frame for stretch in found for frame in stretch.frames]
        assert len(reached) == len(set(reached))
        assert set(reached) == set(frames) - set(conditions)
        for stretch in found:
            assert list(stretch.frames) == sorted(stretch.frames, reverse=stretch.reverse)
            anchor = stretch.conditions[0]
            assert all((frame < anchor) == stretch.reverse for frame in stretch.frames)
            for frame in stretch.frames:
                assert abs(frame - anchor) == min(abs(frame - one) for one in conditions)


def test_the_memory_holds_the_nearest_conditions() -> None:
    (found,) = plan_stretches([0, 10, 20, 30, 40, 50], [21, 22])
    assert found == Stretch((21, 22), (20, 30, 10, 40), reverse=False)
    (found,) = plan_stretches([0, 10, 20, 30, 40, 50], [28])
    assert found.conditions[:2] == (30, 20)


def test_all_frames_but_the_conditions_are_found(encoder: FrameEncoder) -> None:
    found = list(propagate(encoder, {20: disc(20)}, [19, 20, 21, 9, 29]))
    assert [frame for frame, _, _ in found] == [19, 9, 21, 29]
    for _, mask, score in found:
        assert mask.shape == SIZE
        assert mask.dtype == bool
        assert 0 <= score <= 1


@pytest.mark.parametrize("reverse", [False, True])
def test_it_is_what_the_model_s_tracker_finds(
    encoder: FrameEncoder, model: TAViS, reverse: bool
) -> None:
    frames = [16, 12, 8] if reverse else [24, 28, 32]
    tracker = model.track_object()
    start = 3 if reverse else 0
    tracker.condition(
        start, encoder.encode(20).features, torch.from_numpy(disc(20).astype(np.float32))
    )
    expected = []
    for step, frame in enumerate(frames, start=1):
        position = start + (-step if reverse else step)
        expected.append(tracker.step(position, encoder.encode(frame).features, reverse))
    found = list(propagate(encoder, {20: disc(20)}, frames))
    assert [frame for frame, _, _ in found] == frames
    for (_, mask, score), seen in zip(found, expected, strict=True):
        assert np.array_equal(mask, mask_from_logits(seen.logits.numpy(), SIZE))
        there = 1 / (1 + np.exp(-seen.object_score))
        assert score == pytest.approx(there * np.clip(seen.iou, 0, 1), abs=1e-6)


def test_masks_are_given_as_they_are_found(encoder: FrameEncoder, model: TAViS) -> None:
    runs: list[int] = []
    hook = model.sam2.image_encoder.register_forward_hook(lambda *_: runs.append(1))
    try:
        found = propagate(encoder, {0: disc(0)}, range(50))
        assert next(found)[0] == 1
        assert len(runs) == 2
        found.close()
    finally:
        hook.remove()


def test_memory_does_not_grow_with_the_video(short: Path, model: TAViS) -> None:
    def held() -> int:
        gc.collect()
        tensors = [item for item in gc.get_objects() if type(item) is torch.Tensor]
        return sum(item.numel() for item in tensors)

    with open_clip(short) as clip:
        encoder = FrameEncoder(clip, model, cache=FeatureCache(0))
        found = propagate(encoder, {0: disc(0), 1: disc(1)}, range(50))
        sizes = [held() for frame, _, _ in found if frame in (25, 48)]
    assert sizes[1] <= sizes[0] * 1.01


def test_progress_counts_frames(encoder: FrameEncoder) -> None:
    told: list[tuple[int, int]] = []
    frames = [8, 9, 10, 11, 12]
    for _ in propagate(
        encoder,
        {10: disc(10)},
        frames,
        Task(lambda done, total, what: told.append((done, total))),
    ):
        pass
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]


def test_cancelling_stops_at_once_and_leaves_what_was_found(encoder: FrameEncoder) -> None:
    token = Task()
    found = propagate(encoder, {0: disc(0)}, range(50), token)
    assert [next(found)[0], next(found)[0]] == [1, 2]
    token.cancel()
    with pytest.raises(Cancelled):
        next(found)
    assert encoder.encode(3) is encoder.encode(3)  # nothing is left blocked


def test_an_object_that_is_nowhere_is_explained(encoder: FrameEncoder) -> None:
    with pytest.raises(InferenceError, match="draw it in one frame first"):
        propagate(encoder, {}, [1, 2])
    with pytest.raises(InferenceError, match="draw it in one frame first"):
        propagate(encoder, {4: np.zeros(SIZE, dtype=bool)}, [1, 2])


def test_a_frame_where_the_object_is_not_is_a_condition_too(encoder: FrameEncoder) -> None:
    conditions = {0: disc(0), 6: np.zeros(SIZE, dtype=bool)}
    assert [frame for frame, _, _ in propagate(encoder, conditions, range(9))] == [
        *(1, 2, 3),
        *(5, 4),
        *(7, 8),
    ]


def test_frames_and_masks_that_do_not_fit_are_refused(encoder: FrameEncoder) -> None:
    with pytest.raises(ValueError, match="frame 50 of a clip of 50"):
        propagate(encoder, {0: disc(0)}, [50])
    with pytest.raises(ValueError, match="a mask of"):
        list(propagate(encoder, {0: np.ones((4, 4), dtype=bool)}, [1]))


def test_memory_that_does_not_suffice_is_explained(encoder: FrameEncoder, model: TAViS) -> None:
    def fail(module: torch.nn.Module, inputs: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    hook = model.sam2.memory_attention.register_forward_pre_hook(fail)
    try:
        with pytest.raises(InferenceError, match="not enough memory"):
            list(propagate(encoder, {0: disc(0)}, [1]))
    finally:
        hook.remove()


def test_on_sam_an_object_is_not_followed_and_that_is_said(short: Path) -> None:
    model = TAViS.from_preset("toy_sam", image_size=64)
    with open_clip(short) as clip:
        following = propagate(FrameEncoder(clip, model), {0: disc(0)}, [1, 2])
        with pytest.raises(
            ModelError, match=r"SAM cannot follow objects .* choose a model on SAM 2"
        ):
            next(following)
