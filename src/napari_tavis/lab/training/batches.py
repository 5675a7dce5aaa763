"""What one training step sees."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor

from napari_tavis.model.features import FrozenFeatures

SMALLEST_MASK = 20  # masks of this many pixels or fewer are ignored, as in the authors' release


@dataclass(frozen=True)
class Batch:
    """Clips with the truth about them."""

    images: Tensor  # (B, T, 3, S, S), float32, RGB, 0 to 1
    mel: Tensor  # (B, T, 1, 128, 204), float32, normalised log-mel windows
    visible: Tensor  # (B, T, S, S), uint8, class seen at each pixel, sounding or not; 0: background
    objects: Tensor  # (B, O), int64, classes of the clip's objects, padded with 0
    heard: Tensor  # (B, T, P), bool, classes audible in the frame's window, seen or not
    # (B, T, S, S), bool, everything that sounds, if that is more than the objects that do
    scene: Tensor | None = None
    labelled: Tensor | None = None  # (B, T), bool, frames about which there is a truth; None: all
    # (B,), bool, clips whose objects are known, not their scene alone; None: all
    classified: Tensor | None = None
    # B T rows, what ImageBind makes of the frames, if it is known already
    features: FrozenFeatures | None = None
    names: tuple[str, ...] = ()  # of the clips, if they have any

    def to(self, device: torch.device | str) -> Batch:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        movable: dict[str, Any] = {
            name: value.to(device)
            for name, value in values.items()
            if isinstance(value, Tensor | FrozenFeatures)
        }
        return replace(self, **movable)


@dataclass(frozen=True)
class Targets:
    """The truth in the form in which the losses need it, about ``n`` labelled frames."""

    frames: Tensor  # (n,), int64, which of the batch's B T frames these are, clip-major
    classified: Tensor  # (n,), bool, whether the frame's objects are known, not its scene alone
    classes: Tensor  # (n, O), int64, class of each object
    present: Tensor  # (n, O), bool, whether the object sounds and is seen in the frame
    masks: Tensor  # (n, O, h, w), covered share of each cell of the mask grid, 0 to 1
    scene: Tensor  # (n, h, w), the same for everything that sounds


def object_masks(batch: Batch) -> Tensor:
    """Give every object's visible part, whether it sounds or not: bool, (B, T, O, S, S)."""
    classes = batch.objects[:, None, :, None, None]
    return (batch.visible[:, :, None] == classes) & (classes > 0)


def make_targets(batch: Batch, mask_size: int) -> Targets:
    """Reduce the truth to the grid of the predicted masks, whose side divides the image's.

    Cells keep the *share* that an object covers: a mask learned so is exact below the cell size
    when its logits are resized bilinearly.
    """
    flags = batch.labelled
    if flags is None:
        flags = torch.ones_like(batch.heard[:, :, 0])
    chosen = flags.flatten().nonzero()[:, 0]
    full = object_masks(batch)
    clips, frames, count, size, _ = full.shape
    area = full.sum(dim=(-2, -1))
    classes = batch.objects[:, None].expand(clips, frames, count)
    present = batch.heard.gather(2, classes) & (area > SMALLEST_MASK)
    masks = functional.avg_pool2d(full.flatten(0, 2)[:, None].float(), size // mask_size)
    masks = masks.view(clips * frames, count, mask_size, mask_size)
    present = present.flatten(0, 1)
    if batch.scene is None:
        scene = (masks * present[..., None, None]).sum(dim=1).clamp(max=1)
    else:
        scene = functional.avg_pool2d(batch.scene.float(), size // mask_size).flatten(0, 1)
    known = batch.classified
    known = torch.ones_like(flags) if known is None else known[:, None].expand_as(flags)
    return Targets(
        frames=chosen,
        classified=known.flatten()[chosen],
        classes=classes.flatten(0, 1)[chosen],
        present=present[chosen],
        masks=masks[chosen],
        scene=scene[chosen],
    )


def to_images(frames: Tensor) -> Tensor:
    """Turn stored frames (..., S, S, 3), uint8, into network input (..., 3, S, S), 0 to 1."""
    return frames.movedim(-1, -3).to(torch.float32) / 255
