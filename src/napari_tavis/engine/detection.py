"""From the model's result to the detections in each frame, and from these to proposals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_tavis.annotation.linking import (
    SMALLEST_AREA,
    Detection,
    Linker,
    Track,
    drop_repeated,
)
from napari_tavis.annotation.masks import PackedMasks, cut_logits, encode_logits, encode_mask
from napari_tavis.annotation.proposals import SCENE_NAME, ObjectKind, Proposal
from napari_tavis.core.vocabulary import BACKGROUND
from napari_tavis.model import Segmentation

# Pixels per side that are kept. SAM 2 decodes masks on a grid of a quarter of the image's side: of
# an image of 1024 pixels this is all there is, and what the model gives is that grid enlarged.
MOST_SIDE = 256
MOST_BACKGROUND = 5  # background proposals that are kept, the best: one per query


@dataclass(frozen=True)
class FrameDetections:
    """What sounds in one frame."""

    objects: list[Detection]  # at most one per query
    scene: Detection | None  # the mask of everything that sounds, if it is not empty
    background: list[Detection]  # the other queries, whose most probable class is the background


def detect(
    found: Segmentation,
    probabilities: Tensor,
    frame_indices: Sequence[int],
    size: tuple[int, int],
    classes: Sequence[str],
) -> list[FrameDetections]:
    """Read the detections of ``T`` frames off the model's result, one `FrameDetections` each.

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
        Height and width of the video's frames, at which masks are cut: see `masks.cut_logits`.
    classes : sequence of str, length P - 1
        The class names without the background.
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
        position = row, probabilities.shape[1]  # the scene's comes after the queries'
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
    if coarse.mean() < SMALLEST_AREA:  # before encoding, which takes longer
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


@torch.no_grad()
def keep_logits(logits: Tensor) -> bytes:
    """Encode mask logits, (S, S), by `masks.encode_logits`; larger ones shrink to `MOST_SIDE`."""
    if logits.shape[-1] > MOST_SIDE:
        size = (MOST_SIDE, MOST_SIDE)
        logits = F.interpolate(logits[None, None], size, mode="bilinear", align_corners=False)[0, 0]
    return encode_logits(logits.float().cpu().numpy())


class ProposalCollector:
    """Links objects and background queries over time, each on its own, and keeps the scene.

    `size` is the height and width of the video's frames, in pixels.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._objects = Linker()
        self._background = Linker()
        self._scene: Track | None = None

    def add_frame(self, found: FrameDetections) -> None:
        """Add the detections of the next frame."""
        self._objects.add_frame(found.objects)
        self._background.add_frame(found.background)
        if found.scene is not None:
            self._scene = self._scene or Track(found.scene)
            self._scene.add(found.scene)

    def proposals(self) -> list[Proposal]:
        """Give the objects, best first, then `MOST_BACKGROUND` others at most, then the scene."""
        found = [self._proposal(track, track.class_name) for track in _ranked(self._objects)]
        for track in _ranked(self._background)[:MOST_BACKGROUND]:
            found.append(self._proposal(track, BACKGROUND, "background"))
        if self._scene is not None:
            found.append(self._proposal(self._scene, SCENE_NAME, "scene"))
        return found

    def _proposal(self, track: Track, name: str, kind: ObjectKind = "object") -> Proposal:
        masks = PackedMasks(self._size)
        for frame, png in track.pngs.items():
            masks.put_encoded(frame, png)
        return Proposal(name, track.score, masks, dict(track.scores), kind, dict(track.logits))


def _ranked(linker: Linker) -> list[Track]:
    return sorted(linker.tracks, key=lambda track: track.score, reverse=True)
