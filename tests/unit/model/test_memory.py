"""What the objects of a frame share gives what SAM 2 gives when they share nothing."""

from __future__ import annotations

import pytest
import torch
from sam2.modeling.memory_attention import MemoryAttention
from sam2.modeling.memory_encoder import MemoryEncoder

from napari_tavis.model import TAViS

OBJECTS = 6


@pytest.fixture
def tokens() -> torch.Tensor:
    """Two frames of 8x8 tokens."""
    return torch.randn(64, 2, 128, generator=torch.Generator().manual_seed(3))


@torch.no_grad()
def test_objects_look_at_their_frame_together(toy: TAViS, tokens: torch.Tensor) -> None:
    attention = toy.sam2.memory_attention
    places = torch.randn_like(tokens)
    memory = torch.randn(64 + 4, 2 * OBJECTS, 32)
    memory_places = torch.randn_like(memory)
    each, each_places = (part.repeat_interleave(OBJECTS, dim=1) for part in (tokens, places))
    expected = MemoryAttention.forward(
        attention, [each], memory, [each_places], memory_places, num_obj_ptr_tokens=4
    )
    seen = attention.look_at_frame(tokens, places).repeat_interleave(OBJECTS, dim=1)
    found = attention([seen], memory, [each_places], memory_places, num_obj_ptr_tokens=4)
    torch.testing.assert_close(found, expected)


@torch.no_grad()
def test_pixels_of_a_frame_are_projected_once(toy: TAViS, tokens: torch.Tensor) -> None:
    encoder = toy.sam2.memory_encoder
    pixels = tokens.permute(1, 2, 0).unflatten(-1, (8, 8))
    masks = torch.randn(2 * OBJECTS, 1, 128, 128)
    each = pixels.repeat_interleave(OBJECTS, dim=0)
    expected = MemoryEncoder.forward(encoder, each, masks)
    projected: list[int] = []
    encoder.pix_feat_proj.register_forward_hook(
        lambda _, inputs, __: projected.append(len(inputs[0]))
    )
    found = encoder(pixels, masks)
    torch.testing.assert_close(found["vision_features"], expected["vision_features"])
    torch.testing.assert_close(found["vision_pos_enc"][0], expected["vision_pos_enc"][0])
    assert projected == [2]
