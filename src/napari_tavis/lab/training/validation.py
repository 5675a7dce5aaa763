"""How well the network does on clips that it does not learn from, in numbers and as a picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from PIL import Image
from torch import Tensor

from napari_tavis.annotation.overlay import OverlayMask, draw_masks
from napari_tavis.core.atomic import write_atomically
from napari_tavis.core.tasks import Task
from napari_tavis.datasets.avsbench.metrics import SemanticMetric, SemanticScores, mask_iou
from napari_tavis.lab.evaluation.prediction import ClipPrediction
from napari_tavis.lab.training.epochs import RunClips
from napari_tavis.lab.training.samples import Sample, collate
from napari_tavis.lab.training.starting import set_modes
from napari_tavis.model import TAViS
from napari_tavis.model.alignment import classify
from napari_tavis.model.backbone import Protocol
from napari_tavis.model.outputs import Segmentation, of_one_clip

TRUTH, FOUND = (64, 200, 120), (255, 140, 0)
GAP = 4  # pixels between pictures

SIDE = 224  # most pixels per side of one frame


@dataclass(frozen=True)
class ClipResult:
    """What was found in one clip."""

    name: str
    frames: npt.NDArray[np.uint8]  # (T, S, S, 3), RGB
    truth: npt.NDArray[np.bool_]  # (T, S, S), all that sounds
    found: npt.NDArray[np.bool_]  # (T, S, S), what the network takes for it
    labelled: npt.NDArray[np.bool_]  # (T,), the frames about which there is a truth


@dataclass(frozen=True)
class _Measured:
    """One clip: its masks if shown, ``M_J``, and the scores of its classes if they are known."""

    index: int
    result: ClipResult | None
    m_j: float
    classes: SemanticScores | None


def validate(
    model: TAViS,
    clips: RunClips,
    accelerator: Accelerator,
    protocol: Protocol,
    texts: Tensor | None = None,
    shown: int = 0,
    task: Task | None = None,
) -> tuple[dict[str, float], list[ClipResult]]:
    """Measure the network on the clips held out, each process on its share of them.

    Gives the scores, and the first ``shown`` clips with their masks. ``M_J`` is of the scene mask,
    the mean over the clips, each the mean of its labelled frames, as AVSBench counts it; ``mIoU``
    comes where classes are known, as AVSS's authors count it, and needs the texts (P, D) of all
    classes of AVSBench. Afterwards the network is in training mode where it learns. Cancelling
    works between clips, unless other processes would wait for this one.
    """
    task = task or Task()
    model.eval()
    found: list[_Measured] = []
    first, step = accelerator.process_index, accelerator.num_processes
    for index in range(first, clips.validation_count, step):
        if step == 1:
            task.check()
        sample, shows = clips.validation[index], index < shown
        device = accelerator.device
        found.append(_measure(model, sample, device, protocol, texts, index, shows))
        task.report(index + 1, clips.validation_count, "validating")
    set_modes(model)
    found = sorted(gather_object(found), key=lambda clip: clip.index)
    scores = {"M_J": float(np.mean([clip.m_j for clip in found]))}
    known = [clip.classes for clip in found if clip.classes is not None]
    if known:
        # over all frames of a class, whichever clips they are of, as AVSS's authors do
        frames = np.sum([classes.class_frames for classes in known], axis=0)
        sums = np.sum([classes.class_iou * classes.class_frames for classes in known], axis=0)
        scores["mIoU"] = float((sums / np.maximum(frames, 1)).mean())
    return scores, [clip.result for clip in found if clip.result is not None]


def _measure(
    model: TAViS,
    sample: Sample,
    device: torch.device,
    protocol: Protocol,
    texts: Tensor | None,
    index: int,
    shown: bool,
) -> _Measured:
    """Segment one clip, and compare what was found with the truth."""
    batch = collate([sample])
    inputs = batch.to(device)
    with model.inference():
        output = model(inputs.images, inputs.mel, protocol, inputs.features)
    segmented = of_one_clip(output, batch.images.shape[-1])
    labelled, truth = sample.labelled.numpy(), sample.scene.numpy()
    found = segmented.mask_logits[:, -1].numpy()
    result = None
    if shown:
        frames = sample.images.movedim(1, -1).numpy()
        result = ClipResult(sample.name, frames, truth, found > 0, labelled)
    m_j = float(mask_iou(found[labelled], truth[labelled]).mean())
    if texts is None or not sample.classified:
        return _Measured(index, result, m_j, None)
    metric = SemanticMetric()
    classes = _prediction(segmented, texts.cpu()).class_maps()
    metric.add(classes[labelled], batch.visible[0].numpy()[labelled])
    return _Measured(index, result, m_j, metric.scores())


def _prediction(found: Segmentation, texts: Tensor) -> ClipPrediction:
    """Classify the queries of a clip by their sound."""
    return ClipPrediction(
        mask_logits=found.mask_logits,
        iou=found.iou,
        audio_embedding=found.audio_embedding,
        image_embedding=None,
        probabilities={"a2t": classify(found.audio_embedding, texts)},
    )


def draw_results(results: Sequence[ClipResult]) -> npt.NDArray[np.uint8]:
    """Draw clips as rows, frames as columns: the truth outlined, what was found filled."""
    rows = []
    for result in results:
        step = -(-result.frames.shape[1] // SIDE)
        pictures = [
            draw_masks(
                result.frames[index, ::step, ::step],
                [
                    OverlayMask(result.found[index, ::step, ::step], FOUND),
                    OverlayMask(result.truth[index, ::step, ::step], TRUTH, filled=False),
                ],
            )
            for index in range(len(result.frames))
        ]
        framed = [np.pad(picture, ((0, GAP), (0, GAP), (0, 0))) for picture in pictures]
        rows.append(np.concatenate(framed, axis=1))
    width = max(row.shape[1] for row in rows)
    return np.concatenate(
        [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows]
    )


def write_picture(picture: npt.NDArray[np.uint8], path: Path) -> None:
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "PNG")
    write_atomically(path, data.getvalue())
