"""SAM 2's image encoder with a bias from the sound before every block (paper, section 3.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from sam2.modeling.backbones.hieradet import Hiera, MultiScaleAttention, MultiScaleBlock, do_pool
from sam2.modeling.backbones.image_encoder import FpnNeck, ImageEncoder
from sam2.modeling.position_encoding import PositionEmbeddingSine
from torch import Tensor
from torch.nn import functional as F

from napari_tavis.model.config import Sam2Config

SKIPPED_LEVELS = 1  # the coarsest (stride 32) only feeds the one above it

TOP_DOWN_LEVELS = (2, 3)


class AudioGuidedImageEncoder(ImageEncoder):
    """Hiera and its feature pyramid."""

    def __init__(self, config: Sam2Config) -> None:
        trunk = Hiera(
            embed_dim=config.trunk_width,
            num_heads=config.trunk_heads,
            stages=config.stages,
            window_spec=config.windows,
            global_att_blocks=config.global_blocks,
            window_pos_embed_bkg_spatial_size=(config.position_grid, config.position_grid),
        )
        neck = FpnNeck(
            position_encoding=PositionEmbeddingSine(config.width, warmup_cache=False),
            d_model=config.width,
            backbone_channel_list=trunk.channel_list,
            fpn_top_down_levels=list(TOP_DOWN_LEVELS),
            fpn_interp_model="nearest",
        )
        super().__init__(trunk=trunk, neck=neck, scalp=SKIPPED_LEVELS)

    def forward(self, images: Tensor, biases: Sequence[Tensor]) -> list[Tensor]:
        """Encode normalised images (n, 3, S, S), with a bias (n, C_i) at the input of each block.

        Gives the pyramid, finest first: (n, C, S / 4, S / 4), then strides 8 and 16.
        """
        levels: list[Tensor]
        levels, _ = self.neck(self._trunk_stages(images, biases))
        return levels[: -self.scalp]

    def _trunk_stages(self, images: Tensor, biases: Sequence[Tensor]) -> list[Tensor]:
        """Run Hiera's blocks and give the last output of every stage, (n, C_s, h_s, w_s)."""
        x = self.trunk.patch_embed(images)
        x = x + self.trunk._get_pos_embed(x.shape[1:3])
        stages = []
        for index, (block, bias) in enumerate(zip(self.trunk.blocks, biases, strict=True)):
            x = x + bias[:, None, None, :]
            x = _one_window_block(block, x) if _fits_one_window(block, x) else block(x)
            if index in self.trunk.stage_ends:
                stages.append(x.permute(0, 3, 1, 2))
        return stages


def _fits_one_window(block: MultiScaleBlock, x: Tensor) -> bool:
    """Whether a block would pad (n, h, w, C) to a single attention window, larger than it."""
    height, width = x.shape[1:3]
    padded = max(height, width) <= block.window_size and height * width < block.window_size**2
    whole = block.q_stride is None or height % block.q_stride[0] == width % block.q_stride[1] == 0
    return padded and whole


def _one_window_block(block: MultiScaleBlock, x: Tensor) -> Tensor:
    """Run a block on (n, h, w, C) as if it were padded to its window, without the padding.

    The paper's network at 224 pixels has 14x14 tokens in windows of 16x16: padding makes up a
    quarter of the tokens in most of its blocks.
    """
    normed = block.norm1(x)
    shortcut = x if block.dim == block.dim_out else do_pool(block.proj(normed), block.pool)
    padded = block.window_size**2 - x.shape[1] * x.shape[2]
    x = shortcut + _attend_with_padding(block.attn, normed, padded).view_as(shortcut)
    return x + block.mlp(block.norm2(x))


def _attend_with_padding(attention: MultiScaleAttention, x: Tensor, padded: int) -> Tensor:
    """Let tokens (n, h, w, C) attend to each other and to ``padded`` zero tokens: (n, t, C).

    The key and value of a zero token are the biases of their layer. All of them are alike, so a
    single one with the logarithm of their number added to its score weighs as much as all. Where
    the block pools its queries, ``t`` counts the pooled ones.
    """
    heads = attention.num_heads
    q, k, v = attention.qkv(x).chunk(3, dim=-1)
    q = do_pool(q, attention.q_pool)
    q, k, v = (part.flatten(1, 2).unflatten(-1, (heads, -1)).transpose(1, 2) for part in (q, k, v))
    _, key, value = attention.qkv.bias.view(3, heads, 1, -1)
    k = torch.cat((k, key.expand(len(k), -1, -1, -1)), dim=2)
    v = torch.cat((v, value.expand(len(v), -1, -1, -1)), dim=2)
    extra = q.new_zeros(k.shape[2])
    extra[-1] = math.log(padded)
    answer = F.scaled_dot_product_attention(q, k, v, attn_mask=extra.expand(q.shape[2], -1))
    return attention.proj(answer.transpose(1, 2).flatten(2))
