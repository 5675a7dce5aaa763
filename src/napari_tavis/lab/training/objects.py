"""The objects of an annotated clip, as tensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as functional
from torch import Tensor

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import ClipAnnotation


def is_classified(clip: ClipAnnotation) -> bool:
    """Tell whether a clip's objects are known: by labels, or by a category that is a class."""
    return clip.class_map is not None or clip.category in AVSBENCH_CLASSES[1:]


def sounding_objects(
    clip: ClipAnnotation, frames: int, vocabulary: Sequence[str]
) -> tuple[Tensor, Tensor]:
    """Give a clip's objects.

    Parameters
    ----------
    clip : ClipAnnotation
        The clip.
    frames : int
        How many of its frames are wanted, ``T``.
    vocabulary : sequence of str
        The classes; objects of others are left out.

    Returns
    -------
    classes : Tensor, int64, shape (O,)
        Positions in the vocabulary.
    masks : Tensor, bool, shape (T, O, H, W)
        Where each object sounds.
    """
    scene = clip.masks[:frames]
    shown: dict[str, npt.NDArray[np.bool_]] = {}
    if clip.class_map is not None:
        numbers = {name: AVSBENCH_CLASSES.index(name) for name in clip.class_names}
        shown = {name: clip.class_map[:frames] == number for name, number in numbers.items()}
    elif is_classified(clip):
        shown = {clip.category: scene}
    known = [name for name in shown if name in vocabulary]
    classes = torch.tensor([vocabulary.index(name) for name in known], dtype=torch.int64)
    masks = np.zeros((frames, len(known), *scene.shape[1:]), dtype=bool)
    for slot, name in enumerate(known):
        masks[:, slot] = shown[name]
    return classes, torch.from_numpy(masks)


def stretch_masks(masks: Tensor, size: int) -> Tensor:
    """Bring masks ``[T, O, H, W]`` to the network's size, each pixel from its nearest."""
    shape = masks.shape
    pixels = masks.flatten(0, 1)[:, None].to(torch.uint8)
    if len(pixels) and shape[-2:] != (size, size):
        pixels = functional.interpolate(pixels, (size, size), mode="nearest-exact")
    return pixels.bool().reshape(*shape[:2], size, size)
