"""SAM in small, held against the authors' own package with the same weights."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam
from segment_anything.modeling import TwoWayTransformer as AuthorsTransformer
from torch import Tensor, nn

from napari_tavis.model.config import SamConfig, preset_config
from napari_tavis.model.decoding import INSIDE, LOWER_RIGHT, OUTSIDE, UPPER_LEFT
from napari_tavis.model.sam_segmenter import SoundPromptedSam
from napari_tavis.model.weight_names import official_name

SIZE = 224


def small() -> SamConfig:
    config = preset_config("toy_sam").segmenter
    assert isinstance(config, SamConfig)
    # A window that does not divide the 14 tokens, and no marks drawn for clicks, as in SAM.
    return SamConfig(**{**vars(config), "window": 5, "paint_points": False})


def authors_sam(config: SamConfig) -> Sam:
    """The authors' network at these sizes."""
    side = SIZE // 16
    return Sam(
        image_encoder=ImageEncoderViT(
            img_size=SIZE,
            embed_dim=config.trunk_width,
            depth=config.blocks,
            num_heads=config.trunk_heads,
            out_chans=config.width,
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=config.window,
            global_attn_indexes=config.global_blocks,
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=config.width,
            image_embedding_size=(side, side),
            input_image_size=(SIZE, SIZE),
            mask_in_chans=16,
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3,
            transformer=AuthorsTransformer(
                depth=2,
                embedding_dim=config.width,
                mlp_dim=config.decoder_hidden_width,
                num_heads=8,
            ),
            transformer_dim=config.width,
            iou_head_depth=3,
            iou_head_hidden_dim=config.iou_hidden_width,
        ),
    ).eval()


@pytest.fixture(scope="module")
def pair() -> tuple[SoundPromptedSam, Sam]:
    """Ours and the authors', with the same weights."""
    torch.manual_seed(0)
    ours = SoundPromptedSam(small(), SIZE).eval()
    with torch.no_grad():
        for weight in ours.image_encoder.parameters():
            if not weight.any():  # positions begin at zero
                weight.normal_(std=0.2)
    theirs = authors_sam(small())
    weights = {official_name(f"sam.{name}"): value for name, value in ours.state_dict().items()}
    theirs.load_state_dict(weights)
    return ours, theirs


@pytest.fixture(scope="module")
def image() -> Tensor:
    return torch.randn(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_without_sound_the_image_embedding_is_that_of_sam(
    pair: tuple[SoundPromptedSam, Sam], image: Tensor
) -> None:
    ours, theirs = pair
    silence = [torch.zeros(1, width) for width in small().block_widths]
    levels, features = ours.encode(image, silence)
    expected = theirs.image_encoder(image)
    torch.testing.assert_close(features.embedding, expected, rtol=1e-4, atol=1e-4)
    assert levels[-1] is features.embedding


@pytest.mark.parametrize(
    ("points", "labels"),
    [
        ([[0.31, 0.62]], [INSIDE]),
        ([[0.31, 0.62], [0.9, 0.1]], [INSIDE, OUTSIDE]),
        ([[0.2, 0.1], [0.7, 0.8]], [UPPER_LEFT, LOWER_RIGHT]),
    ],
    ids=["click", "clicks", "box"],
)
@pytest.mark.parametrize("with_mask", [False, True])
@torch.no_grad()
def test_prompts_give_the_masks_of_sam(
    pair: tuple[SoundPromptedSam, Sam],
    image: Tensor,
    points: list[list[float]],
    labels: list[int],
    with_mask: bool,
) -> None:
    ours, theirs = pair
    silence = [torch.zeros(1, width) for width in small().block_widths]
    _, features = ours.encode(image, silence)
    where, kinds = torch.tensor([points]), torch.tensor([labels])
    drawn = torch.randn(1, SIZE // 4, SIZE // 4, generator=torch.Generator().manual_seed(2))
    found = ours.segment_prompted(features, where, kinds, drawn if with_mask else None)
    pixels = where * SIZE - 0.5
    box = labels[0] == UPPER_LEFT
    sparse, dense = theirs.prompt_encoder(
        points=None if box else (pixels, kinds),
        boxes=pixels.flatten(1) if box else None,
        masks=drawn[None] if with_mask else None,
    )
    masks, iou = theirs.mask_decoder(
        image_embeddings=features.embedding,
        image_pe=theirs.prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=True,
    )
    torch.testing.assert_close(found.candidate_logits, masks, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.candidate_iou, iou, rtol=1e-4, atol=1e-4)
    assert torch.equal(found.logits, found.candidate_logits[0, iou[0].argmax()][None])


@torch.no_grad()
def test_the_bias_of_every_block_reaches_the_embedding(
    pair: tuple[SoundPromptedSam, Sam], image: Tensor
) -> None:
    ours, _ = pair
    widths = small().block_widths
    silent = ours.image_encoder(image, [torch.zeros(1, width) for width in widths])
    for block in range(len(widths)):
        biases = [torch.full((1, width), float(block == i)) for i, width in enumerate(widths)]
        biases[block][:, ::2] = 0
        assert not torch.allclose(ours.image_encoder(image, biases), silent, atol=1e-3)


@torch.no_grad()
def test_images_of_another_size_than_the_positions_are_taken() -> None:
    config = small()
    for size in (64, 320):
        sam = SoundPromptedSam(config, size).eval()
        biases = [torch.zeros(1, width) for width in config.block_widths]
        _, features = sam.encode(torch.randn(1, 3, size, size), biases)
        assert features.embedding.shape == (1, config.width, size // 16, size // 16)
        assert features.mask_size == (size // 4, size // 4)
