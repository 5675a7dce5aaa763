"""SAM 2's mask decoder and memory, prompted by sound instead of clicks.

Each query is one object of SAM 2: all queries of all frames (independent protocol), or of one
time step (memory protocol), form one batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from napari_tavis.model.config import Sam2Config
from napari_tavis.model.image_encoder import AudioGuidedImageEncoder
from napari_tavis.model.sam2_parts import (
    BACKBONE_STRIDE,
    build_mask_decoder,
    build_memory_attention,
    build_memory_encoder,
)
from napari_tavis.model.tracking import Features, Masks, MemoryBank

MEMORY_FRAMES = 7
POINTER_SCORE_SHIFT = 2.0
"""Added to the object score before it decides whether the object has a pointer."""


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
            memory_attention=build_memory_attention(config, image_size),
            memory_encoder=build_memory_encoder(config),
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
        # SAM2Base has built one whose MLPs have a fixed width.
        self.sam_mask_decoder = build_mask_decoder(config)

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


def _parts(steps: list[Masks]) -> Iterator[list[Tensor]]:
    """Give, for each field of `Masks`, its values over time."""
    return ([getattr(step, field.name) for step in steps] for field in fields(Masks))


def _interleave(parts: list[Tensor], clips: int) -> Tensor:
    """Join ``T`` tensors ``[B * K, ...]`` into ``[B * T * K, ...]``, clip by clip."""
    by_clip = torch.stack([part.unflatten(0, (clips, -1)) for part in parts], dim=1)
    return by_clip.flatten(0, 2)
