"""Images of 1024 pixels, end to end: the toy network, whose parts scale as the paper's do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_tavis.annotation.masks import cut_logits, decode_logits
from napari_tavis.annotation.prompts import Prompts
from napari_tavis.engine.detection import MOST_SIDE
from napari_tavis.engine.encoding import FeatureCache, FrameEncoder
from napari_tavis.engine.following import propagate
from napari_tavis.engine.prompting import segment_prompts
from napari_tavis.engine.sampling import sample_frames
from napari_tavis.engine.segmenting import segment_clip
from napari_tavis.media import open_clip
from napari_tavis.model import TAViS, load_model

SIZE = (90, 122)


@pytest.fixture(scope="module")
def large() -> TAViS:
    return load_model("toy", image_size=1024)


@pytest.fixture(scope="module")
def cache(short: Path, large: TAViS) -> FeatureCache:
    """What is left of segmenting two frames."""
    cache = FeatureCache()
    with open_clip(short) as clip:
        segment_clip(clip, large, count=2, vocabulary=("dog",), device="cpu", cache=cache)
    return cache


@pytest.mark.parametrize("protocol", ["memory", "independent"])
def test_proposals_have_masks_at_the_size_of_the_video(
    short: Path, large: TAViS, cache: FeatureCache, protocol: str
) -> None:
    with open_clip(short) as clip:
        found = segment_clip(
            clip, large, count=2, vocabulary=("dog",), device="cpu", protocol=protocol, cache=cache
        )
    assert found.objects
    for item in found.objects:
        for frame, mask in item.masks.items():
            assert mask.shape == SIZE
            assert mask.any()
            assert decode_logits(item.logits[frame]).shape == (MOST_SIDE, MOST_SIDE)
            assert np.array_equal(cut_logits(item.logits[frame], SIZE, 0.5), mask)


def test_clicks_and_propagation_work_on_what_was_segmented(
    short: Path, large: TAViS, cache: FeatureCache
) -> None:
    with open_clip(short) as clip:
        samples = sample_frames(clip, count=2)
        first, second = samples.indices.tolist()
        encoder = FrameEncoder(clip, large, samples, cache)
        assert encoder.is_ready(first)
        shown = segment_prompts(encoder, first, Prompts(box=(10, 20, 60, 70)))
        assert shown.mask.shape == SIZE
        assert shown.mask.any()
        ((frame, mask, score),) = propagate(encoder, {first: shown.mask}, [second])
    assert (frame, mask.shape) == (second, SIZE)
    assert 0 <= score <= 1


def test_the_encoders_see_1024_pixels_and_features_are_as_fine(
    large: TAViS, cache: FeatureCache
) -> None:
    frames = torch.randint(0, 256, (1, 90, 122, 3), dtype=torch.uint8)
    seen: list[torch.Size] = []
    hook = large.segmenter.image_encoder.register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0].shape)
    )
    try:
        features = large.encode_frames(frames, torch.zeros(1, 1, 128, 204)).features
    finally:
        hook.remove()
    assert seen == [(1, 3, 1024, 1024)]
    assert features.embedding.shape[-2:] == (64, 64)
    assert features.mask_size == (256, 256)
