"""SAM 2's image encoder with a bias from the sound before every block (paper, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from sam2.modeling.backbones.hieradet import Hiera
from sam2.modeling.backbones.image_encoder import FpnNeck, ImageEncoder
from sam2.modeling.position_encoding import PositionEmbeddingSine
from torch import Tensor

from napari_tavis.model.config import Sam2Config

SKIPPED_LEVELS = 1
"""The coarsest level (stride 32) only feeds the one above it."""

TOP_DOWN_LEVELS = (2, 3)


class AudioGuidedImageEncoder(ImageEncoder):
    """Hiera and its feature pyramid.

    Parameters
    ----------
    config : Sam2Config
        Sizes.
    """

    def __init__(self, config: Sam2Config) -> None:
        # Hiera reads numbers off a tensor while it is built, which a meta tensor has not.
        with torch.device("cpu"):
            trunk = Hiera(
                embed_dim=config.trunk_width,
                num_heads=config.trunk_heads,
                stages=config.stages,
                window_spec=config.windows,
                global_att_blocks=config.global_blocks,
                window_pos_embed_bkg_spatial_size=(config.position_grid, config.position_grid),
            )
        trunk.to(torch.get_default_device())
        neck = FpnNeck(
            position_encoding=PositionEmbeddingSine(config.width, warmup_cache=False),
            d_model=config.width,
            backbone_channel_list=trunk.channel_list,
            fpn_top_down_levels=list(TOP_DOWN_LEVELS),
            fpn_interp_model="nearest",
        )
        super().__init__(trunk=trunk, neck=neck, scalp=SKIPPED_LEVELS)

    def forward(self, images: Tensor, biases: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """Encode frames, each with its sound.

        Parameters
        ----------
        images : Tensor, shape (n, 3, S, S)
            RGB with ImageNet's mean and deviation taken out.
        biases : sequence of Tensor, each of shape (n, C_i)
            The adapters' bias for the input of block ``i``.

        Returns
        -------
        levels : list of Tensor
            The pyramid, finest first: ``[n, C, S / 4, S / 4]``, then strides 8 and 16.
        position : Tensor, shape (n, C, S / 16, S / 16)
            Sine positions of the coarsest level.
        """
        levels, positions = self.neck(self._trunk_stages(images, biases))
        return levels[: -self.scalp], positions[-self.scalp - 1]

    def _trunk_stages(self, images: Tensor, biases: Sequence[Tensor]) -> list[Tensor]:
        """Run Hiera's blocks and give the last output of every stage, ``[n, C_s, h_s, w_s]``."""
        x = self.trunk.patch_embed(images)
        x = x + self.trunk._get_pos_embed(x.shape[1:3])
        stages = []
        for index, (block, bias) in enumerate(zip(self.trunk.blocks, biases, strict=True)):
            x = block(x + bias[:, None, None, :])
            if index in self.trunk.stage_ends:
                stages.append(x.permute(0, 3, 1, 2))
        return stages
