"""SAM 2's mask decoder and memory, prompted by sound, or by clicks, boxes and masks.

Each query is one object of SAM 2: all queries of all frames (independent protocol), or of one
time step (memory protocol), form one batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

import torch
from sam2.modeling.sam.mask_decoder import MaskDecoder
from sam2.modeling.sam.prompt_encoder import PromptEncoder
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor, nn
from torch.nn import functional as F

from napari_tavis.model.backbone import (
    INDEPENDENT,
    MEMORY,
    ObjectMemory,
    SegmentationBackbone,
)
from napari_tavis.model.config import Sam2Config
from napari_tavis.model.decoding import build_mask_decoder, decode_best, embed_prompts, no_points
from napari_tavis.model.features import Features, Masks
from napari_tavis.model.image_encoder import AudioGuidedImageEncoder
from napari_tavis.model.memory import (
    BACKBONE_STRIDE,
    build_memory_attention,
    build_memory_encoder,
)
from napari_tavis.model.tracking import MemoryBank, PyramidFeatures, encode_memory, recall

MEMORY_FRAMES = 7  # of which one is the first, always read
# added to the object score before it decides whether the object has a pointer
POINTER_SCORE_SHIFT = 2.0
GIVEN_LOGIT = 10.0  # of a mask that a person gave: SAM 2 takes it as all but certain
ABSENT_LOGIT = -1024.0  # everywhere, of an object that SAM 2 finds is not in the frame


class SoundPromptedSam2(SAM2Base, SegmentationBackbone):
    """SAM 2 that takes one token and one dense vector per query as well as clicks."""

    protocols = (MEMORY, INDEPENDENT)
    title = "SAM 2"

    # What SAM2Base makes.
    sam_prompt_encoder: PromptEncoder
    no_mem_embed: Tensor
    no_obj_ptr: Tensor
    obj_ptr_proj: nn.Module
    mask_downsample: nn.Module
    backbone_stride: int
    max_obj_ptrs_in_encoder: int

    def __init__(self, config: Sam2Config, image_size: int) -> None:
        revised = config.version == "2.1"
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
            add_tpos_enc_to_obj_ptrs=revised,
            proj_tpos_enc_in_obj_ptrs=revised,
            use_signed_tpos_enc_to_obj_ptrs=revised,
            no_obj_embed_spatial=revised,
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
        self.sam_mask_decoder: MaskDecoder = build_mask_decoder(
            config,
            use_high_res_features=True,
            iou_prediction_use_sigmoid=True,
            pred_obj_scores=True,
            pred_obj_scores_mlp=True,
        )

    def encode(
        self, images: Tensor, biases: Sequence[Tensor]
    ) -> tuple[list[Tensor], PyramidFeatures]:
        levels = self.image_encoder(images, biases)
        fine, middle, embedding = levels
        # Narrowed for the decoder once per frame, not once per object.
        decoder = self.sam_mask_decoder
        return levels, PyramidFeatures(embedding, decoder.conv_s1(middle), decoder.conv_s0(fine))

    def segment_frames(self, features: Features, sparse: Tensor, dense: Tensor) -> Masks:
        embedding = features.embedding + self.no_mem_embed.view(1, -1, 1, 1)
        queries = sparse.shape[1]
        return self.decode(
            embedding.repeat_interleave(queries, dim=0),
            features,
            sparse.flatten(0, 1)[:, None],
            dense.repeat_interleave(queries, dim=0)[:, :, None, None],
        )

    def segment_clips(self, features: Features, sparse: Tensor, dense: Tensor, clips: int) -> Masks:
        bank = MemoryBank(self, clips)
        frames, queries = len(sparse) // clips, sparse.shape[1]
        steps = []
        for step in range(frames):
            rows = slice(step, None, frames)
            now = features.rows(rows)
            masks = self.decode(
                bank.condition(now, queries),
                now,
                sparse[rows].flatten(0, 1)[:, None],
                dense[rows].repeat_interleave(queries, dim=0)[:, :, None, None],
            )
            bank.remember(now, masks)
            steps.append(masks)
        return Masks(*(_interleave(parts, clips) for parts in _parts(steps)))

    def remember_objects(self) -> ObjectMemory:
        return Sam2ObjectMemory(self)

    def embed_prompts(
        self, points: Tensor, labels: Tensor, mask_logits: Tensor | None, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Embed clicks, boxes and masks: see `decoding.embed_prompts`."""
        return embed_prompts(
            self.sam_prompt_encoder, points, labels, mask_logits, size, paint=self.paint_points
        )

    def segment_prompted(
        self,
        features: Features,
        points: Tensor,
        labels: Tensor,
        mask_logits: Tensor | None = None,
    ) -> Masks:
        embedding = features.embedding + self.no_mem_embed.view(1, -1, 1, 1)
        prompts = self.embed_prompts(points, labels, mask_logits, features.mask_size)
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

        See `decoding.decode_best`; what memory or its absence adds is in the embedding already.
        """
        objects = len(embedding) // len(features.embedding)
        found = decode_best(
            self.sam_mask_decoder,
            embedding,
            self.sam_prompt_encoder.pe_layer(embedding.shape[-2:]),
            sparse,
            dense,
            finer=[level.repeat_interleave(objects, dim=0) for level in features.finer],
            candidates=candidates,
        )
        return replace(found, pointer=self._pointer(found.pointer, found.score[:, None]))

    def _pointer(self, token: Tensor, score: Tensor) -> Tensor:
        """Summarise objects (R, C); one of too low a score has the pointer of no object."""
        present = (score + POINTER_SCORE_SHIFT > 0).to(token.dtype)
        return present * self.obj_ptr_proj(token) + (1 - present) * self.no_obj_ptr


def _parts(steps: list[Masks]) -> Iterator[list[Tensor]]:
    """Give, for each field of `Masks`, its values over time."""
    return ([getattr(step, field.name) for step in steps] for field in fields(Masks))


def _interleave(parts: list[Tensor], clips: int) -> Tensor:
    """Join ``T`` tensors (B * K, ...) into (B * T * K, ...), clip by clip."""
    by_clip = torch.stack([part.unflatten(0, (clips, -1)) for part in parts], dim=1)
    return by_clip.flatten(0, 2)


class Sam2ObjectMemory(ObjectMemory):
    """What SAM 2 remembers: the last six positions. It is blind to what is farther away."""

    def __init__(self, sam2: SoundPromptedSam2) -> None:
        self._sam2 = sam2
        self._conditions: dict[int, dict[str, Any]] = {}
        self._tracked: dict[int, dict[str, Any]] = {}

    def condition(self, position: int, features: Features, masks: Tensor) -> None:
        sam2 = self._sam2
        given = masks[:, None]
        present = (masks.flatten(1) > 0.5).any(1)
        side = [length * sam2.backbone_stride for length in features.embedding.shape[-2:]]
        full = F.interpolate(given, side, mode="bilinear", antialias=True)
        prompt = sam2.mask_downsample(full)[:, 0]
        points, labels = no_points(len(masks), masks.device)
        tokens, dense = sam2.embed_prompts(points, labels, prompt, features.mask_size)
        seen = sam2.decode(features.embedding, features, tokens, dense, candidates=False)
        share = present[:, None].to(seen.pointer.dtype)
        self._conditions[position] = encode_memory(
            sam2,
            features.embedding,
            Masks(
                logits=(2 * full[:, 0] - 1) * GIVEN_LOGIT,
                candidate_logits=seen.candidate_logits,
                candidate_iou=seen.candidate_iou,
                score=torch.where(present, GIVEN_LOGIT, -GIVEN_LOGIT),
                pointer=share * seen.pointer + (1 - share) * sam2.no_obj_ptr,
            ),
        )
        self._forget(position)

    def step(self, position: int, features: Features, *, reverse: bool = False) -> Masks:
        sam2 = self._sam2
        embedding = recall(
            sam2,
            features.embedding,
            self._conditions,
            self._tracked,
            objects=1,
            position=position,
            length=max((position, *self._conditions, *self._tracked)) + 1,
            reverse=reverse,
        )
        points, labels = no_points(len(embedding), embedding.device)
        prompts = sam2.embed_prompts(points, labels, None, features.mask_size)
        masks = sam2.decode(embedding, features, *prompts)
        if not sam2.training:  # at evaluation an object that is not there has no mask, as in SAM 2
            absent = (masks.score <= 0)[:, None, None]
            masks.logits = masks.logits.masked_fill(absent, ABSENT_LOGIT)
        self._tracked[position] = encode_memory(sam2, features.embedding, masks)
        self._forget(position)
        return masks

    def _forget(self, position: int) -> None:
        """Drop what is too far away to be read: memory stays bounded however long the video.

        The conditions nearest on either side stay however far they are.
        """
        reach = self._sam2.max_obj_ptrs_in_encoder
        self._tracked = {t: m for t, m in self._tracked.items() if abs(t - position) <= reach}
        before = [t for t in sorted(self._conditions) if t <= position][-reach:]
        after = [t for t in sorted(self._conditions) if t > position][:reach]
        self._conditions = {t: self._conditions[t] for t in (*before, *after)}
