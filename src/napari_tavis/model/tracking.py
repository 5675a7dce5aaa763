"""SAM 2's memory of earlier frames.

It lets a frame be segmented as the next of a clip, and an object that a person has drawn be
followed through a video.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor
from torch.nn import functional as F

from napari_tavis.model.backbone import SegmentationBackbone
from napari_tavis.model.features import Features, Masks
from napari_tavis.model.outputs import PromptedMask, prompted_mask
from napari_tavis.model.precision import for_inference


@dataclass
class PyramidFeatures(Features):
    """Frames as SAM 2's decoder sees them, with the finer levels narrowed for it."""

    middle: Tensor  # (R, C / 4, 2 h, 2 w)
    fine: Tensor  # (R, C / 8, 4 h, 4 w)

    @property
    def finer(self) -> tuple[Tensor, ...]:
        return self.fine, self.middle


def encode_memory(sam2: SAM2Base, pixels: Tensor, masks: Masks) -> dict[str, Any]:
    """Turn ``n`` frames (n, C, h, w) and what was found in them into memories as SAM 2 reads them.

    The masks are ``n * K`` rows, the objects of a frame beside each other.
    """
    size = pixels.shape[-2:]
    high_res = F.interpolate(
        masks.logits[:, None],
        size=[side * sam2.backbone_stride for side in size],
        mode="bilinear",
        align_corners=False,
    )
    memory, positions = sam2._encode_new_memory(
        current_vision_feats=[pixels.flatten(2).permute(2, 0, 1)],
        feat_sizes=[size],
        pred_masks_high_res=high_res,
        object_score_logits=masks.score[:, None],
        is_mask_from_pts=True,
    )
    if not sam2.training:
        # SAM 2 stores memories in half the space, and the released numbers show it.
        memory = memory.bfloat16().to(memory.dtype)
    return {
        "maskmem_features": memory,
        "maskmem_pos_enc": positions,
        "obj_ptr": masks.pointer,
    }


def recall(
    sam2: SAM2Base,
    embedding: Tensor,
    conditions: dict[int, dict[str, Any]],
    others: dict[int, dict[str, Any]],
    *,
    objects: int,
    position: int,
    length: int,
    reverse: bool = False,
) -> Tensor:
    """Mix memories into ``n`` frames (n, C, h, w): one embedding per object, (n * K, C, h, w).

    Parameters
    ----------
    sam2 : SAM2Base
        Whose memory attention is used.
    embedding : Tensor, shape (n, C, h, w)
        Image embedding of the frames.
    conditions, others : dict of int to dict
        Memories by position in time: those that are always read, and of the latest frames.
        Without conditions, the frames are taken as the first.
    objects : int
        Objects ``K`` per frame.
    position : int
        Where the frames are in time.
    length : int
        Positions there are.
    reverse : bool
        Whether time runs backwards.
    """
    sines = sam2.image_encoder.neck.position_encoding(embedding).to(embedding.dtype)
    tokens, places = (part.flatten(2).permute(2, 0, 1) for part in (embedding, sines))
    if conditions:
        tokens = sam2.memory_attention.look_at_frame(tokens, places)
    return sam2._prepare_memory_conditioned_features(
        frame_idx=position,
        is_init_cond_frame=not conditions,
        current_vision_feats=[tokens.repeat_interleave(objects, dim=1)],
        current_vision_pos_embeds=[places.repeat_interleave(objects, dim=1)],
        feat_sizes=[embedding.shape[-2:]],
        output_dict={"cond_frame_outputs": conditions, "non_cond_frame_outputs": others},
        num_frames=length,
        track_in_reverse=reverse,
    )


class MemoryBank:
    """The last frames of some clips, followed side by side, as SAM 2 remembers them.

    The memory of a frame is made when the next one arrives, so that of the last is never made.
    """

    def __init__(self, sam2: SAM2Base, clips: int) -> None:
        self.clips = clips
        self._sam2 = sam2
        self._frames: dict[int, dict[str, Any]] = {}
        self._unread: tuple[Tensor, Masks] | None = None
        self._seen = 0

    def condition(self, features: Features, queries: int) -> Tensor:
        """Mix the memory of earlier frames into the next one of ``B`` clips: (B * K, C, h, w)."""
        self._store_unread()
        return recall(
            self._sam2,
            features.embedding,
            {t: frame for t, frame in self._frames.items() if t == 0},
            {t: frame for t, frame in self._frames.items() if t > 0},
            objects=queries,
            position=self._seen,
            length=self._seen + 1,
        )

    def remember(self, features: Features, masks: Masks) -> None:
        """Keep what was found, ``B * K`` rows, in the frame that `condition` was asked about."""
        self._unread = features.embedding, masks
        self._seen += 1

    def _store_unread(self) -> None:
        """Encode the memory of the frame before, now that it is going to be read."""
        if self._unread is None:
            return
        (embedding, masks), self._unread = self._unread, None
        self._frames[self._seen - 1] = encode_memory(self._sam2, embedding, masks)
        self._forget()

    def _forget(self) -> None:
        """Drop frames too old to be read: memory stays bounded however long the clip."""
        oldest = self._seen - self._sam2.max_obj_ptrs_in_encoder + 1
        for index in [t for t in self._frames if 0 < t < oldest]:
            del self._frames[index]


class ObjectTracker:
    """Follows one object through a video: an `ObjectMemory` of it, without gradients."""

    def __init__(
        self,
        backbone: SegmentationBackbone,
        inference: Callable[[], AbstractContextManager[None]] = torch.no_grad,
    ) -> None:
        self._image_size = backbone.image_size
        self._memory = backbone.remember_objects()
        self.inference = inference

    @for_inference
    def condition(self, frame: int, features: Features, mask: Tensor) -> None:
        """Take a mask (h, w) of any size, 0 to 1, as the truth; empty: the object is not there.

        ``frame`` counts the frames that are looked at.
        """
        mask = mask.to(features.embedding.device, features.embedding.dtype)
        self._memory.condition(frame, features, mask[None])

    @for_inference
    def step(self, frame: int, features: Features, reverse: bool = False) -> PromptedMask:
        """Find the object in the next frame, or the one before those seen, and remember it."""
        masks = self._memory.step(frame, features, reverse=reverse)
        return prompted_mask(masks, self._image_size)
