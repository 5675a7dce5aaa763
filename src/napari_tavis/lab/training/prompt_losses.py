"""Teaching SAM 2's part what an annotator does: clicks, boxes, masks, and following an object.

The paper starts from a SAM 2 that knows all this. The toy preset learns it beside the sound: the
same image features are decoded a second time, for one visible object of each frame, sounding or
not, from points drawn as a person would set them, and once more with a correcting click.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from napari_tavis.lab.training.batches import SMALLEST_MASK, Batch, object_masks
from napari_tavis.lab.training.losses import hard_iou, mask_loss
from napari_tavis.model import TAViS
from napari_tavis.model.decoding import NO_POINT
from napari_tavis.model.features import Features, Masks

POINTS = 2  # of the first prompt: a click, a click inside and one outside, or a box's corners

# how often a first prompt is one click, or two; otherwise it is a box
CLICK_SHARE, CLICKS_SHARE = 0.5, 0.2

BOX_JITTER = 0.1  # deviation of a drawn box's corners, as a share of its sides

Bools = npt.NDArray[np.bool_]


def prompt_losses(
    model: TAViS, features: Features, batch: Batch, generator: np.random.Generator
) -> dict[str, Tensor]:
    """Segment one visible object of each frame from prompts, and again after a correction.

    Takes features of the batch's ``B T`` frames; gives the terms, none where no object is seen.
    """
    rows, truth = _pick_objects(batch, generator)
    if not len(rows):
        return {}
    seen = features.rows(torch.from_numpy(rows).to(features.embedding.device))
    points, labels = _first_prompts(truth, generator)
    target = _shares(truth, seen)
    first = model.segmenter.segment_prompted(seen, *_tensors(points, labels, target))
    points, labels = _corrected(points, labels, first.logits, target, generator)
    second = model.segmenter.segment_prompted(
        seen, *_tensors(points, labels, target), first.logits.detach()
    )
    present = torch.ones(len(rows), device=target.device)
    return _terms("prompt", [(first, target, present), (second, target, present)])


def tracking_losses(
    model: TAViS, features: Features, batch: Batch, generator: np.random.Generator
) -> dict[str, Tensor]:
    """Follow one object of each clip from the frame in which it is given, in either direction.

    Gives the terms of the loss, none where no object is seen in a first frame.
    """
    clips, frames = batch.images.shape[:2]
    order = list(range(frames))[:: 1 if generator.random() < 0.5 else -1]
    masks = object_masks(batch).cpu().numpy()[:, order]
    areas = masks.sum((-2, -1))
    chosen = [
        (clip, int(generator.choice(visible)))
        for clip in range(clips)
        if len(visible := np.flatnonzero(areas[clip, 0] > SMALLEST_MASK))
    ]
    if not chosen:
        return {}
    memory = model.segmenter.remember_objects()
    found = []
    for step, frame in enumerate(order):
        rows = torch.tensor([clip * frames + frame for clip, _ in chosen])
        seen = features.rows(rows.to(features.embedding.device))
        target = _shares(np.stack([masks[clip, step, item] for clip, item in chosen]), seen)
        if step == 0:
            memory.condition(0, seen, target)
        else:
            present = (target.flatten(1).sum(1) > 0).float()
            found.append((memory.step(step, seen), target, present))
    return _terms("track", found)


def _terms(name: str, found: list[tuple[Masks, Tensor, Tensor]]) -> dict[str, Tensor]:
    """Compare predictions with the truth; every part has the mean over all of them."""
    candidates = torch.cat([masks.candidate_logits for masks, _, _ in found])
    quality = torch.cat([masks.candidate_iou for masks, _, _ in found])
    scores = torch.cat([masks.score for masks, _, _ in found])
    truth = torch.cat([target for _, target, _ in found])
    present = torch.cat([share for _, _, share in found])
    return {
        name: mask_loss(candidates, truth).mean(),
        f"{name}_iou": F.mse_loss(quality, hard_iou(candidates, truth)),
        f"{name}_object": 0.2 * F.binary_cross_entropy_with_logits(scores, present),
    }


def _pick_objects(
    batch: Batch, generator: np.random.Generator
) -> tuple[npt.NDArray[np.int64], Bools]:
    """Choose a visible object of each frame; give the rows that have one, and its masks."""
    masks = object_masks(batch).flatten(0, 1).cpu().numpy()
    visible = masks.sum((-2, -1)) > SMALLEST_MASK
    rows = np.flatnonzero(visible.any(1))
    items = [int(generator.choice(np.flatnonzero(visible[row]))) for row in rows]
    return rows, masks[rows, items]


def _first_prompts(
    masks: Bools, generator: np.random.Generator
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Draw points (R, POINTS, 2) and labels (R, POINTS) with which a person would begin."""
    points = np.zeros((len(masks), POINTS, 2), np.float32)
    labels = np.full((len(masks), POINTS), NO_POINT)
    for row, mask in enumerate(masks):
        kind = generator.random()
        if kind < CLICK_SHARE + CLICKS_SHARE:
            points[row, 0], labels[row, 0] = _point_in(mask, generator), 1
            if kind > CLICK_SHARE:
                points[row, 1], labels[row, 1] = _point_in(~mask, generator), 0
        else:
            points[row], labels[row] = _box_around(mask, generator), (2, 3)
    return points, labels


def _corrected(
    points: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    logits: Tensor,
    target: Tensor,
    generator: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Add a click where prediction and truth differ most; where they agree, inside the truth."""
    predicted = (logits.detach() > 0).cpu().numpy()
    true = (target > 0.5).cpu().numpy()
    clicks = np.zeros((len(points), 1, 2), np.float32)
    kinds = np.ones((len(points), 1), np.int64)
    for row in range(len(points)):
        missing, extra = true[row] & ~predicted[row], predicted[row] & ~true[row]
        kinds[row] = int(missing.sum() >= extra.sum())
        wrong = missing if kinds[row] else extra
        place = wrong if wrong.any() else true[row]
        if place.any():
            clicks[row] = _point_in(place, generator)
        else:
            kinds[row] = NO_POINT  # at the decoder's grid, the object is too small to be there
    return np.concatenate([points, clicks], 1), np.concatenate([labels, kinds], 1)


def _point_in(mask: Bools, generator: np.random.Generator) -> npt.NDArray[np.float32]:
    """Choose a pixel of a mask: column and row, 0 to 1."""
    rows, columns = np.nonzero(mask)
    pick = int(generator.integers(len(rows)))
    height, width = mask.shape
    return np.array([(columns[pick] + 0.5) / width, (rows[pick] + 0.5) / height], np.float32)


def _box_around(mask: Bools, generator: np.random.Generator) -> npt.NDArray[np.float32]:
    """Draw a box around a mask as a person would, not quite exactly: two corners."""
    rows, columns = np.nonzero(mask)
    low = np.array([columns.min(), rows.min()], np.float32)
    high = np.array([columns.max() + 1, rows.max() + 1], np.float32)
    jitter = generator.normal(0, BOX_JITTER / 2, (2, 2)).astype(np.float32) * (high - low)
    corners = np.stack([low, high]) + jitter
    return np.clip(corners / np.array(mask.shape[::-1], np.float32), 0, 1)


def _shares(masks: Bools, features: Features) -> Tensor:
    """Reduce masks to the share of each cell of the decoder's grid, on the features' device."""
    height, width = features.mask_size
    full = torch.from_numpy(masks.astype(np.float32)).to(features.embedding.device)
    return F.adaptive_avg_pool2d(full[:, None], (height, width))[:, 0]


def _tensors(
    points: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], like: Tensor
) -> tuple[Tensor, Tensor]:
    """Move prompts to where a tensor is."""
    return torch.from_numpy(points).to(like.device), torch.from_numpy(labels).to(like.device)
