"""From what the model gives for a few frames to the detections in each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from napari_tavis.annotation.linking import SMALLEST_AREA, Detection, drop_repeated
from napari_tavis.annotation.logits import cut_logits
from napari_tavis.annotation.masks import encode_mask
from napari_tavis.annotation.proposals import SCENE_NAME
from napari_tavis.core.vocabulary import BACKGROUND
from napari_tavis.engine.keeping import keep_logits
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
    background : list of Detection
        The other queries, whose most probable class is the background.
    """

    objects: list[Detection]
    scene: Detection | None
    background: list[Detection]


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
    class times the mask quality (IoU) that the decoder predicts. For a background query it is the
    probability of any other class that counts, and for the scene the highest one of any query.

    Parameters
    ----------
    found : Segmentation
        Of ``T`` frames.
    probabilities : Tensor, shape (T, N, P)
        Class probabilities of each query, background first.
    frame_indices : sequence of int, length T
        The video frames.
    size : tuple of int
        Height and width of the video's frames, which masks are cut at: see `logits.cut_logits`.
    classes : sequence of str, length P - 1
        The class names without the background.

    Returns
    -------
    list of FrameDetections
        One per frame.
    """
    results = []
    names = (BACKGROUND, *classes)
    confidence, index = probabilities.max(dim=-1)
    sounding = 1 - probabilities[..., 0]
    for row, frame in enumerate(frame_indices):
        objects: list[Detection] = []
        background: list[Detection] = []
        for query in range(probabilities.shape[1]):
            kind = int(index[row, query])
            sure = float(confidence[row, query] if kind else sounding[row, query])
            item = _detection(found, (row, query), int(frame), names[kind], sure, size)
            if item is not None:
                (objects if kind else background).append(item)
        position = row, probabilities.shape[1]
        sure = float(sounding[row].max())
        scene = _detection(found, position, int(frame), SCENE_NAME, sure, size)
        results.append(FrameDetections(objects, scene, drop_repeated(background, objects)))
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
    coarse = (logits > 0).numpy()
    if coarse.mean() < SMALLEST_AREA:
        return None
    kept = keep_logits(logits)
    mask = cut_logits(kept, size)
    if not mask.any():
        return None
    quality = min(max(float(found.iou[position]), 0.0), 1.0)
    pointer = found.object_pointer[position].numpy()
    return Detection(
        frame, class_name, probability * quality, coarse, pointer, encode_mask(mask), kept
    )
