"""What one training step sees."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor

from napari_tavis.model.features import FrozenFeatures

SMALLEST_MASK = 20
"""Masks of this many pixels or fewer are ignored, as in the authors' release."""


REGION_SIZE = 112
"""Side of the pictures that ImageBind sees, in pixels."""


@dataclass(frozen=True)
class Batch:
    """Clips with the truth about them.

    Attributes
    ----------
    images : Tensor, float32, shape (B, T, 3, S, S)
        Clips, frames, RGB channels in [0, 1], rows, columns.
    mel : Tensor, float32, shape (B, T, 1, 128, 204)
        Normalised log-mel windows.
    visible : Tensor, uint8, shape (B, T, S, S)
        Class index seen at each pixel, sounding or not; 0 is the background.
    objects : Tensor, int64, shape (B, O)
        Class indices of the clip's objects, padded with 0.
    heard : Tensor, bool, shape (B, T, P)
        The classes audible in the frame's window, seen or not.
    scene : Tensor, bool, shape (B, T, S, S), optional
        Everything that sounds, where it is more than the objects that sound.
    labelled : Tensor, bool, shape (B, T), optional
        The frames about which there is a truth; all by default.
    classified : Tensor, bool, shape (B,), optional
        The clips whose objects are known, not their scene alone; all by default.
    features : FrozenFeatures, optional
        ``B T`` rows: what ImageBind makes of the frames, if it is known already.
    names : tuple of str
        Names of the clips, if they have any.
    """

    images: Tensor
    mel: Tensor
    visible: Tensor
    objects: Tensor
    heard: Tensor
    scene: Tensor | None = None
    labelled: Tensor | None = None
    classified: Tensor | None = None
    features: FrozenFeatures | None = None
    names: tuple[str, ...] = ()

    def to(self, device: torch.device | str) -> Batch:
        """Move everything to a device."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        movable: dict[str, Any] = {
            name: value.to(device)
            for name, value in values.items()
            if isinstance(value, Tensor | FrozenFeatures)
        }
        return replace(self, **movable)


@dataclass(frozen=True)
class Targets:
    """The truth in the form in which the losses need it, about ``n`` labelled frames.

    Attributes
    ----------
    frames : Tensor, int64, shape (n,)
        Which of the batch's ``B T`` frames these are, clip-major.
    classified : Tensor, bool, shape (n,)
        Whether the objects of the frame are known, not its scene alone.
    classes : Tensor, int64, shape (n, O)
        Class index of each object.
    present : Tensor, bool, shape (n, O)
        Whether the object sounds and is seen in the frame.
    masks : Tensor, float32, shape (n, O, h, w)
        Covered share of each cell of the mask grid, 0 to 1.
    scene : Tensor, float32, shape (n, h, w)
        The same for "everything that sounds".
    """

    frames: Tensor
    classified: Tensor
    classes: Tensor
    present: Tensor
    masks: Tensor
    scene: Tensor


def object_masks(batch: Batch) -> Tensor:
    """Give every object's visible part at full resolution, whether it sounds or not.

    Returns
    -------
    Tensor, bool, shape (B, T, O, S, S)
        Clips, frames, objects, rows, columns.
    """
    classes = batch.objects[:, None, :, None, None]
    return (batch.visible[:, :, None] == classes) & (classes > 0)


def make_targets(batch: Batch, mask_size: int) -> Targets:
    """Reduce the truth to the grid of the predicted masks.

    Cells keep the *share* that an object covers: a mask learned so is exact below the cell
    size when its logits are resized bilinearly.

    Parameters
    ----------
    batch : Batch
        The clips.
    mask_size : int
        Side of the grid of the predicted masks, a divisor of the image's.

    Returns
    -------
    Targets
        One entry per labelled frame, clip-major.
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


def region_images(images: Tensor, masks: Tensor) -> Tensor:
    """Keep one region of each picture sharp and blur the rest.

    The image side of the alignment (TAViS, section 3.4) at ImageBind's size. The release pools
    75 pixels at 224, which is slow on a CPU; pooling a picture reduced to an eighth of that over
    9 pixels is nearly the same.

    Parameters
    ----------
    images : Tensor, float32, shape (n, 3, S, S)
        Pictures in [0, 1], any size.
    masks : Tensor, float32, shape (n, h, w)
        1 inside the region, 0 outside, any size; differentiable.

    Returns
    -------
    Tensor, float32, shape (n, 3, 112, 112)
        Pictures in [0, 1].
    """
    images = _resized(images)
    mask = _resized(masks[:, None].to(images.dtype))
    coarse = functional.avg_pool2d(images * (1 - mask), 4)
    coarse = functional.avg_pool2d(coarse, 9, stride=1, padding=4)
    blurred = functional.interpolate(coarse, REGION_SIZE, mode="bilinear")
    return images * mask + blurred * (1 - mask)


def _resized(pictures: Tensor) -> Tensor:
    """Bring pictures to the size that ImageBind sees."""
    if pictures.shape[-1] == REGION_SIZE:
        return pictures
    return functional.interpolate(pictures, REGION_SIZE, mode="bilinear", antialias=True)


def to_images(frames: Tensor) -> Tensor:
    """Turn stored frames into network input.

    Parameters
    ----------
    frames : Tensor, uint8, shape (..., S, S, 3)
        Rows, columns, RGB.

    Returns
    -------
    Tensor, float32, shape (..., 3, S, S)
        Values in [0, 1].
    """
    return frames.movedim(-1, -3).to(torch.float32) / 255
