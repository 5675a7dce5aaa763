"""A clip segmented and clicked at on every backbone, as the plugin does it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_tavis.annotation.prompts import Prompts
from napari_tavis.core.errors import ModelError
from napari_tavis.engine.encoding import FrameEncoder
from napari_tavis.engine.following import propagate
from napari_tavis.engine.prompting import segment_prompts
from napari_tavis.engine.segmenting import segment_clip
from napari_tavis.media import Clip, open_clip
from napari_tavis.model import TAViS


@pytest.fixture
def clip(short: Path) -> Iterator[Clip]:
    with open_clip(short) as opened:
        yield opened


def build(preset: str) -> TAViS:
    torch.manual_seed(0)
    return TAViS.from_preset(preset, image_size=64)


@pytest.mark.parametrize("preset", ["toy_2.1", "toy_sam"])
def test_a_clip_is_segmented_and_clicked_at(clip: Clip, preset: str) -> None:
    model = build(preset)
    found = segment_clip(clip, model, count=2, device="cpu")
    assert found.model_name == preset
    assert [item.kind for item in found.objects].count("scene") == 1
    encoder = FrameEncoder(clip, model)
    prompts = Prompts(points=((40.0, 30.0),), labels=(True,))
    assert segment_prompts(encoder, 10, prompts).mask.shape == clip.size


def test_on_sam_an_object_is_not_followed_and_that_is_said(clip: Clip) -> None:
    drawn = np.zeros(clip.size, bool)
    drawn[20:40, 20:40] = True
    following = propagate(FrameEncoder(clip, build("toy_sam")), {0: drawn}, [1, 2])
    with pytest.raises(ModelError, match=r"SAM cannot follow objects .* choose a model on SAM 2"):
        next(following)
