"""How well a model answers clicks and boxes, and follows an object, in the toy world."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import distance_transform_edt

from napari_tavis.core.tasks import Task
from napari_tavis.datasets.avsbench.metrics import iou_of_masks
from napari_tavis.lab.toyworld import ToyClip, clip_seed, make_clip
from napari_tavis.media import log_mel
from napari_tavis.model import TAViS
from napari_tavis.model.decoding import INSIDE, LOWER_RIGHT, OUTSIDE, UPPER_LEFT
from napari_tavis.model.features import Features
from napari_tavis.model.outputs import PromptedMask

CORRECTIONS = 3  # clicks after the first one, each where the mask is most wrong

# of fewer visible pixels of 224 x 224, objects are hard to hit, and passed over
SMALLEST_OBJECT = 150

Mask = npt.NDArray[np.bool_]


@dataclass
class HandScores:
    """Overlaps by what was done."""

    click: list[float] = field(default_factory=list)
    corrected: list[float] = field(default_factory=list)
    box: list[float] = field(default_factory=list)
    next_frame: list[float] = field(default_factory=list)
    last_frame: list[float] = field(default_factory=list)

    def measures(self) -> dict[str, float | int]:
        """Give the mean of each, in [0, 1], and the number of objects."""
        means = {name: round(float(np.mean(values)), 4) for name, values in vars(self).items()}
        return {**means, "objects": len(self.click)}


def hand_test(
    model: TAViS,
    clips: int,
    seed: int,
    *,
    size: int = 224,
    task: Task | None = None,
) -> dict[str, float | int]:
    """Measure prompts by hand on every object, sounding or not, in the first frame of toy clips.

    `click` is the mean IoU after a click at the point farthest inside the object, `corrected` after
    three more, each farthest inside what is missing or too much, whichever is larger; `box` that of
    the tight box. `next_frame` and `last_frame` are those of the object followed from its true
    mask, one and four seconds on, where it is still seen. Seeds are as in `toy_test`.
    """
    task = task or Task()
    scores = HandScores()
    for number in range(clips):
        task.check()
        clip = make_clip(clip_seed(seed, number), size=size)
        features = model.encode_frames(clip.frames, log_mel(clip.waveform, clip.starts)).features
        for label in range(1, len(clip.class_names) + 1):
            _score_object(model, clip, features, label, scores)
        task.report(number + 1, clips, "prompting on toy clips")
    return scores.measures()


def _score_object(
    model: TAViS, clip: ToyClip, features: Features, label: int, scores: HandScores
) -> None:
    """Prompt and follow one object of a clip."""
    truth = clip.instances == label
    if _is_small(truth[0]):
        return
    first = features.rows(slice(0, 1))
    _score_clicks(model, first, truth[0], scores)
    rows, columns = np.nonzero(truth[0])
    corners = [(columns.min(), rows.min()), (columns.max() + 1, rows.max() + 1)]
    box = model.segment_prompts(
        first,
        torch.tensor(corners, dtype=torch.float32) / truth.shape[-1],
        torch.tensor([UPPER_LEFT, LOWER_RIGHT]),
    )
    scores.box.append(_overlap(box, truth[0]))
    tracker = model.track_object()
    tracker.condition(0, first, torch.from_numpy(truth[0]).float())
    for frame in range(1, len(truth)):
        found = tracker.step(frame, features.rows(slice(frame, frame + 1)))
        for at, values in ((1, scores.next_frame), (len(truth) - 1, scores.last_frame)):
            if frame == at and not _is_small(truth[frame]):
                values.append(_overlap(found, truth[frame]))


def _score_clicks(model: TAViS, features: Features, truth: Mask, scores: HandScores) -> None:
    """Click at an object, and then where the mask is most wrong."""
    points, labels = [_deepest(truth)], [INSIDE]
    found = model.segment_prompts(features, torch.tensor(points), torch.tensor(labels))
    scores.click.append(_overlap(found, truth))
    for _ in range(CORRECTIONS):
        predicted = _mask(found, truth.shape)
        missing, extra = truth & ~predicted, predicted & ~truth
        if not (missing.any() or extra.any()):
            break
        labels.append(INSIDE if missing.sum() >= extra.sum() else OUTSIDE)
        points.append(_deepest(missing if labels[-1] == INSIDE else extra))
        found = model.segment_prompts(
            features, torch.tensor(points), torch.tensor(labels), found.logits
        )
    scores.corrected.append(_overlap(found, truth))


def _is_small(mask: Mask) -> bool:
    return bool(mask.mean() < SMALLEST_OBJECT / 224**2)


def _deepest(mask: Mask) -> tuple[float, float]:
    """Give the point farthest inside a mask: column and row, 0 to 1."""
    padded = np.pad(mask, 1)  # the frame's border is a border of the mask as well
    depth = distance_transform_edt(padded)[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(depth)), mask.shape)
    height, width = mask.shape
    return (float(column) + 0.5) / width, (float(row) + 0.5) / height


def _mask(found: PromptedMask, size: tuple[int, ...]) -> Mask:
    """Threshold a result, at the size of the truth."""
    height, width = size
    logits = torch.nn.functional.interpolate(
        found.logits[None, None], (height, width), mode="bilinear"
    )
    return np.asarray(logits[0, 0] > 0)


def _overlap(found: PromptedMask, truth: Mask) -> float:
    return float(iou_of_masks(_mask(found, truth.shape)[None], truth[None])[0])
