"""From what the model gives for a few frames to the detections in each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from napari_tavis.inference.linking import SMALLEST_AREA, Detection
from napari_tavis.inference.masks import Mask, encode_mask
from napari_tavis.inference.proposals import SCENE_NAME
from napari_tavis.model import Segmentation


@dataclass(frozen=True)
class FrameDetections:
    """What sounds in one frame.

    Parameters
    ----------
    objects : list of Detection
        At most one per query.
    scene : Detection or None
        The mask of everything that sounds, if it is not empty.
    """

    objects: list[Detection]
    scene: Detection | None


def detect(
    found: Segmentation,
    probabilities: Tensor,
    frame_indices: Sequence[int],
    size: tuple[int, int],
    classes: Sequence[str],
) -> list[FrameDetections]:
    """Read the detections off the model's result.

    A query whose most probable class is the background holds no object, nor does one whose
    mask covers less than a thousandth of the frame. A detection's score is the probability of its
    class times the mask quality (IoU) that the decoder predicts; the scene's is the
    highest probability of any query that it is not background, times its mask's quality.

    Parameters
    ----------
    found : Segmentation
        Of ``T`` frames.
    probabilities : Tensor, shape (T, N, P)
        Class probabilities of each query, background first.
    frame_indices : sequence of int, length T
        The video frames.
    size : tuple of int
        Height and width of the video's frames: mask logits are resized to it bilinearly, then
        thresholded.
    classes : sequence of str, length P - 1
        The class names without the background.

    Returns
    -------
    list of FrameDetections
        One per frame.
    """
    results = []
    queries = probabilities.shape[1]
    sounding = (1 - probabilities[..., 0]).amax(dim=1)
    confidence, index = probabilities.max(dim=-1)
    for row, frame in enumerate(frame_indices):
        objects = [
            _detection(
                found,
                (row, query),
                int(frame),
                classes[int(index[row, query]) - 1],
                float(confidence[row, query]),
                size,
            )
            for query in range(queries)
            if index[row, query] > 0
        ]
        scene = _detection(
            found, (row, queries), int(frame), SCENE_NAME, float(sounding[row]), size
        )
        results.append(FrameDetections([item for item in objects if item is not None], scene))
    return results


def _detection(
    found: Segmentation,
    position: tuple[int, int],
    frame: int,
    class_name: str,
    probability: float,
    size: tuple[int, int],
) -> Detection | None:
    """Make the detection of one query in one frame, unless its mask is too small."""
    logits = found.mask_logits[position]
    mask = (logits > 0).numpy()
    if mask.mean() < SMALLEST_AREA:
        return None
    quality = min(max(float(found.iou[position]), 0.0), 1.0)
    full = mask_at_size(logits, size)
    pointer = found.object_pointer[position].numpy()
    return Detection(frame, class_name, probability * quality, mask, pointer, encode_mask(full))


def mask_at_size(logits: Tensor, size: tuple[int, int]) -> Mask:
    """Give a mask at the video's size: logits resized bilinearly, then thresholded at 0.

    Parameters
    ----------
    logits : Tensor, shape (S, S)
        Mask logits.
    size : tuple of int
        Height and width.

    Returns
    -------
    ndarray of bool, shape (H, W)
        The mask.
    """
    with torch.no_grad():
        resized = F.interpolate(logits[None, None], size=size, mode="bilinear", align_corners=False)
        return np.asarray(resized[0, 0] > 0)
