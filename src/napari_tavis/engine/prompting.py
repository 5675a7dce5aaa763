"""Clicks, a box or a mask turned into the mask of the object that they show."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from napari_tavis.annotation.masks import cut_logits
from napari_tavis.annotation.prompts import PromptResult, Prompts
from napari_tavis.core.errors import InferenceError
from napari_tavis.engine.detection import keep_logits
from napari_tavis.engine.encoding import FrameEncoder
from napari_tavis.model.features import Features
from napari_tavis.model.sam2_segmenter import GIVEN_LOGIT

MOST_STEPS = 8  # clicks that are taken one by one; where there are more, the first ones go together


def segment_prompts(encoder: FrameEncoder, frame_index: int, prompts: Prompts) -> PromptResult:
    """Find the mask of what a person shows in a frame: the best of SAM 2's three candidates.

    As SAM 2 learned it, each click corrects the mask that those before it gave: the box or the
    first click is answered first, and the answer goes with the next click. The same prompts give
    the same mask, whatever was asked before. The frame is encoded first, unless that was done.

    Raises
    ------
    InferenceError
        If the prompts show nothing or lie outside the picture, or memory does not suffice.
    MediaError
        If the frame cannot be decoded.
    """
    size = encoder.clip.size
    if prompts.empty:
        raise InferenceError(
            "There are no prompts yet: click on the object, or draw a box around it."
        )
    if prompts.mask is not None and prompts.mask.shape != size:
        raise ValueError(f"a mask of {prompts.mask.shape} where the frames are {size}")
    shown = prompts.shares(size)
    points = torch.tensor([place[:2] for place in shown], dtype=torch.float32).reshape(-1, 2)
    labels = torch.tensor([label for _, _, label in shown], dtype=torch.int32)
    logits = None if prompts.mask is None else _certain_logits(prompts.mask)
    features = encoder.encode(frame_index).features
    first = 0 if not shown else 2 if prompts.box is not None else 1
    for count in range(max(first, len(shown) - MOST_STEPS), len(shown) + 1):
        show = partial(encoder.model.segment_prompts, features, points[:count], labels[:count])
        found = encoder.run(partial(show, logits))
        logits = _decoder_grid(found.logits, features)
    kept = keep_logits(found.logits)
    return PromptResult(cut_logits(kept, size), kept, min(max(found.iou, 0.0), 1.0))


def _decoder_grid(logits: torch.Tensor, features: Features) -> torch.Tensor:
    """Undo the enlargement of logits ``[S, S]`` to the image: prompts are read at this size."""
    return F.interpolate(
        logits[None, None], features.mask_size, mode="bilinear", align_corners=False
    )[0, 0]


def _certain_logits(mask: npt.NDArray[np.bool_]) -> torch.Tensor:
    """Turn a mask into the logits that the model takes for certain, ``[H, W]``."""
    return (torch.from_numpy(mask.astype(np.float32)) * 2 - 1) * GIVEN_LOGIT
