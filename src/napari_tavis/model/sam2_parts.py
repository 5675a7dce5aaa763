"""The memory of SAM 2, built from the ``sam2`` package's modules at the sizes of a preset."""

from __future__ import annotations

from functools import partial

import torch
from sam2.modeling.memory_attention import MemoryAttentionLayer
from sam2.modeling.memory_encoder import CXBlock, Fuser, MaskDownSampler
from sam2.modeling.position_encoding import PositionEmbeddingSine, compute_axial_cis
from sam2.modeling.sam.transformer import Attention, RoPEAttention

from napari_tavis.model.memory import SharedMemoryAttention, SharedMemoryEncoder
from napari_tavis.model.segmenter_config import Sam2Config

BACKBONE_STRIDE = 16


class RotaryAttention(RoPEAttention):
    """SAM 2's attention with rotary positions, built wherever torch is told to build.

    Its own constructor moves constants to an NVIDIA GPU as soon as there is one, which cannot be
    done without memory for them, nor should be when the model is to run elsewhere.

    Parameters
    ----------
    side : int
        Rows and columns of a frame's tokens.
    width : int
        Channels of a token.
    memory_width : int, optional
        Channels of a memory's token; without it tokens attend to those of their own frame.
    dropout : float
        In training.
    """

    def __init__(
        self, side: int, width: int, memory_width: int | None = None, *, dropout: float
    ) -> None:
        Attention.__init__(self, width, 1, dropout=dropout, kv_in_dim=memory_width)
        self.compute_cis = partial(compute_axial_cis, dim=width, theta=10000.0)
        with torch.device("cpu"):  # no weights: they are there even before weights are
            self.freqs_cis = self.compute_cis(end_x=side, end_y=side)
        self.rope_k_repeat = memory_width is not None


def build_memory_attention(config: Sam2Config, image_size: int) -> SharedMemoryAttention:
    """Build the transformer that looks from a frame at the memory of earlier ones."""
    side = image_size // BACKBONE_STRIDE
    layer = MemoryAttentionLayer(
        activation="relu",
        d_model=config.width,
        dim_feedforward=config.memory_hidden_width,
        dropout=config.dropout,
        self_attention=RotaryAttention(side, config.width, dropout=config.dropout),
        cross_attention=RotaryAttention(
            side, config.width, config.memory_width, dropout=config.dropout
        ),
        pos_enc_at_attn=False,
        pos_enc_at_cross_attn_keys=True,
        pos_enc_at_cross_attn_queries=False,
    )
    return SharedMemoryAttention(
        d_model=config.width,
        pos_enc_at_input=True,
        layer=layer,
        num_layers=config.memory_layers,
    )


def build_memory_encoder(config: Sam2Config) -> SharedMemoryEncoder:
    """Build the encoder of a frame and its mask into a memory."""
    block = CXBlock(config.width, layer_scale_init_value=config.layer_scale)
    return SharedMemoryEncoder(
        in_dim=config.width,
        out_dim=config.memory_width,
        mask_downsampler=MaskDownSampler(config.width, kernel_size=3, stride=2, padding=1),
        fuser=Fuser(block, num_layers=2),
        position_encoding=PositionEmbeddingSine(config.memory_width, warmup_cache=False),
    )
