"""What a model finds in a clip, at the size of the clip's labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import ClipAnnotation
from napari_tavis.media import log_mel_by_second
from napari_tavis.model import TAViS
from napari_tavis.model.alignment import class_prompt, classify
from napari_tavis.model.backbone import Protocol

# what decides on a query's class: its sound, what it highlights, or both (zero-shot; section 3.4)
Sides: TypeAlias = Literal["a2t", "i2t", "sum"]


@dataclass(frozen=True, eq=False)
class ClipPrediction:
    """A model's result for a clip of ``T`` frames, ``N`` queries and ``P`` classes."""

    mask_logits: Tensor  # (T, N + 1, H, W), queries, then the scene, at the size of the labels
    iou: Tensor  # (T, N + 1), the decoder's own estimate of each mask's IoU, 0 to 1
    audio_embedding: Tensor  # T_a: (T, N, D), decomposed queries in the shared space
    image_embedding: Tensor | None  # T_v: (T, N, D), what the queries highlight, if asked for
    # (T, N, P), background first; only "a2t" without an image embedding
    probabilities: dict[Sides, Tensor]

    @property
    def scene(self) -> npt.NDArray[np.float32]:
        """Mask logits of everything that sounds, (T, H, W)."""
        return np.asarray(self.mask_logits[:, -1])

    @property
    def queries(self) -> npt.NDArray[np.bool_]:
        """Masks of the queries, (T, N, H, W)."""
        return np.asarray(self.mask_logits[:, :-1] > 0)

    def class_maps(self, sides: Sides = "a2t") -> npt.NDArray[np.uint8]:
        """Compose the queries into one class per pixel, (T, H, W).

        The score of a class at a pixel is the sum over the queries of its probability times that of
        the query's mask; a pixel at which no class reaches one half is background.
        """
        maps = []
        kinds = self.probabilities[sides][..., 1:]
        for shares, logits in zip(kinds, self.mask_logits[:, :-1], strict=True):
            able = (shares.sum(0) > 0.5).nonzero()[:, 0]  # no other class reaches one half
            shown = torch.zeros(logits.shape[-2:], dtype=torch.uint8)
            if len(able):
                scores = torch.einsum("np,nhw->phw", shares[:, able], logits.sigmoid())
                best, index = scores.max(0)
                shown[best > 0.5] = (able[index] + 1).to(torch.uint8)[best > 0.5]
            maps.append(shown.numpy())
        return np.stack(maps)


class Predictor:
    """Runs a model over clips as AVSBench windows them.

    Embedding what the queries highlight takes five more vision passes per frame. Masks are of
    ``size`` pixels per side, by default of the size of the clip's frames.
    """

    def __init__(
        self,
        model: TAViS,
        protocol: Protocol,
        *,
        image_embedding: bool,
        size: int | None = None,
    ) -> None:
        self._size = size
        self._model = model
        self._protocol = protocol
        self._image_embedding = image_embedding
        prompts = [class_prompt(name) for name in AVSBENCH_CLASSES]
        self._texts = model.embed_texts(prompts)

    def predict(
        self, clip: ClipAnnotation, waveform: npt.NDArray[np.float32] | None = None
    ) -> ClipPrediction:
        """Segment a clip, with its own sound or another (mono, 16 kHz)."""
        sound = clip.waveform if waveform is None else waveform
        mel = log_mel_by_second(sound, len(clip.frames))
        found = self._model.segment(clip.frames, mel, protocol=self._protocol)
        probabilities: dict[Sides, Tensor] = {"a2t": classify(found.audio_embedding, self._texts)}
        seen = None
        if self._image_embedding:
            seen = self._model.embed_regions(clip.frames, found.mask_logits)
            probabilities["i2t"] = classify(seen, self._texts)
            probabilities["sum"] = classify(found.audio_embedding, self._texts, seen)
        height, width = clip.frames.shape[1:3]
        size = (height, width) if self._size is None else (self._size, self._size)
        return ClipPrediction(
            mask_logits=found.resized(size).mask_logits,
            iou=found.iou.clamp(0, 1),
            audio_embedding=found.audio_embedding,
            image_embedding=seen,
            probabilities=probabilities,
        )


def areas(masks: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Count the pixels of masks (..., H, W)."""
    return np.count_nonzero(masks, axis=(-2, -1))
