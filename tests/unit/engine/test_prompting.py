"""Clicks, boxes and masks as prompts, in a real clip with an untrained network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_tavis.annotation.masks import cut_logits
from napari_tavis.annotation.prompts import Prompts
from napari_tavis.core.errors import InferenceError
from napari_tavis.engine.encoding import FrameEncoder
from napari_tavis.engine.prompting import MOST_STEPS, segment_prompts
from napari_tavis.media import Clip
from napari_tavis.model import TAViS

from .conftest import failing

SIZE = (90, 122)
CLICK = Prompts(points=((40.0, 20.0),), labels=(True,))


def test_a_click_gives_the_mask_that_the_model_sees_there(clip: Clip, model: TAViS) -> None:
    encoder = FrameEncoder(clip, model)
    current = np.zeros(SIZE, dtype=bool)
    current[20:60, 10:50] = True
    prompts = Prompts(((60.5, 44.5), (9.7, 8.5)), (True, False), (29.0, 17.5, 90.0, 71.5), current)
    result = segment_prompts(encoder, 12, prompts)
    places = torch.tensor(
        [[29.5 / 122, 0.2], [90.5 / 122, 0.8], [61 / 122, 0.5], [10.2 / 122, 0.1]]
    )
    labels = torch.tensor([2, 3, 1, 0], dtype=torch.int32)
    logits = torch.from_numpy(np.where(current, 10.0, -10.0).astype(np.float32))
    features = encoder.encode(12).features
    for count in (2, 3, 4):  # the box, then one click after the other
        seen = model.segment_prompts(features, places[:count], labels[:count], logits)
        grid = features.fine.shape[-2:]
        logits = torch.nn.functional.interpolate(seen.logits[None, None], grid, mode="bilinear")[
            0, 0
        ]
    assert result.mask.shape == SIZE
    assert np.array_equal(result.mask, cut_logits(result.logits, SIZE, 0.5))
    expected = torch.nn.functional.interpolate(seen.logits[None, None], SIZE, mode="bilinear")
    certain = expected[0, 0].abs() > 0.2
    assert np.array_equal(result.mask[certain], (expected[0, 0] > 0)[certain].numpy())
    assert result.score == pytest.approx(min(max(seen.iou, 0), 1))


def test_the_same_prompts_give_the_same_mask_ready_or_not(clip: Clip, model: TAViS) -> None:
    encoder, later = FrameEncoder(clip, model), FrameEncoder(clip, model)
    later.encode_ahead([12])
    first, second = segment_prompts(encoder, 12, CLICK), segment_prompts(later, 12, CLICK)
    assert np.array_equal(first.mask, second.mask)
    assert (first.logits, first.score) == (second.logits, second.score)


def test_a_mask_or_a_box_alone_suffices(clip: Clip, model: TAViS) -> None:
    encoder = FrameEncoder(clip, model)
    whole = np.ones(SIZE, dtype=bool)
    for prompts in (Prompts(mask=whole), Prompts(box=(10, 10, 60, 60))):
        assert segment_prompts(encoder, 3, prompts).mask.shape == SIZE


def test_many_clicks_cost_a_bounded_number_of_steps(clip: Clip, model: TAViS) -> None:
    encoder, steps = FrameEncoder(clip, model), []
    hook = model.sam2.sam_mask_decoder.register_forward_hook(lambda *_: steps.append(1))
    try:
        clicks = tuple((float(n), 40.0) for n in range(40))
        segment_prompts(encoder, 3, Prompts(clicks, (True,) * 40))
    finally:
        hook.remove()
    assert len(steps) == MOST_STEPS + 1


def test_prompts_that_show_nothing_are_explained(clip: Clip, model: TAViS) -> None:
    encoder = FrameEncoder(clip, model)
    with pytest.raises(InferenceError, match="click on the object"):
        segment_prompts(encoder, 3, Prompts())
    with pytest.raises(InferenceError, match="outside the picture"):
        segment_prompts(encoder, 3, Prompts(((400.0, 2.0),), (True,)))
    with pytest.raises(ValueError, match="a mask of"):
        segment_prompts(encoder, 3, Prompts(mask=np.ones((4, 4), dtype=bool)))


def test_memory_that_runs_out_is_taken_from_the_encoded_frames(clip: Clip, model: TAViS) -> None:
    encoder = FrameEncoder(clip, model)
    encoder.encode_ahead([1, 2])
    with failing(model.sam2.image_encoder, times=1):
        encoder.encode(3)
    assert [encoder.is_ready(frame) for frame in (1, 2, 3)] == [False, False, True]
    with failing(model.sam2.sam_mask_decoder, times=1):
        assert segment_prompts(encoder, 3, CLICK).mask.shape == SIZE


def test_memory_that_does_not_suffice_is_explained(clip: Clip, model: TAViS) -> None:
    encoder = FrameEncoder(clip, model)
    with (
        failing(model.sam2.image_encoder, times=2),
        pytest.raises(InferenceError, match="not enough memory"),
    ):
        encoder.encode(3)
    assert segment_prompts(encoder, 3, CLICK).mask.shape == SIZE  # nothing is left blocked
