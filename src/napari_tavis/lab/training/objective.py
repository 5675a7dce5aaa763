"""The loss of a batch as the mean over its clips (paper, section 3.5).

Each clip's loss is normalised by what that clip holds, so that the loss of a batch is the same
however the batch is divided among processes or computed part by part, and a clip that spoils it
can be named.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from napari_tavis.lab.training.batches import Batch, make_targets
from napari_tavis.lab.training.losses import LossSwitches, tavis_loss
from napari_tavis.model import TAViS, TAViSOutput, TextFeatures
from napari_tavis.model.backbone import Protocol


class Objective(nn.Module):
    """The network together with its loss: what several processes share the gradient of.

    Parameters
    ----------
    model : TAViS
        The network.
    texts : TextFeatures
        The vocabulary, constant.
    switches : LossSwitches
        The terms of the alignment.
    protocol : {"independent", "memory"}
        How the segmenter decodes.
    """

    text_embedding: Tensor
    text_trunk: Tensor

    def __init__(
        self, model: TAViS, texts: TextFeatures, switches: LossSwitches, protocol: Protocol
    ) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("text_embedding", texts.embedding, persistent=False)
        self.register_buffer("text_trunk", texts.trunk, persistent=False)
        self.switches, self.protocol = switches, protocol

    def forward(self, batch: Batch, step: int = 0) -> dict[str, Tensor]:
        """Compute every term for every clip.

        Parameters
        ----------
        batch : Batch
            ``B`` clips.
        step : int
            Of the run; every term is there at every step.

        Returns
        -------
        dict of str to Tensor, shape (B,)
            The weighted terms by name; their sum is minimised.
        """
        output = self.model(batch.images, batch.mel, self.protocol, batch.features)
        output = _in_single_precision(output)
        regions = None
        if self.switches.regions:
            queries = output.audio_embedding.shape[2]
            regions = self.model.region_embedding(batch.images, output.mask_logits[:, :, :queries])
        with torch.autocast(batch.images.device.type, enabled=False):
            return self._terms(batch, output, regions)

    def _terms(
        self, batch: Batch, output: TAViSOutput, regions: Tensor | None
    ) -> dict[str, Tensor]:
        """Compare what was found with the truth, clip by clip."""
        texts = TextFeatures(embedding=self.text_embedding, trunk=self.text_trunk)
        size = output.mask_logits.shape[-1]
        regions = None if regions is None else regions.float()
        alone = replace(self.switches, a2i=False)  # contrasts the clips of a batch
        clips = []
        frames = torch.arange(batch.images.shape[1], device=batch.images.device)
        for row in range(len(batch.images)):
            targets = make_targets(clip_of(batch, row), size)
            found = output.choose(row * len(frames) + frames)
            seen = None if regions is None else regions[row : row + 1]
            clips.append(tavis_loss(found, targets, texts, seen, alone))
        terms = {name: torch.stack([clip[name] for clip in clips]) for name in clips[0]}
        if self.switches.a2i:
            whole = tavis_loss(output, make_targets(batch, size), texts, regions, self.switches)
            terms["a2i"] = whole["a2i"].expand(len(clips))
        return terms


def clip_of(batch: Batch, row: int) -> Batch:
    """Give one clip of a batch as a batch; its ready-made features are left out."""
    chosen: dict[str, Any] = {
        field.name: value[row : row + 1]
        for field in fields(batch)
        if isinstance(value := getattr(batch, field.name), Tensor | tuple)
    }
    return replace(batch, **{**chosen, "features": None})


def _in_single_precision(output: TAViSOutput) -> TAViSOutput:
    """Turn what was computed in half precision into float32."""
    changed: dict[str, Any] = {
        field.name: value.float()
        for field in fields(output)
        if isinstance(value := getattr(output, field.name), Tensor)
    }
    return replace(output, **changed)
