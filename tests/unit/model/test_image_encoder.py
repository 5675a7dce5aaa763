from __future__ import annotations

import pytest
import torch
from sam2.modeling.backbones.hieradet import MultiScaleBlock
from sam2.modeling.backbones.image_encoder import ImageEncoder

from napari_tavis.model.config import preset_config
from napari_tavis.model.image_encoder import (
    AudioGuidedImageEncoder,
    _fits_one_window,
    _one_window_block,
)


@pytest.mark.parametrize("size", [128, 224])
@torch.no_grad()
def test_without_sound_it_is_the_encoder_of_sam2(size: int) -> None:
    config = preset_config("toy").segmenter
    encoder = AudioGuidedImageEncoder(config)
    images = torch.randn(2, 3, size, size)
    silence = [torch.zeros(2, width) for width in config.block_widths]
    levels = encoder(images, silence)
    expected = ImageEncoder.forward(
        _plain(encoder),
        images,
    )
    for found, wanted in zip(levels, expected["backbone_fpn"], strict=True):
        torch.testing.assert_close(found, wanted)


def _plain(encoder: AudioGuidedImageEncoder) -> ImageEncoder:
    """The same modules in SAM 2's own encoder."""
    return ImageEncoder(trunk=encoder.trunk, neck=encoder.neck, scalp=encoder.scalp)


@torch.no_grad()
def test_the_sound_of_a_frame_changes_that_frame_alone() -> None:
    config = preset_config("toy").segmenter
    encoder = AudioGuidedImageEncoder(config)
    images = torch.randn(2, 3, 128, 128)
    biases = [torch.zeros(2, width) for width in config.block_widths]
    silent = encoder(images, biases)
    biases[3][1] += 1
    sounding = encoder(images, biases)
    torch.testing.assert_close(silent[2][0], sounding[2][0])
    assert not torch.allclose(silent[2][1], sounding[2][1])


@pytest.mark.parametrize(
    ("side", "width", "stride"), [(7, 32, None), (14, 32, None), (14, 64, (2, 2))]
)
@torch.no_grad()
def test_leaving_out_the_padding_of_a_window_changes_nothing(
    side: int, width: int, stride: tuple[int, int] | None
) -> None:
    torch.manual_seed(0)
    block = MultiScaleBlock(32, width, num_heads=4, window_size=16, q_stride=stride)
    torch.nn.init.normal_(block.attn.qkv.bias)
    x = torch.randn(2, side, side, 32)
    assert _fits_one_window(block, x)
    torch.testing.assert_close(_one_window_block(block, x), block(x), rtol=1e-4, atol=1e-5)


def test_windows_that_are_full_or_several_are_left_to_sam2() -> None:
    block = MultiScaleBlock(32, 32, num_heads=4, window_size=8)
    everywhere = MultiScaleBlock(32, 32, num_heads=4, window_size=0)
    assert not _fits_one_window(block, torch.zeros(1, 8, 8, 32))
    assert not _fits_one_window(block, torch.zeros(1, 14, 14, 32))
    assert not _fits_one_window(everywhere, torch.zeros(1, 14, 14, 32))


def test_adapter_widths_are_those_of_the_release() -> None:
    widths = preset_config("large").segmenter.block_widths
    assert [widths.count(width) for width in (144, 288, 576, 1152)] == [3, 6, 36, 3]
