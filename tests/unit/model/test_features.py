"""Frames encoded first and decoded later give what they give at once."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from napari_tavis.model import TAViS
from napari_tavis.model.features import EncodedFrames
from napari_tavis.model.precision import place


@pytest.fixture
def frames() -> Tensor:
    """A clip of three frames."""
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (3, 90, 161, 3), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("protocol", ["memory", "independent"])
def test_frames_can_be_encoded_one_by_one_and_in_two_steps(
    toy: TAViS, frames: Tensor, mel: Tensor, protocol: str
) -> None:
    sound = mel[0]
    expected = toy.segment(frames, sound, protocol)
    singles = []
    for number in range(3):
        image = frames[number : number + 1]
        encoded = toy.encode_frames(image, sound[number : number + 1])
        assert encoded.cues is None
        singles.append(toy.add_cues(image, encoded))
    found = toy.segment_encoded(EncodedFrames.join(singles), protocol)
    for name in ("mask_logits", "audio_embedding", "object_pointer", "iou", "object_score"):
        torch.testing.assert_close(
            getattr(found, name), getattr(expected, name), rtol=1e-4, atol=1e-4
        )


def test_rows_are_copies_and_what_one_has_not_none_has(
    toy: TAViS, frames: Tensor, mel: Tensor
) -> None:
    both = toy.encode_frames(frames, mel[0], cues=True)
    bare = toy.encode_frames(frames[:1], mel[0, :1])
    row = both.row(1)
    assert row.features.embedding.shape[0] == 1
    assert torch.equal(row.features.embedding, both.features.embedding[1:2])
    assert row.features.embedding.untyped_storage().nbytes() == row.features.embedding.nbytes
    assert both.nbytes == 3 * row.nbytes
    joined = EncodedFrames.join([row, bare])
    assert joined.cues is None
    assert joined.sound is None
    assert len(joined.features.embedding) == 2


def test_what_is_missing_is_asked_for(toy: TAViS, frames: Tensor, mel: Tensor) -> None:
    bare = toy.encode_frames(frames, mel[0])
    with pytest.raises(ValueError, match="without cues"):
        toy.segment_encoded(bare)
    with pytest.raises(ValueError, match="was not kept"):
        toy.add_cues(frames, toy.encode_frames(frames, mel[0], cues=True))


def test_a_model_is_known_by_all_that_its_numbers_depend_on(toy: TAViS) -> None:
    first = toy.identity
    assert toy.identity == first
    assert copy.deepcopy(toy).identity != first
    toy.precision = torch.bfloat16
    assert toy.identity != first
    toy.precision = None
    assert toy.identity == first
    with torch.no_grad():
        toy.decomposition.bias.bias.add_(1)
    changed = toy.identity
    assert changed != first
    place(toy, "cpu", torch.bfloat16)
    assert toy.identity not in (first, changed)
