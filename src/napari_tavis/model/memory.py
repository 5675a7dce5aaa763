"""SAM 2's memory attention and memory encoder, for several objects of the same frame.

SAM 2 runs both once for every object. Here, what does not depend on the object yet is computed once
per frame; the numbers are the same. They are built from the ``sam2`` package's modules, at the
sizes of a preset.
"""

from __future__ import annotations

from functools import partial

import torch
from sam2.modeling.memory_attention import MemoryAttention, MemoryAttentionLayer
from sam2.modeling.memory_encoder import CXBlock, Fuser, MaskDownSampler, MemoryEncoder
from sam2.modeling.position_encoding import PositionEmbeddingSine, compute_axial_cis
from sam2.modeling.sam.transformer import Attention, RoPEAttention
from torch import Tensor

from napari_tavis.model.config import Sam2Config

_POSITION_SHARE = 0.1  # of the positions that SAM 2 adds to what enters the memory attention


BACKBONE_STRIDE = 16


class SharedMemoryAttention(MemoryAttention):
    """Memory attention in two steps: each frame looks at itself, then its objects at memories.

    Until the first look at a memory, all objects of a frame are alike. In training they share the
    dropout of that step as well.
    """

    def look_at_frame(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Run the self-attention of the first layer, of which `forward` goes on for every object.

        Takes the image embedding of ``n`` frames and its sine positions, (h * w, n, C) each.
        """
        start = (tokens + _POSITION_SHARE * positions).transpose(0, 1)
        first: MemoryAttentionLayer = self.layers[0]
        return first._forward_sa(start, None).transpose(0, 1)

    def forward(
        self,
        curr: list[Tensor],
        memory: Tensor,
        curr_pos: list[Tensor],
        memory_pos: Tensor,
        num_obj_ptr_tokens: int = 0,
    ) -> Tensor:
        """Let ``R`` objects look at their memories; SAM 2 calls this, by these names.

        ``curr`` is one tensor (h * w, R, C): what `look_at_frame` gave, for each object.
        ``curr_pos`` is not used, as `look_at_frame` has added it. The memories and their positions
        are (m, R, Cm), of which the last ``num_obj_ptr_tokens`` are object pointers and have no
        place. Gives (h * w, R, C).
        """
        tokens, memory, places = (x.transpose(0, 1) for x in (curr[0], memory, memory_pos))
        for index, layer in enumerate(self.layers):
            if index > 0:
                tokens = layer._forward_sa(tokens, None)
            tokens = layer._forward_ca(tokens, memory, None, places, num_obj_ptr_tokens)
            hidden = layer.activation(layer.linear1(layer.norm3(tokens)))
            tokens = tokens + layer.dropout3(layer.linear2(layer.dropout(hidden)))
        return self.norm(tokens).transpose(0, 1)


class SharedMemoryEncoder(MemoryEncoder):
    """Memory encoder that projects the pixels of a frame once for all objects in it."""

    def forward(
        self, pix_feat: Tensor, masks: Tensor, skip_mask_sigmoid: bool = False
    ) -> dict[str, Tensor | list[Tensor]]:
        """Fuse ``n`` frames (n, C, h, w) with masks in them (n * K, 1, 16 h, 16 w), frame by frame.

        Masks are logits unless ``skip_mask_sigmoid``. Gives what SAM 2 reads:
        ``"vision_features"``, (n * K, Cm, h, w), and the list ``"vision_pos_enc"`` of their
        positions.
        """
        masks = masks if skip_mask_sigmoid else torch.sigmoid(masks)
        objects = len(masks) // len(pix_feat)
        pixels = self.pix_feat_proj(pix_feat).repeat_interleave(objects, dim=0)
        memory = self.out_proj(self.fuser(pixels + self.mask_downsampler(masks)))
        positions = self.position_encoding(memory).to(memory.dtype)
        return {"vision_features": memory, "vision_pos_enc": [positions]}


class RotaryAttention(RoPEAttention):
    """SAM 2's attention with rotary positions, built on whichever device torch is told to use.

    Its own constructor moves constants to an NVIDIA GPU as soon as there is one, which cannot be
    done without memory for them, nor should be when the model is to run elsewhere. ``side`` counts
    the rows and columns of a frame's tokens; with a memory's width, tokens attend to memories, else
    to those of their own frame.
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
    block = CXBlock(config.width, layer_scale_init_value=config.layer_scale)
    return SharedMemoryEncoder(
        in_dim=config.width,
        out_dim=config.memory_width,
        mask_downsampler=MaskDownSampler(config.width, kernel_size=3, stride=2, padding=1),
        fuser=Fuser(block, num_layers=2),
        position_encoding=PositionEmbeddingSine(config.memory_width, warmup_cache=False),
    )
