"""The memory of SAM 2, built from the ``sam2`` package's modules at the sizes of a preset."""

from __future__ import annotations

from typing import Any

import torch
from sam2.modeling.memory_attention import MemoryAttentionLayer
from sam2.modeling.memory_encoder import CXBlock, Fuser, MaskDownSampler
from sam2.modeling.position_encoding import PositionEmbeddingSine
from sam2.modeling.sam.transformer import RoPEAttention

from napari_tavis.model.memory import SharedMemoryAttention, SharedMemoryEncoder
from napari_tavis.model.segmenter_config import Sam2Config

BACKBONE_STRIDE = 16


def build_memory_attention(config: Sam2Config, image_size: int) -> SharedMemoryAttention:
    """Build the transformer that looks from a frame at the memory of earlier ones."""
    side = image_size // BACKBONE_STRIDE
    rotary: dict[str, Any] = {
        "rope_theta": 10000.0,
        "feat_sizes": (side, side),
        "embedding_dim": config.width,
        "num_heads": 1,
        "downsample_rate": 1,
        "dropout": config.dropout,
    }
    layer = MemoryAttentionLayer(
        activation="relu",
        d_model=config.width,
        dim_feedforward=config.memory_hidden_width,
        dropout=config.dropout,
        self_attention=RoPEAttention(**rotary),
        cross_attention=RoPEAttention(**rotary, rope_k_repeat=True, kv_in_dim=config.memory_width),
        pos_enc_at_attn=False,
        pos_enc_at_cross_attn_keys=True,
        pos_enc_at_cross_attn_queries=False,
    )
    for attention in (layer.self_attn, layer.cross_attn_image):
        # Constants that are no part of the weights: they are there even before weights are.
        with torch.device("cpu"):
            attention.freqs_cis = attention.compute_cis(end_x=side, end_y=side)
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
