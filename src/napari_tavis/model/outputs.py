"""What the network gives back. Axes: B clips, T frames, N = 5 queries, K = N + 1 with the scene."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_tavis.model.features import Features, Masks


@dataclass
class TAViSOutput:
    """Everything a training step needs.

    Attributes
    ----------
    mask_logits : Tensor, shape (B, T, K, h, w)
        The candidate with the highest predicted IoU, at stride 4; the scene's mask is the last.
    candidate_logits : Tensor, shape (B, T, K, M, h, w)
        All ``M = 3`` candidates.
    candidate_iou : Tensor, shape (B, T, K, M)
        Their predicted IoU, 0 to 1.
    object_score : Tensor, shape (B, T, K)
        Logit of an object being there.
    object_pointer : Tensor, shape (B, T, K, C)
        SAM 2's summary of the object, with which later frames find it again.
    audio_embedding : Tensor, shape (B, T, N, D)
        Decomposed queries, t'_a, through the audio head: ``T_a``.
    sound_embedding : Tensor, shape (B, T, D)
        The whole sound of each window, t_a, through the audio head.
    pseudo_text : Tensor, shape (B, T, K, W)
        Feature of the text trunk at the chosen position.
    image_features : list of Tensor
        Levels of the image pyramid, finest first, each ``[B * T, C, h_l, w_l]`` (strides 4, 8
        and 16), before they are narrowed for the decoder; none where frames were encoded earlier.
    frame_features : Features
        The same as the decoder sees them, ``B * T`` rows.
    """

    mask_logits: Tensor
    candidate_logits: Tensor
    candidate_iou: Tensor
    object_score: Tensor
    object_pointer: Tensor
    audio_embedding: Tensor
    sound_embedding: Tensor
    pseudo_text: Tensor
    image_features: list[Tensor]
    frame_features: Features

    def choose(self, frames: Tensor) -> TAViSOutput:
        """Take some frames, each as a clip of its own.

        Parameters
        ----------
        frames : Tensor, int64, shape (n,)
            Which of the ``B * T``, clip-major.

        Returns
        -------
        TAViSOutput
            Of ``n`` clips of one frame.
        """
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
    """The result for one clip: float32, on the CPU.

    Attributes
    ----------
    mask_logits : Tensor, shape (T, K, S, S)
        Masks of the five queries, then of the scene, at the image size; inside where positive.
    audio_embedding : Tensor, shape (T, N, D)
        Decomposed queries through the audio head, to be compared with class texts.
    object_pointer : Tensor, shape (T, K, C)
        SAM 2's summary of each object.
    iou : Tensor, shape (T, K)
        The decoder's own estimate of the mask's IoU, 0 to 1.
    object_score : Tensor, shape (T, K)
        Logit of an object being there.
    """

    mask_logits: Tensor
    audio_embedding: Tensor
    object_pointer: Tensor
    iou: Tensor
    object_score: Tensor

    def resized(self, size: tuple[int, int]) -> Segmentation:
        """Bring the masks to a size, bilinearly; the rest stays as it is.

        Parameters
        ----------
        size : tuple of int
            Height and width, in pixels.
        """
        if tuple(self.mask_logits.shape[-2:]) == tuple(size):
            return self
        logits = F.interpolate(self.mask_logits, size, mode="bilinear", align_corners=False)
        return replace(self, mask_logits=logits)


@dataclass
class TextFeatures:
    """Texts in the two spaces that TAViS compares in.

    Attributes
    ----------
    trunk : Tensor, shape (P, W)
        Feature of the text trunk at the end of each text, before the head: the target of a
        pseudo text.
    embedding : Tensor, shape (P, D)
        The same through the text head: normalised, times the logit scale (``T^t``).
    """

    trunk: Tensor
    embedding: Tensor


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
