"""How well a model hears and sees in the toy world: ``napari-tavis toy-test``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_tavis.core.errors import ToyWorldError
from napari_tavis.core.tasks import Task
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench.metrics import MF, MJ, iou_of_masks
from napari_tavis.lab.evaluation.objects import FOUND_IOU, SMALLEST_OBJECT
from napari_tavis.lab.toyworld import ToyClip, clip_seed, make_clip, sample_scene
from napari_tavis.media import log_mel
from napari_tavis.model import Segmentation, TAViS
from napari_tavis.model.alignment import class_prompt, classify
from napari_tavis.model.backbone import Protocol

TRAINED_SEEDS = 1 << 20  # test seeds from here on would name clips that training uses

CLEAN_SHARE = 0.02

Masks = npt.NDArray[np.bool_]


@dataclass
class ToyScores:
    """Counts over clips, and the measures that follow from them."""

    mj: MJ = field(default_factory=MJ)
    mf: MF = field(default_factory=MF)
    mj_one: MJ = field(default_factory=MJ)
    mj_several: MJ = field(default_factory=MJ)
    mj_all: MJ = field(default_factory=MJ)
    mf_all: MF = field(default_factory=MF)
    overlapping: list[bool] = field(default_factory=list)
    right_class: list[bool] = field(default_factory=list)
    clean: list[bool] = field(default_factory=list)
    followed: list[bool] = field(default_factory=list)

    def measures(self) -> dict[str, float | int]:
        """Give the measures by their names in the model card, each in [0, 1], and the counts."""
        both = np.array(self.overlapping) & np.array(self.right_class)
        return {
            "M_J": _rounded(self.mj.value),
            "M_F": _rounded(self.mf.value),
            "M_J_one": _rounded(self.mj_one.value),
            "M_J_several": _rounded(self.mj_several.value),
            "M_J_all": _rounded(self.mj_all.value),
            "M_F_all": _rounded(self.mf_all.value),
            "found": _share(both),
            "class_accuracy": _share(np.array(self.right_class)[np.array(self.overlapping)]),
            "silence_clean": _share(self.clean),
            "swap_follows": _share(self.followed),
            "sounding_objects": len(self.overlapping),
            "silent_frames": len(self.clean),
            "swaps": len(self.followed),
        }


def toy_test(
    model: TAViS,
    clips: int,
    seed: int,
    *,
    size: int = 224,
    protocols: tuple[Protocol, ...] = ("independent", "memory"),
    task: Task | None = None,
) -> dict[str, Any]:
    """Measure a model on toy clips whose seeds no training has used; ready for JSON.

    A frame *sounds* if a visible object does. `M_J` and `M_F` are of the scene mask over such
    frames, each frame by itself; `M_J_one` and `M_J_several` are `M_J` of the frames in which one
    object sounds, as in S4, and of those in which several do, as in MS3; `M_J_all` and `M_F_all`
    count as AVSBench does, a clip being a batch, frames without truth included. `found` is the
    share of sounding objects (per frame) that a query with the right class covers with an IoU over
    0.5, out of all 70 AVSBench classes; `class_accuracy` the share with the right class among those
    that some query that is not background covers so. `silence_clean` is the share of frames whose
    scene mask covers under 2 % when the sound is replaced by zeros; `swap_follows` the share of
    frames and silent objects of scenes in which another object sounds, where the scene mask has an
    IoU over 0.5 with the silent object once that one is played instead.

    Each seed stands for other clips; `ToyWorldError` if it is not below those of training.
    """
    if seed >= TRAINED_SEEDS:
        raise ToyWorldError(
            f"Test seeds are below {TRAINED_SEEDS}: training has used the clips from there on."
        )
    task = task or Task()
    texts = model.embed_texts([class_prompt(name) for name in AVSBENCH_CLASSES])
    scores: dict[Protocol, ToyScores] = {protocol: ToyScores() for protocol in protocols}
    for number in range(clips):
        task.check()
        clip = make_clip(clip_seed(seed, number), size=size)
        for protocol, tally in scores.items():
            _score_clip(model, clip, texts, protocol, tally)
        task.report(number + 1, clips, "testing on toy clips")
    results: dict[str, Any] = {"clips": clips, "seed": seed, "size": size}
    results.update({protocol: tally.measures() for protocol, tally in scores.items()})
    return results


def _score_clip(
    model: TAViS, clip: ToyClip, texts: Any, protocol: Protocol, tally: ToyScores
) -> None:
    """Add one clip to the tally: as it sounds, in silence, and with sounds swapped."""
    truth = _object_masks(clip)
    sounding = clip.sounding & (truth.sum((-2, -1)) > SMALLEST_OBJECT)
    heard = _segment(model, clip, clip.waveform, protocol)
    _score_scene(_scene_logits(heard), (truth & sounding[..., None, None]).any(1), sounding, tally)
    _score_objects(heard, clip, truth, sounding, texts, tally)

    silent = _segment(model, clip, np.zeros_like(clip.waveform), protocol)
    tally.clean.extend((_scene_logits(silent) > 0).mean((-2, -1)) < CLEAN_SHARE)
    _score_swaps(model, clip, truth, sounding, protocol, tally)


def _segment(
    model: TAViS, clip: ToyClip, waveform: npt.NDArray[np.float32], protocol: Protocol
) -> Segmentation:
    """Segment a clip's frames with some sound; the masks get the size of the frames."""
    found = model.segment(clip.frames, log_mel(waveform, clip.starts), protocol=protocol)
    height, width = clip.frames.shape[1:3]
    return found.resized((height, width))


def _object_masks(clip: ToyClip) -> Masks:
    """Give the visible part of each object, (T, objects, S, S)."""
    labels = np.arange(1, len(clip.class_names) + 1)
    return np.asarray(clip.instances[:, None] == labels[None, :, None, None])


def _scene_logits(segmentation: Segmentation) -> npt.NDArray[np.float32]:
    """Give the mask logits of the scene query, (T, S, S)."""
    return np.asarray(segmentation.mask_logits[:, -1])


def _score_scene(
    logits: npt.NDArray[np.float32],
    truth: Masks,
    sounding: npt.NDArray[np.bool_],
    tally: ToyScores,
) -> None:
    """Count the scene mask, frame by frame and as AVSBench does."""
    tally.mj_all.add(logits, truth)
    tally.mf_all.add(logits, truth)
    for frame in np.flatnonzero(truth.any((-2, -1))):
        by_number = tally.mj_one if sounding[frame].sum() == 1 else tally.mj_several
        for mj in (tally.mj, by_number):
            mj.add(logits[frame, None], truth[frame, None])
        tally.mf.add(logits[frame, None], truth[frame, None])


def _score_objects(
    heard: Segmentation,
    clip: ToyClip,
    truth: Masks,
    sounding: npt.NDArray[np.bool_],
    texts: Any,
    tally: ToyScores,
) -> None:
    """Look for each sounding object among the queries that are not background."""
    classes = np.asarray(classify(heard.audio_embedding, texts).argmax(-1))
    masks = np.asarray(heard.mask_logits[:, :-1] > 0)
    for frame, item in zip(*np.nonzero(sounding), strict=True):
        overlaps = iou_of_masks(
            masks[frame], np.broadcast_to(truth[frame, item], masks[frame].shape)
        )
        overlaps = np.where(classes[frame] == 0, 0, overlaps)  # background queries find nothing
        right = classes[frame] == AVSBENCH_CLASSES.index(clip.class_names[item])
        covering = overlaps > FOUND_IOU
        tally.overlapping.append(bool(covering.any()))
        tally.right_class.append(bool((covering & right).any()))


def _score_swaps(
    model: TAViS,
    clip: ToyClip,
    truth: Masks,
    sounding: npt.NDArray[np.bool_],
    protocol: Protocol,
    tally: ToyScores,
) -> None:
    """Play each object that was silent while another one sounded."""
    scene = sample_scene(clip.seed)
    for item in range(len(clip.class_names)):
        others = np.delete(sounding, item, axis=1).any(1)
        visible = truth[:, item].sum((-2, -1)) > SMALLEST_OBJECT
        cases = np.flatnonzero(others & visible & ~clip.sounding[:, item])
        if not len(cases):
            continue
        swapped = _segment(model, clip, scene.waveform(only=[item]), protocol)
        overlaps = iou_of_masks(_scene_logits(swapped) > 0, truth[:, item])
        tally.followed.extend(overlaps[cases] > FOUND_IOU)


def _rounded(value: float) -> float:
    return round(float(value), 4)


def _share(values: Any) -> float:
    """Give the share of true entries; NaN where there are none."""
    return _rounded(np.mean(values)) if len(values) else float("nan")
