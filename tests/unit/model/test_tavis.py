from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_tavis.core.errors import ModelError
from napari_tavis.model import TAViS

UNTRAINED = (
    # Clicks, boxes and mask prompts, which sound does not make.
    "sam2.sam_prompt_encoder.",
    "sam2.mask_downsample.",
    # Of SAM 2's variants that its 2.0 configuration switches off.
    "sam2.no_mem_pos_enc",
    # The single mask beside the three candidates.
    "sam2.sam_mask_decoder.output_hypernetworks_mlps.0.",
    # Only where the decoder thinks that an object is absent.
    "sam2.no_obj_ptr",
)


@pytest.mark.parametrize("protocol", ["memory", "independent"])
@pytest.mark.parametrize("size", [128, 224])
@torch.no_grad()
def test_shapes(protocol: str, size: int) -> None:
    model = TAViS.from_preset("toy", image_size=size)
    output = model(torch.rand(1, 2, 3, size, size), torch.randn(1, 2, 1, 128, 204), protocol)
    quarter = size // 4
    assert output.mask_logits.shape == (1, 2, 6, quarter, quarter)
    assert output.candidate_logits.shape == (1, 2, 6, 3, quarter, quarter)
    assert output.candidate_iou.shape == (1, 2, 6, 3)
    assert output.object_score.shape == (1, 2, 6)
    assert output.object_pointer.shape == (1, 2, 6, 128)
    assert output.audio_embedding.shape == (1, 2, 5, 128)
    assert output.pseudo_text.shape == (1, 2, 6, 128)
    sizes = [tuple(level.shape) for level in output.image_features]
    assert sizes == [(2, 128, size // stride, size // stride) for stride in (4, 8, 16)]


@torch.no_grad()
def test_new_weights_give_masks_that_can_be_learned(
    toy: TAViS, images: Tensor, mel: Tensor
) -> None:
    output = toy(images, mel)
    assert output.mask_logits.isfinite().all()
    assert output.mask_logits.abs().max() < 4
    assert output.mask_logits.std() > 1e-3
    assert output.candidate_iou.min() > 0.05
    assert output.candidate_iou.max() < 0.95


def test_every_trained_parameter_gets_a_gradient(toy: TAViS, images: Tensor, mel: Tensor) -> None:
    toy.train()
    output = toy(images, mel, "memory")
    texts = toy.text_features(["A dog", "A siren"])
    regions = toy.region_embedding(images[:1, :1], output.mask_logits[:1, :1, :5], kernel=15)
    loss = (
        output.candidate_logits.square().mean()
        + output.candidate_iou.square().mean()
        + output.object_score.square().mean()
        + output.pseudo_text.square().mean()
        + (output.audio_embedding @ texts.embedding.T).square().mean()
        + (regions @ texts.embedding.T).square().mean()
    )
    loss.backward()
    without = [
        name
        for name, parameter in toy.named_parameters()
        if parameter.grad is None or not bool(parameter.grad.any())
    ]
    assert [name for name in without if not name.startswith(UNTRAINED)] == []
    broken = [n for n, p in toy.named_parameters() if p.grad is not None and p.grad.isnan().any()]
    assert broken == []


@torch.no_grad()
def test_training_mode_is_as_deterministic_as_evaluation(
    toy: TAViS, images: Tensor, mel: Tensor
) -> None:
    toy.train()
    first, second = toy(images, mel), toy(images, mel)
    torch.testing.assert_close(first.mask_logits, second.mask_logits)
    independent = toy(images, mel, "independent").mask_logits
    torch.testing.assert_close(independent, toy.eval()(images, mel, "independent").mask_logits)


def test_segment_takes_frames_of_any_size(toy: TAViS) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 90, 161, 3), dtype=np.uint8)
    mel = np.random.default_rng(1).standard_normal((3, 1, 128, 204)).astype(np.float32)
    found = toy.segment(frames, mel)
    assert found.mask_logits.shape == (3, 6, 128, 128)
    assert found.audio_embedding.shape == (3, 5, 128)
    assert found.object_pointer.shape == (3, 6, 128)
    assert found.iou.shape == found.object_score.shape == (3, 6)
    assert found.mask_logits.dtype == torch.float32
    assert not found.mask_logits.requires_grad
    regions = toy.embed_regions(frames, found.mask_logits)
    assert regions.shape == (3, 5, 128)
    torch.testing.assert_close(regions.norm(dim=-1), torch.ones(3, 5))


@torch.no_grad()
def test_sound_and_picture_both_matter(toy: TAViS, images: Tensor, mel: Tensor) -> None:
    masks = toy(images, mel).mask_logits
    assert not torch.allclose(masks, toy(images, mel.flip(0)).mask_logits, atol=1e-4)
    assert not torch.allclose(masks, toy(images.flip(0), mel).mask_logits, atol=1e-4)


def test_each_text_is_encoded_once(toy: TAViS) -> None:
    encoded: list[int] = []
    toy.imagebind.modality_trunks["text"].register_forward_pre_hook(
        lambda _, inputs: encoded.append(len(inputs[0]))
    )
    first = toy.embed_texts(["A dog", "A bell", "A dog"])
    again = toy.embed_texts(["A bell", "A clock", "A dog"])
    assert encoded == [2, 1]
    torch.testing.assert_close(first[0], first[2])
    torch.testing.assert_close(first[[1, 0]], again[[0, 2]])
    features = toy.text_features(["A clock"])
    torch.testing.assert_close(again[1:2], features.embedding.detach(), rtol=1e-4, atol=1e-4)


def test_texts_are_encoded_anew_once_weights_change(toy: TAViS) -> None:
    before = toy.embed_texts(["A dog"])
    with torch.no_grad():
        toy.imagebind.modality_trunks["text"].blocks[0].mlp.fc1.weight.mul_(1.5)
    assert not torch.allclose(before, toy.embed_texts(["A dog"]))
    toy.load_state_dict(TAViS.from_preset("toy", 128).state_dict())
    assert not torch.allclose(before, toy.embed_texts(["A dog"]))


def test_wrong_choices_are_named(toy: TAViS, images: Tensor, mel: Tensor) -> None:
    with pytest.raises(ModelError, match=r"no preset 'huge'; choose one of large, .*toy"):
        TAViS.from_preset("huge")
    with pytest.raises(ModelError, match="Image size 100 is not a positive multiple of 32"):
        TAViS.from_preset("toy", image_size=100)
    with pytest.raises(ModelError, match="no protocol 'video'; choose memory or independent"):
        toy(images, mel, "video")


def test_the_toy_is_small_enough_to_ship(toy: TAViS) -> None:
    assert 2 * sum(value.numel() for value in toy.state_dict().values()) < 13.5e6
