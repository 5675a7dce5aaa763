"""SAM 2's mask decoder and memory, prompted by sound, or by clicks, boxes and masks.

Each query is one object of SAM 2: all queries of all frames (independent protocol), or of one
time step (memory protocol), form one batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor
from torch.nn import functional as F

from napari_tavis.model.config import Sam2Config
from napari_tavis.model.image_encoder import AudioGuidedImageEncoder
from napari_tavis.model.points import NO_POINT, paint_points
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
    """SAM 2.0 that takes one token and one dense vector per query as well as clicks.

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
        self.paint_points = config.paint_points
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
        return self.decode(
            embedding.repeat_interleave(queries, dim=0),
            features,
            sparse.flatten(0, 1)[:, None],
            dense.repeat_interleave(queries, dim=0)[:, :, None, None],
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
            queries = sparse.shape[1]
            masks = self.decode(
                bank.condition(now, queries),
                now,
                sparse[rows].flatten(0, 1)[:, None],
                dense[rows].repeat_interleave(queries, dim=0)[:, :, None, None],
            )
            bank.remember(now, masks)
            steps.append(masks)
        return Masks(*(_interleave(parts, bank.clips) for parts in _parts(steps)))

    def embed_prompts(
        self, points: Tensor, labels: Tensor, mask_logits: Tensor | None, size: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """Embed clicks, boxes and masks as SAM 2 does.

        Parameters
        ----------
        points : Tensor, shape (R, P, 2)
            Column and row of each point, 0 to 1 of the frame's width and height.
        labels : Tensor, shape (R, P)
            1 inside, 0 outside, 2 and 3 a box's upper left and lower right corner, `NO_POINT`.
        mask_logits : Tensor or None, shape (R, h, w)
            A mask to start from, of any size.
        size : sequence of int
            Height and width of the image embedding.

        Returns
        -------
        sparse : Tensor, shape (R, P + 1, C)
        dense : Tensor, shape (R, C, h, w) or (R, C, 1, 1)
        """
        encoder = self.sam_prompt_encoder
        pixels = points * self.image_size - 0.5  # the encoder takes the middle of a pixel
        sparse = encoder._embed_points(pixels, labels, pad=True)
        grid = (4 * size[0], 4 * size[1])
        mask = None
        if mask_logits is not None:
            mask = F.interpolate(mask_logits[:, None], grid, mode="bilinear", antialias=True)
        if self.paint_points and bool((labels != NO_POINT).any()):
            mask = paint_points(points, labels, mask, grid)
        if mask is not None:
            return sparse, encoder.mask_downscaling(mask)
        nothing = encoder.no_mask_embed.weight[:, :, None, None]
        return sparse, nothing.expand(len(points), -1, -1, -1)

    def segment_prompted(
        self, features: Features, points: Tensor, labels: Tensor, mask_logits: Tensor | None = None
    ) -> Masks:
        """Segment one object in each frame from clicks, a box or a mask instead of sound.

        Parameters
        ----------
        features : Features
            ``R`` frames.
        points, labels, mask_logits
            See `embed_prompts`.

        Returns
        -------
        Masks
            ``R`` rows.
        """
        embedding = features.embedding + self.no_mem_embed.view(1, -1, 1, 1)
        prompts = self.embed_prompts(points, labels, mask_logits, embedding.shape[-2:])
        return self.decode(embedding, features, *prompts)

    def decode(
        self,
        embedding: Tensor,
        features: Features,
        sparse: Tensor,
        dense: Tensor,
        *,
        candidates: bool = True,
    ) -> Masks:
        """Predict masks for ``R`` objects in ``n`` frames, the objects of a frame together.

        Parameters
        ----------
        embedding : Tensor, shape (R, C, h, w)
            Image embedding for each object, with what memory or its absence added.
        features : Features
            ``n`` rows.
        sparse : Tensor, shape (R, k, C)
            Prompt tokens of each object.
        dense : Tensor, shape (R, C, h, w) or (R, C, 1, 1)
            What is added to the embedding.
        candidates : bool
            Predict three masks and take the best, or just one, as for a mask that is given.
        """
        objects = len(embedding) // len(features.embedding)
        size = embedding.shape[-2:]
        masks, iou, tokens, score = self.sam_mask_decoder(
            image_embeddings=embedding,
            image_pe=self.sam_prompt_encoder.pe_layer(size)[None],
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=candidates,
            repeat_image=False,
            high_res_features=[
                features.fine.repeat_interleave(objects, dim=0),
                features.middle.repeat_interleave(objects, dim=0),
            ],
        )
        rows = torch.arange(len(iou), device=iou.device)
        best = iou.argmax(dim=-1)
        pointer = self._pointer(tokens[rows, best], score)
        return Masks(masks[rows, best], masks, iou, score[:, 0], pointer)

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
