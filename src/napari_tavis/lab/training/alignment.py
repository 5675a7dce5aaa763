"""Aligning the small encoders before the masks are learned.

The paper starts from ImageBind, whose sound, picture and text already share one space, and from
a SAM 2 that has seen millions of masks. The toy preset starts from nothing, so this stage gives
it a beginning of both: sounds are drawn to the texts of their classes by a sigmoid loss, and a
throw-away head names every pixel's object from SAM 2's image features.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from napari_tavis.lab.training.batches import Batch, region_images
from napari_tavis.model import TAViS, TextFeatures, preprocess


class TrainingHeads(nn.Module):
    """What only training needs, and no checkpoint keeps.

    Parameters
    ----------
    channels : sequence of int
        Channels of the image features, finest level first.
    mask_channels : int
        Channels of the features that the mask decoder multiplies its mask tokens with.
    classes : int
        Size of the vocabulary, ``P``.
    """

    def __init__(self, channels: list[int], mask_channels: int, classes: int) -> None:
        super().__init__()
        self.mask_pixels = nn.Conv2d(mask_channels, classes, 1)
        self.temperature = nn.Parameter(torch.tensor(2.3))
        self.bias = nn.Parameter(torch.tensor(-4.0))
        self.levels = nn.ModuleList(nn.Conv2d(width, 64, 1) for width in channels)
        self.pixels = nn.Sequential(nn.GELU(), nn.Conv2d(64, classes, 1))

    def presence_logits(self, embedding: Tensor, text: Tensor) -> Tensor:
        """Compare embeddings with texts by a scaled and shifted cosine.

        Parameters
        ----------
        embedding : Tensor, shape (..., D)
            Of sounds or pictures.
        text : Tensor, shape (P, D)
            Of classes.

        Returns
        -------
        Tensor, shape (..., P)
            Logits of "holds this class".
        """
        cosine = functional.normalize(embedding, dim=-1) @ functional.normalize(text, dim=-1).T
        return cosine * self.temperature.exp() + self.bias

    def pixel_logits(self, features: list[Tensor]) -> Tensor:
        """Name the object at each cell of the finest feature level.

        Parameters
        ----------
        features : list of Tensor, shapes (n, C_l, h_l, w_l)
            Image features, finest first.

        Returns
        -------
        Tensor, shape (n, P, h_0, w_0)
            Class logits.
        """
        size = features[0].shape[-2:]
        merged = sum(
            functional.interpolate(level(feature), size=size, mode="bilinear")
            for level, feature in zip(self.levels, features, strict=True)
        )
        return self.pixels(merged)


def presence_loss(logits: Tensor, present: Tensor) -> Tensor:
    """Binary cross entropy summed over the classes, averaged over the rest."""
    return (
        functional.binary_cross_entropy_with_logits(
            logits, present.to(logits.dtype), reduction="none"
        )
        .sum(-1)
        .mean()
    )


def audio_loss(heads: TrainingHeads, embedding: Tensor, batch: Batch, text: Tensor) -> Tensor:
    """Draw the sound of each window to the texts of the classes heard in it.

    Silence is drawn to the background's text.

    Parameters
    ----------
    heads : TrainingHeads
        Scale and shift of the comparison.
    embedding : Tensor, shape (n, D)
        Audio embeddings of the batch's windows.
    batch : Batch
        The clips, ``n`` frames in all.
    text : Tensor, shape (P, D)
        Class texts.
    """
    present = batch.heard.flatten(0, 1).clone()
    present[:, 0] = ~present.any(1)
    return presence_loss(heads.presence_logits(embedding, text), present)


def alignment_losses(
    model: TAViS, heads: TrainingHeads, batch: Batch, texts: TextFeatures
) -> dict[str, Tensor]:
    """Compute the losses of the alignment stage; no mask is decoded.

    Returns
    -------
    dict of str to Tensor
        The weighted terms by name, scalars.
    """
    tokens, cls = model.imagebind.encode_audio(batch.mel.flatten(0, 1))
    images = preprocess.normalise(batch.images.flatten(0, 1))
    features, _ = model.segmenter.encode(images, model.adapters(tokens))
    audio = model.imagebind.audio_head(cls)
    return {
        "audio": audio_loss(heads, audio, batch, texts.embedding),
        "pixels": pixel_loss(heads.pixel_logits(features), batch),
    }


def region_embedding(model: TAViS, batch: Batch, masks: Tensor) -> Tensor:
    """Embed the regions that masks highlight, as `TAViS.region_embedding` but fast.

    Parameters
    ----------
    model : TAViS
        Whose vision encoder looks.
    batch : Batch
        The clips.
    masks : Tensor, shape (B, T, N, h, w)
        Soft masks, 0 to 1.

    Returns
    -------
    Tensor, shape (B, T, N, D)
        Unit vectors.
    """
    shape = masks.shape[:3]
    images = batch.images[:, :, None].expand(*shape, -1, -1, -1).flatten(0, 2)
    cls = model.imagebind.encode_vision(region_images(images, masks.flatten(0, 2)))
    return model.imagebind.vision_head(cls).unflatten(0, shape)


def pixel_loss(logits: Tensor, batch: Batch) -> Tensor:
    """Name every pixel's object, sounding or not.

    Parameters
    ----------
    logits : Tensor, shape (n, P, h, w)
        Class logits.
    batch : Batch
        The clips, ``n`` frames in all.
    """
    seen = batch.visible.flatten(0, 1)
    step = seen.shape[-1] // logits.shape[-1]
    labels = seen[:, step // 2 :: step, step // 2 :: step].long()
    return functional.cross_entropy(logits, labels)
