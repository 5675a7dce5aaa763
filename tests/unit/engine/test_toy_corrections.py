"""The shipped toy model corrects what it proposes: boxes, clicks and propagation in a toy clip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from napari_tavis.annotation.masks import Mask, mask_overlap
from napari_tavis.annotation.prompts import Prompts
from napari_tavis.engine.encoding import FrameEncoder
from napari_tavis.engine.following import propagate
from napari_tavis.engine.prompting import segment_prompts
from napari_tavis.lab.toyworld import sample_scene
from napari_tavis.media import Clip, open_clip
from napari_tavis.model import load_model

SAMPLED = (23, 48, 73, 98, 123)


@pytest.fixture(scope="module")
def encoder(toy_video: Path) -> Iterator[FrameEncoder]:
    with open_clip(toy_video) as clip:
        yield FrameEncoder(clip, load_model("toy"))


def truth(clip: Clip, frame: int) -> list[Mask]:
    """The exact masks of the scene's objects in a frame, as far as they can be seen."""
    instances = sample_scene(7).render(float(clip.times[frame]))[1]
    return [instances == number + 1 for number in range(len(sample_scene(7).objects))]


def around(mask: Mask) -> Prompts:
    """A box one pixel outside a mask."""
    rows, columns = np.nonzero(mask)
    return Prompts(box=(columns.min() - 1, rows.min() - 1, columns.max() + 1, rows.max() + 1))


def inside(mask: Mask) -> Prompts:
    """A click as far inside a mask as can be."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    return Prompts(points=((float(column), float(row)),), labels=(True,))


@pytest.mark.parametrize("show", [around, inside])
def test_a_box_or_a_click_finds_an_object(
    encoder: FrameEncoder, show: Callable[[Mask], Prompts]
) -> None:
    overlaps = [
        mask_overlap(segment_prompts(encoder, frame, show(mask)).mask, mask)
        for frame in SAMPLED
        for mask in truth(encoder.clip, frame)
        if mask.sum() >= 150
    ]
    assert len(overlaps) >= 8
    assert np.mean(overlaps) > 0.7


@pytest.mark.parametrize("start", [SAMPLED[0], SAMPLED[-1]])
def test_an_object_is_followed_from_the_one_frame_where_it_was_drawn(
    encoder: FrameEncoder, start: int
) -> None:
    overlaps = []
    for number, drawn in enumerate(truth(encoder.clip, start)):
        if drawn.sum() < 150:
            continue
        for frame, mask, _ in propagate(encoder, {start: drawn}, SAMPLED):
            expected = truth(encoder.clip, frame)[number]
            if expected.sum() >= 150:
                overlaps.append(mask_overlap(mask, expected))
    assert len(overlaps) >= 4
    assert np.mean(overlaps) > 0.6
