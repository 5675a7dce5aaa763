from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_tavis.model import TAViS
from napari_tavis.model.config import preset_config
from napari_tavis.model.imagebind import ImageBind, VisionStem


def test_sizes_of_the_paper() -> None:
    config = preset_config("large").imagebind
    assert config.audio_grid == (12, 19)
    with torch.device("meta"):
        model = ImageBind(config)
        tokens, cls_token = model.encode_audio(torch.empty(1, 1, 128, 204))
        seen = model.encode_vision(torch.empty(1, 3, 112, 112))
        read = model.encode_text(torch.empty(1, 77, 1024))
    assert tokens.shape == (1, 228, 768)
    assert cls_token.shape == (1, 768)
    assert seen.shape == (1, 1280)
    assert read.shape == (1, 1024)


def test_a_still_image_is_a_film_of_two_equal_frames() -> None:
    stem = VisionStem(preset_config("toy").imagebind)
    images = torch.rand(2, 3, 112, 112)
    film = images[:, :, None].expand(-1, -1, 2, -1, -1)
    torch.testing.assert_close(stem(images), stem.proj(film)[:, :, 0], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_only_the_cls_token_of_the_last_vision_block_is_computed(toy: TAViS) -> None:
    images = torch.rand(2, 3, 112, 112)
    tokens = toy.imagebind.modality_preprocessors["vision"](images)
    everything = toy.imagebind.modality_trunks["vision"](tokens)
    torch.testing.assert_close(toy.imagebind.encode_vision(images), everything[:, 0])


@torch.no_grad()
def test_text_features_do_not_depend_on_what_follows(toy: TAViS) -> None:
    embeddings = torch.randn(2, 9, 128)
    everywhere = toy.imagebind.encode_text(embeddings, all_positions=True)
    for end in (0, 3, 8):
        alone = toy.imagebind.encode_text(embeddings[:, : end + 1])
        torch.testing.assert_close(alone, everywhere[:, end])


@torch.no_grad()
def test_heads_give_vectors_of_the_right_length(toy: TAViS) -> None:
    def length(embedding: Tensor) -> list[float]:
        return [round(value, 3) for value in embedding.norm(dim=-1).tolist()]

    features = torch.randn(2, 128)
    assert length(toy.imagebind.vision_head(features)) == [1.0, 1.0]
    assert length(toy.imagebind.audio_head(features)) == [20.0, 20.0]
    assert length(toy.imagebind.text_head(features)) == [14.286, 14.286]


@torch.no_grad()
def test_positions_are_resized_to_smaller_images() -> None:
    config = preset_config("toy").imagebind
    model = ImageBind(config)
    cls_position, grid = model.modality_preprocessors["vision"]._positions(side=4)
    stored = model.modality_preprocessors["vision"].pos_embedding_helper.pos_embed
    expected = F.interpolate(
        stored[:, 1:].transpose(1, 2).reshape(1, 128, 8, 8), size=(4, 4), mode="bicubic"
    )
    torch.testing.assert_close(grid, expected)
    torch.testing.assert_close(cls_position, stored[:, :1])
