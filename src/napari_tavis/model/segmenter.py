"""SAM 2's mask decoder and memory, prompted by sound instead of clicks.

Each query is one object of SAM 2: all queries of all frames (independent protocol), or of one
time step (memory protocol), form one batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import torch
from sam2.modeling.memory_attention import MemoryAttention, MemoryAttentionLayer
from sam2.modeling.memory_encoder import CXBlock, Fuser, MaskDownSampler, MemoryEncoder
from sam2.modeling.position_encoding import PositionEmbeddingSine
from sam2.modeling.sam.mask_decoder import MaskDecoder
from sam2.modeling.sam.transformer import RoPEAttention, TwoWayTransformer
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor
from torch.nn import functional as F

from napari_tavis.model.config import Sam2Config
from napari_tavis.model.image_encoder import AudioGuidedImageEncoder

BACKBONE_STRIDE = 16
MEMORY_FRAMES = 7
CANDIDATES = 3
POINTER_SCORE_SHIFT = 2.0
"""Added to the object score before it decides whether the object has a pointer."""


@dataclass
class Features:
    """Frames as the decoder sees them; ``R`` rows, coarse size ``(h, w)``, stride 16.

    Attributes
    ----------
    embedding : Tensor, shape (R, C, h, w)
        Coarsest level of the pyramid.
    position : Tensor, shape (R, C, h, w)
        Its sine positions.
    middle, fine : Tensor, shapes (R, C / 4, 2 h, 2 w) and (R, C / 8, 4 h, 4 w)
        The finer levels, narrowed for the decoder.
    """

    embedding: Tensor
    position: Tensor
    middle: Tensor
    fine: Tensor

    def rows(self, index: slice | Tensor) -> Features:
        """Give some rows."""
        return Features(*(getattr(self, field.name)[index] for field in fields(self)))


@dataclass
class Masks:
    """What the decoder says about ``R`` objects: see `TAViSOutput` for the meanings.

    Attributes
    ----------
    logits : Tensor, shape (R, 4 h, 4 w)
    candidate_logits : Tensor, shape (R, M, 4 h, 4 w)
    candidate_iou : Tensor, shape (R, M)
    score : Tensor, shape (R,)
    pointer : Tensor, shape (R, C)
    """

    logits: Tensor
    candidate_logits: Tensor
    candidate_iou: Tensor
    score: Tensor
    pointer: Tensor


def _memory_attention(config: Sam2Config, image_size: int) -> MemoryAttention:
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
    return MemoryAttention(
        d_model=config.width,
        pos_enc_at_input=True,
        layer=layer,
        num_layers=config.memory_layers,
    )


def _memory_encoder(config: Sam2Config) -> MemoryEncoder:
    """Build the encoder of a frame and its mask into a memory."""
    block = CXBlock(config.width, layer_scale_init_value=config.layer_scale)
    return MemoryEncoder(
        in_dim=config.width,
        out_dim=config.memory_width,
        mask_downsampler=MaskDownSampler(config.width, kernel_size=3, stride=2, padding=1),
        fuser=Fuser(block, num_layers=2),
        position_encoding=PositionEmbeddingSine(config.memory_width, warmup_cache=False),
    )


def _mask_decoder(config: Sam2Config) -> MaskDecoder:
    """Build the mask decoder; `SAM2Base` would fix the width of its MLPs."""
    return MaskDecoder(
        num_multimask_outputs=CANDIDATES,
        transformer=TwoWayTransformer(
            depth=2,
            embedding_dim=config.width,
            mlp_dim=config.decoder_hidden_width,
            num_heads=8,
        ),
        transformer_dim=config.width,
        iou_head_depth=3,
        iou_head_hidden_dim=config.iou_hidden_width,
        use_high_res_features=True,
        iou_prediction_use_sigmoid=True,
        pred_obj_scores=True,
        pred_obj_scores_mlp=True,
        use_multimask_token_for_obj_ptr=True,
    )


class SoundPromptedSam2(SAM2Base):
    """SAM 2.0 whose prompts are one token and one dense vector instead of clicks.

    Parameters
    ----------
    config : Sam2Config
        Sizes.
    image_size : int
        Pixels per side.
    """

    def __init__(self, config: Sam2Config, image_size: int) -> None:
        super().__init__(
            image_encoder=AudioGuidedImageEncoder(config),
            memory_attention=_memory_attention(config, image_size),
            memory_encoder=_memory_encoder(config),
            num_maskmem=MEMORY_FRAMES,
            image_size=image_size,
            backbone_stride=BACKBONE_STRIDE,
            sigmoid_scale_for_mem_enc=20.0,
            sigmoid_bias_for_mem_enc=-10.0,
            binarize_mask_from_pts_for_mem_enc=True,
            use_mask_input_as_output_without_sam=True,
            directly_add_no_mem_embed=True,
            use_high_res_features_in_sam=True,
            multimask_output_in_sam=True,
            iou_prediction_use_sigmoid=True,
            use_obj_ptrs_in_encoder=True,
            add_tpos_enc_to_obj_ptrs=False,
            only_obj_ptrs_in_the_past_for_eval=True,
            pred_obj_scores=True,
            pred_obj_scores_mlp=True,
            fixed_no_obj_ptr=True,
            multimask_output_for_tracking=True,
            use_multimask_token_for_obj_ptr=True,
            multimask_min_pt_num=0,
            use_mlp_for_obj_ptr_proj=True,
        )
        self.sam_mask_decoder = _mask_decoder(config)

    def features(self, levels: list[Tensor], position: Tensor) -> Features:
        """Narrow the finer levels of the pyramid, once per frame.

        Parameters
        ----------
        levels : list of Tensor
            The pyramid of ``n`` frames, finest first.
        position : Tensor, shape (n, C, h, w)
            Positions of the coarsest level.

        Returns
        -------
        Features
            ``n`` rows.
        """
        fine, middle, embedding = levels
        decoder = self.sam_mask_decoder
        return Features(embedding, position, decoder.conv_s1(middle), decoder.conv_s0(fine))

    def segment_frames(self, features: Features, sparse: Tensor, dense: Tensor) -> Masks:
        """Segment every frame by itself, with an empty memory (independent protocol).

        Parameters
        ----------
        features : Features
            ``n`` frames.
        sparse : Tensor, shape (n, K, C)
            Prompt token per query.
        dense : Tensor, shape (n, C)
            Prompt of every pixel.

        Returns
        -------
        Masks
            ``n * K`` rows, the queries of a frame beside each other.
        """
        embedding = features.embedding + self.no_mem_embed.view(1, -1, 1, 1)
        queries = sparse.shape[1]
        return self._decode(
            embedding.repeat_interleave(queries, dim=0), features, sparse.flatten(0, 1), dense
        )

    def track(self, clips: int) -> MemoryBank:
        """Start to follow the objects of some clips from frame to frame (memory protocol).

        Parameters
        ----------
        clips : int
            Number of clips ``B`` that are followed side by side.

        Returns
        -------
        MemoryBank
            Nothing seen yet.
        """
        return MemoryBank(self, clips)

    def segment_clips(
        self, features: Features, sparse: Tensor, dense: Tensor, bank: MemoryBank
    ) -> Masks:
        """Segment the next frames of some clips, each on the memory of those before.

        Parameters
        ----------
        features : Features
            ``B * T`` frames, the frames of a clip beside each other.
        sparse : Tensor, shape (B * T, K, C)
            Prompt token per query.
        dense : Tensor, shape (B * T, C)
            Prompt of every pixel.
        bank : MemoryBank
            What was seen so far; it is brought up to date.

        Returns
        -------
        Masks
            ``B * T * K`` rows, in the order of the frames.
        """
        frames = len(sparse) // bank.clips
        steps = []
        for step in range(frames):
            rows = slice(step, None, frames)
            now = features.rows(rows)
            embedding = bank.condition(now, sparse.shape[1])
            masks = self._decode(embedding, now, sparse[rows].flatten(0, 1), dense[rows])
            bank.remember(now, masks)
            steps.append(masks)
        return Masks(*(_interleave(parts, bank.clips) for parts in _parts(steps)))

    def _decode(
        self, embedding: Tensor, features: Features, sparse: Tensor, dense: Tensor
    ) -> Masks:
        """Predict masks for ``R`` objects, with embeddings ``[R, C, h, w]``, in ``n`` frames."""
        queries = len(embedding) // len(dense)
        size = embedding.shape[-2:]
        candidates, iou, tokens, score = self.sam_mask_decoder(
            image_embeddings=embedding,
            image_pe=self.sam_prompt_encoder.pe_layer(size)[None],
            sparse_prompt_embeddings=sparse[:, None],
            dense_prompt_embeddings=dense.repeat_interleave(queries, dim=0)[:, :, None, None],
            multimask_output=True,
            repeat_image=False,
            high_res_features=[
                features.fine.repeat_interleave(queries, dim=0),
                features.middle.repeat_interleave(queries, dim=0),
            ],
        )
        rows = torch.arange(len(iou), device=iou.device)
        best = iou.argmax(dim=-1)
        pointer = self._pointer(tokens[rows, best], score)
        return Masks(candidates[rows, best], candidates, iou, score[:, 0], pointer)

    def _pointer(self, token: Tensor, score: Tensor) -> Tensor:
        """Summarise objects ``[R, C]``; one whose score is too low has the pointer of no object."""
        present = (score + POINTER_SCORE_SHIFT > 0).to(token.dtype)
        return present * self.obj_ptr_proj(token) + (1 - present) * self.no_obj_ptr


class MemoryBank:
    """The last frames of some clips, as SAM 2 remembers them.

    The memory of a frame is made when the next one arrives, so that of the last is never made.

    Parameters
    ----------
    sam2 : SoundPromptedSam2
        Whose memory attention and memory encoder are used.
    clips : int
        Number of clips followed side by side.
    """

    def __init__(self, sam2: SoundPromptedSam2, clips: int) -> None:
        self.clips = clips
        self._sam2 = sam2
        self._frames: dict[int, dict[str, Any]] = {}
        self._unread: tuple[Tensor, Masks] | None = None
        self._seen = 0

    def condition(self, features: Features, queries: int) -> Tensor:
        """Mix the memory of earlier frames into the next one.

        Parameters
        ----------
        features : Features
            The next frame of each clip: ``B`` rows.
        queries : int
            Objects ``K`` per clip.

        Returns
        -------
        Tensor, shape (B * K, C, h, w)
            Image embedding for each object.
        """
        self._store_unread()
        embedding = features.embedding.repeat_interleave(queries, dim=0)
        position = features.position.repeat_interleave(queries, dim=0)
        cond = {t: frame for t, frame in self._frames.items() if t == 0}
        rest = {t: frame for t, frame in self._frames.items() if t > 0}
        return self._sam2._prepare_memory_conditioned_features(
            frame_idx=self._seen,
            is_init_cond_frame=self._seen == 0,
            current_vision_feats=[embedding.flatten(2).permute(2, 0, 1)],
            current_vision_pos_embeds=[position.flatten(2).permute(2, 0, 1)],
            feat_sizes=[embedding.shape[-2:]],
            output_dict={"cond_frame_outputs": cond, "non_cond_frame_outputs": rest},
            num_frames=self._seen + 1,
        )

    def remember(self, features: Features, masks: Masks) -> None:
        """Keep what was found in the frame that `condition` was asked about.

        Parameters
        ----------
        features : Features
            The frame of each clip: ``B`` rows.
        masks : Masks
            What the decoder found: ``B * K`` rows.
        """
        self._unread = features.embedding, masks
        self._seen += 1

    def _store_unread(self) -> None:
        """Encode the memory of the frame before, now that it is known that someone reads it."""
        if self._unread is None:
            return
        (embedding, masks), self._unread = self._unread, None
        sam2, index = self._sam2, self._seen - 1
        queries = len(masks.logits) // len(embedding)
        high_res = F.interpolate(
            masks.logits[:, None],
            size=(sam2.image_size, sam2.image_size),
            mode="bilinear",
            align_corners=False,
        )
        pixels = embedding.repeat_interleave(queries, dim=0)
        memory, positions = sam2._encode_new_memory(
            current_vision_feats=[pixels.flatten(2).permute(2, 0, 1)],
            feat_sizes=[embedding.shape[-2:]],
            pred_masks_high_res=high_res,
            object_score_logits=masks.score[:, None],
            is_mask_from_pts=True,
        )
        if not sam2.training:
            # SAM 2 stores memories in half the space, and the released numbers show it.
            memory = memory.bfloat16().to(memory.dtype)
        self._frames[index] = {
            "maskmem_features": memory,
            "maskmem_pos_enc": positions,
            "obj_ptr": masks.pointer,
        }
        self._forget()

    def _forget(self) -> None:
        """Drop frames that are too old to be read: memory stays bounded however long the clip."""
        oldest = self._seen - self._sam2.max_obj_ptrs_in_encoder + 1
        for index in [t for t in self._frames if 0 < t < oldest]:
            del self._frames[index]


def _parts(steps: list[Masks]) -> Iterator[list[Tensor]]:
    """Give, for each field of `Masks`, its values over time."""
    return ([getattr(step, field.name) for step in steps] for field in fields(Masks))


def _interleave(parts: list[Tensor], clips: int) -> Tensor:
    """Join ``T`` tensors ``[B * K, ...]`` into ``[B * T * K, ...]``, clip by clip."""
    by_clip = torch.stack([part.unflatten(0, (clips, -1)) for part in parts], dim=1)
    return by_clip.flatten(0, 2)
