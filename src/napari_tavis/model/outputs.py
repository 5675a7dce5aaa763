"""What the network gives back. Axes: B clips, T frames, N = 5 queries, K = N + 1 with the scene."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_tavis.model.features import Features, Masks


@dataclass
class TAViSOutput:
    """Everything a training step needs."""

    # (B, T, K, h, w): the candidate of highest predicted IoU, stride 4; scene last
    mask_logits: Tensor
    candidate_logits: Tensor  # (B, T, K, M, h, w): all M = 3 candidates
    candidate_iou: Tensor  # (B, T, K, M): their predicted IoU, 0 to 1
    object_score: Tensor  # (B, T, K): logit of an object being there
    object_pointer: Tensor  # (B, T, K, C): with which SAM 2 finds the object again in later frames
    audio_embedding: Tensor  # T_a: (B, T, N, D), decomposed queries t'_a through the audio head
    sound_embedding: Tensor  # (B, T, D): the whole sound t_a of each window through the audio head
    pseudo_text: Tensor  # (B, T, K, W): feature of the text trunk at the chosen position
    # The image pyramid before it is narrowed for the decoder, finest first: (B * T, C, h_l, w_l) at
    # strides 4, 8 and 16. Empty where frames were encoded earlier.
    image_features: list[Tensor]
    frame_features: Features  # the same as the decoder sees it, B * T rows

    def choose(self, frames: Tensor) -> TAViSOutput:
        """Take ``n`` of the ``B * T`` frames, counted clip-major, each as a clip of its own."""
        tensors = {
            field.name: value.flatten(0, 1)[frames, None]
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), Tensor)
        }
        return replace(
            self,
            **tensors,
            image_features=[level[frames] for level in self.image_features],
            frame_features=self.frame_features.rows(frames),
        )


@dataclass
class Segmentation:
    """The result for one clip: float32, on the CPU."""

    mask_logits: Tensor  # (T, K, S, S): of the five queries, then the scene; inside where positive
    audio_embedding: Tensor  # (T, N, D), to be compared with class texts
    object_pointer: Tensor  # (T, K, C): SAM 2's summary of each object
    iou: Tensor  # (T, K): the decoder's own estimate of the mask's IoU, 0 to 1
    object_score: Tensor  # (T, K): logit of an object being there

    def resized(self, size: tuple[int, int]) -> Segmentation:
        """Bring the masks to a height and width in pixels, bilinearly."""
        if tuple(self.mask_logits.shape[-2:]) == tuple(size):
            return self
        logits = F.interpolate(self.mask_logits, size, mode="bilinear", align_corners=False)
        return replace(self, mask_logits=logits)


@dataclass
class TextFeatures:
    """Texts in the two spaces that TAViS compares in."""

    trunk: Tensor  # (P, W), of the text trunk at the end of each text: the target of a pseudo text
    # T^t: (P, D), the same through the text head: normalised, times the logit scale
    embedding: Tensor


class PromptedMask(NamedTuple):
    """One object in one frame, on the CPU."""

    logits: Tensor  # (S, S), float32; inside where positive
    iou: float  # the decoder's own estimate, 0 to 1
    object_score: float  # logit of the object being there


def by_frame(masks: Masks, shape: torch.Size) -> dict[str, Tensor]:
    """Name the decoder's results as `TAViSOutput` does, and split their rows by ``(B, T)``."""
    names = {"logits": "mask_logits", "score": "object_score", "pointer": "object_pointer"}
    return {
        names.get(field.name, field.name): getattr(masks, field.name).unflatten(0, (*shape, -1))
        for field in fields(masks)
    }


def of_one_clip(output: TAViSOutput, size: int) -> Segmentation:
    """Take the first clip's result off the device, with masks ``size`` pixels per side."""
    logits = F.interpolate(
        output.mask_logits[0].float(), size=(size, size), mode="bilinear", align_corners=False
    )
    return Segmentation(
        mask_logits=logits.cpu(),
        audio_embedding=output.audio_embedding[0].float().cpu(),
        object_pointer=output.object_pointer[0].float().cpu(),
        iou=output.candidate_iou[0].amax(dim=-1).float().cpu(),
        object_score=output.object_score[0].float().cpu(),
    )


def prompted_mask(masks: Masks, size: int) -> PromptedMask:
    """Bring the decoder's result for one object to the image size, on the CPU."""
    logits = F.interpolate(masks.logits[:1, None].float(), (size, size), mode="bilinear")
    iou, score = float(masks.candidate_iou[0].max()), float(masks.score[0])
    return PromptedMask(logits[0, 0].cpu(), iou, score)
