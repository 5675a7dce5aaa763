"""SAM 2's memory attention and memory encoder, for several objects of the same frame.

SAM 2 runs both once for every object. What does not depend on the object yet is here computed
once per frame; the numbers are the same.
"""

from __future__ import annotations

import torch
from sam2.modeling.memory_attention import MemoryAttention, MemoryAttentionLayer
from sam2.modeling.memory_encoder import MemoryEncoder
from torch import Tensor

_POSITION_SHARE = 0.1
"""How much of the positions SAM 2 adds to what enters the memory attention."""


class SharedMemoryAttention(MemoryAttention):
    """Memory attention in two steps: each frame looks at itself, then its objects at memories.

    Until the first look at a memory, all objects of a frame are alike. In training they share
    the dropout of that step as well.
    """

    def look_at_frame(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Run the self-attention of the first layer.

        Parameters
        ----------
        tokens, positions : Tensor, shape (h * w, n, C)
            Image embedding of ``n`` frames and its sine positions.

        Returns
        -------
        Tensor, shape (h * w, n, C)
            What `forward` goes on from, for every object of the frame.
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
        """Let objects look at their memories.

        The parameters have SAM 2's names, as SAM 2 calls this.

        Parameters
        ----------
        curr : list of one Tensor, shape (h * w, R, C)
            What `look_at_frame` gave, for each object.
        memory, memory_pos : Tensor, shape (m, R, Cm)
            Memories of each object and their positions.
        curr_pos : list of one Tensor
            Not used: `look_at_frame` has added it.
        num_obj_ptr_tokens : int
            How many of the memories, the last ones, are object pointers and have no place.

        Returns
        -------
        Tensor, shape (h * w, R, C)
            Image embedding for each object.
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
        """Fuse frames with the masks in them.

        Parameters
        ----------
        pix_feat : Tensor, shape (n, C, h, w)
            Image embedding.
        masks : Tensor, shape (n * K, 1, 16 h, 16 w)
            Masks, those of a frame beside each other.
        skip_mask_sigmoid : bool
            Whether the masks are no logits.

        Returns
        -------
        dict
            As SAM 2 reads it: ``"vision_features"``, ``[n * K, Cm, h, w]``, and the list
            ``"vision_pos_enc"`` of their positions.
        """
        masks = masks if skip_mask_sigmoid else torch.sigmoid(masks)
        objects = len(masks) // len(pix_feat)
        pixels = self.pix_feat_proj(pix_feat).repeat_interleave(objects, dim=0)
        memory = self.out_proj(self.fuser(pixels + self.mask_downsampler(masks)))
        positions = self.position_encoding(memory).to(memory.dtype)
        return {"vision_features": memory, "vision_pos_enc": [positions]}
