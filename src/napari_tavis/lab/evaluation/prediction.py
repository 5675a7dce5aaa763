"""What a model says about a clip, at the size of the clip's labels."""

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

Sides: TypeAlias = Literal["a2t", "i2t", "sum"]
"""What tells a query's class: its sound, what it highlights, or both (zero-shot; section 3.4)."""


@dataclass(frozen=True, eq=False)
class ClipPrediction:
    """A model's result for a clip of ``T`` frames, ``N`` queries and ``P`` classes.

    Attributes
    ----------
    mask_logits : Tensor, shape (T, N + 1, H, W)
        Masks of the queries, then of the scene, at the size of the labels.
    iou : Tensor, shape (T, N + 1)
        The decoder's own estimate of each mask's IoU, 0 to 1.
    audio_embedding : Tensor, shape (T, N, D)
        Decomposed queries in the shared space, ``T_a``.
    image_embedding : Tensor or None, shape (T, N, D)
        What the queries highlight, ``T_v``; None if it was not asked for.
    probabilities : dict of str to Tensor, shape (T, N, P)
        Class probabilities, background first, by `Sides`; without an image embedding by
        ``a2t`` alone.
    """

    mask_logits: Tensor
    iou: Tensor
    audio_embedding: Tensor
    image_embedding: Tensor | None
    probabilities: dict[Sides, Tensor]

    @property
    def scene(self) -> npt.NDArray[np.float32]:
        """Mask logits of everything that sounds, shape (T, H, W)."""
        return np.asarray(self.mask_logits[:, -1])

    @property
    def queries(self) -> npt.NDArray[np.bool_]:
        """Masks of the queries, shape (T, N, H, W)."""
        return np.asarray(self.mask_logits[:, :-1] > 0)

    def class_maps(self, sides: Sides = "a2t") -> npt.NDArray[np.uint8]:
        """Compose the queries into one class per pixel.

        The score of a class at a pixel is the sum over the queries of its probability times
        that of the query's mask; a pixel at which no class reaches one half is background.

        Parameters
        ----------
        sides : {"a2t", "i2t", "sum"}
            What tells a query's class.

        Returns
        -------
        ndarray of uint8, shape (T, H, W)
            Class indices.
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

    Parameters
    ----------
    model : TAViS
        Any model.
    protocol : {"independent", "memory"}
        Each frame by itself, as the authors evaluate, or on the memory of those before.
    image_embedding : bool
        Whether to embed what the queries highlight: five more vision passes per frame.
    size : int, optional
        Pixels per side of the masks that are given; by default those of the clip's frames.
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
        """Segment a clip.

        Parameters
        ----------
        clip : ClipAnnotation
            Its frames, one a second, and its sound.
        waveform : ndarray of float32, shape (samples,), optional
            What is heard instead of the clip's own sound, mono, 16 kHz.

        Returns
        -------
        ClipPrediction
        """
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
    """Count the pixels of masks ``[..., H, W]``."""
    return np.count_nonzero(masks, axis=(-2, -1))
