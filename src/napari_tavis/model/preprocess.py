"""Frames of a video to the images that the encoders see."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

# the release stretches every frame to this first, whatever the network's input size
RELEASE_SIZE = 1024

IMAGEBIND_SIZE = 224  # ImageBind sees half of an image of this size

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


def stretch_frames(frames: np.ndarray | Tensor, size: int) -> Tensor:
    """Bring uint8 frames (T, H, W, 3) to the network's input, (T, 3, size, size) from 0 to 1.

    As the release does in its evaluation, frames are stretched to 1024x1024 and from there to the
    input size, both bilinearly with Pillow. Frames that already have the input size are taken as
    they are: they have been through this, or were made at this size.
    """
    return stretch_pixels(frames, size).permute(0, 3, 1, 2).float() / 255


def stretch_pixels(frames: np.ndarray | Tensor, size: int) -> Tensor:
    """Stretch frames as `stretch_frames` does, but keep them as uint8 (T, size, size, 3)."""
    pixels = frames.cpu().numpy() if isinstance(frames, Tensor) else np.asarray(frames)
    if pixels.ndim != 4 or pixels.shape[-1] != 3 or pixels.dtype != np.uint8:
        raise ValueError(
            f"Frames must be uint8 of shape (T, H, W, 3), not {pixels.dtype} of {pixels.shape}."
        )
    if pixels.shape[1:3] != (size, size):
        stretched = [_stretch(frame, size) for frame in pixels]
        pixels = np.stack(stretched) if stretched else np.zeros((0, size, size, 3), np.uint8)
    return torch.from_numpy(np.array(pixels))


def _stretch(frame: np.ndarray, size: int) -> np.ndarray:
    image = Image.fromarray(np.ascontiguousarray(frame))
    image = image.resize((RELEASE_SIZE, RELEASE_SIZE), Image.Resampling.BILINEAR)
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))


def imagebind_size(images: Tensor) -> Tensor:
    """Bring images (n, 3, S, S) to the size that ImageBind's halving starts from, 224."""
    if images.shape[-1] == IMAGEBIND_SIZE:
        return images
    size = (IMAGEBIND_SIZE, IMAGEBIND_SIZE)
    return F.interpolate(images, size=size, mode="bilinear", align_corners=False, antialias=True)


def halve(images: Tensor) -> Tensor:
    """Halve images (n, 3, 224, 224) bilinearly: the mean of each two by two pixels."""
    size = (images.shape[-2] // 2, images.shape[-1] // 2)
    return F.interpolate(images, size=size, mode="bilinear", align_corners=False)


def normalise(images: Tensor) -> Tensor:
    """Take ImageNet's mean and deviation out of images (n, 3, S, S) with values 0 to 1."""
    mean = images.new_tensor(IMAGENET_MEAN).view(3, 1, 1)
    deviation = images.new_tensor(IMAGENET_DEVIATION).view(3, 1, 1)
    return (images - mean) / deviation
