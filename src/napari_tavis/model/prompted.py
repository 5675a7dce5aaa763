"""SAM 2 as an annotator uses it: objects prompted by hand, and followed through a video."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_tavis.model.backbone import SegmentationBackbone
from napari_tavis.model.features import Features, Masks
from napari_tavis.model.points import NO_POINT
from napari_tavis.model.precision import for_inference
from napari_tavis.model.tracking import encode_memory, recall

if TYPE_CHECKING:
    from napari_tavis.model.sam2_segmenter import SoundPromptedSam2

GIVEN_LOGIT = 10.0
"""Logit of a mask that a person gave: SAM 2 takes it as all but certain."""

ABSENT_LOGIT = -1024.0
"""Logit everywhere of an object that SAM 2 says is not in the frame."""


class PromptedMask(NamedTuple):
    """One object in one frame, on the CPU.

    Attributes
    ----------
    logits : Tensor of float32, shape (S, S)
        Its mask at the image size; inside where positive.
    iou : float
        The decoder's own estimate of the mask's IoU, 0 to 1.
    object_score : float
        Logit of the object being there.
    """

    logits: Tensor
    iou: float
    object_score: float


class ObjectMemory:
    """What SAM 2 remembers of some objects, each in a video of its own, while it follows them.

    Positions count the frames that are looked at, whichever frames of the video these are: the
    memory holds the last six positions, and is blind to what lies farther apart.

    Parameters
    ----------
    sam2 : SoundPromptedSam2
        Whose memory is used.
    """

    def __init__(self, sam2: SoundPromptedSam2) -> None:
        self._sam2 = sam2
        self._conditions: dict[int, dict[str, Any]] = {}
        self._tracked: dict[int, dict[str, Any]] = {}

    def condition(self, position: int, features: Features, masks: Tensor) -> None:
        """Take what a person says as the truth.

        Parameters
        ----------
        position : int
            Where the frames are in time.
        features : Features
            ``R`` rows, one for each object.
        masks : Tensor, shape (R, h, w)
            The objects' masks of any size, 0 to 1; empty: the object is not there.
        """
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
        """Find the objects in the next frames, and remember them there.

        Parameters
        ----------
        position : int
            Where the frames are in time: the next after those seen, or before if `reverse`.
        features : Features
            ``R`` rows, one for each object.
        reverse : bool
            Whether time runs backwards.

        Returns
        -------
        Masks
            ``R`` rows. At evaluation an object that is not there has no mask, as in SAM 2.
        """
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
        if not sam2.training:
            absent = (masks.score <= 0)[:, None, None]
            masks.logits = masks.logits.masked_fill(absent, ABSENT_LOGIT)
        self._tracked[position] = encode_memory(sam2, features.embedding, masks)
        self._forget(position)
        return masks

    def _forget(self, position: int) -> None:
        """Drop what is too far to be read, so that memory stays bounded however long the video.

        The conditions nearest on either side stay however far they are.
        """
        reach = self._sam2.max_obj_ptrs_in_encoder
        self._tracked = {t: m for t, m in self._tracked.items() if abs(t - position) <= reach}
        before = [t for t in sorted(self._conditions) if t <= position][-reach:]
        after = [t for t in sorted(self._conditions) if t > position][:reach]
        self._conditions = {t: self._conditions[t] for t in (*before, *after)}


class ObjectTracker:
    """Follows one object through a video: `ObjectMemory` for one object, without gradients.

    Parameters
    ----------
    backbone : SegmentationBackbone
        Whose memory is used.
    inference : callable
        Gives the context to compute in.
    """

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
        """Take what a person says of a frame as the truth.

        Parameters
        ----------
        frame : int
            Position of the frame among those looked at.
        features : Features
            One row.
        mask : Tensor, shape (h, w)
            The mask, of any size, 0 to 1; empty: the object is not there.
        """
        mask = mask.to(features.embedding.device, features.embedding.dtype)
        self._memory.condition(frame, features, mask[None])

    @for_inference
    def step(self, frame: int, features: Features, reverse: bool = False) -> PromptedMask:
        """Find the object in the next frame, and remember it there.

        Parameters
        ----------
        frame : int
            Position of the frame among those looked at.
        features : Features
            One row.
        reverse : bool
            Whether the frame lies before those seen.
        """
        masks = self._memory.step(frame, features, reverse=reverse)
        return prompted_mask(masks, self._image_size)


def no_points(count: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Give points and labels ``[count, 1, ..]`` that say nothing."""
    points = torch.zeros(count, 1, 2, device=device)
    return points, torch.full((count, 1), NO_POINT, device=device)


def prompted_mask(masks: Masks, size: int) -> PromptedMask:
    """Bring the decoder's result for one object to the image size, on the CPU."""
    logits = F.interpolate(masks.logits[:1, None].float(), (size, size), mode="bilinear")
    iou, score = float(masks.candidate_iou[0].max()), float(masks.score[0])
    return PromptedMask(logits[0, 0].cpu(), iou, score)
