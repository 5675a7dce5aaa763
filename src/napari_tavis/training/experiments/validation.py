"""How well the network does on clips that it does not learn from."""

from __future__ import annotations

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch.nn import functional as F

from napari_tavis.avsbench.metrics import mask_iou
from napari_tavis.model import TAViS
from napari_tavis.tasks import CancelToken, Progress, no_progress
from napari_tavis.training.batches import Batch
from napari_tavis.training.experiments.clips import RunClips
from napari_tavis.training.experiments.config import Protocol
from napari_tavis.training.experiments.pictures import ClipResult
from napari_tavis.training.experiments.starting import set_modes
from napari_tavis.training.samples import collate


def validate(
    model: TAViS,
    clips: RunClips,
    accelerator: Accelerator,
    protocol: Protocol,
    shown: int = 0,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[float, list[ClipResult]]:
    """Measure ``M_J`` of the scene mask, each process on its share of the clips.

    Parameters
    ----------
    model : TAViS
        The network; afterwards it is in training mode where it learns.
    clips : RunClips
        The clips held out for this.
    accelerator : Accelerator
        Which knows the other processes.
    protocol : {"independent", "memory"}
        How the segmenter decodes.
    shown : int
        Clips whose masks are given back, the first ones.
    progress : Progress, optional
        Told of every clip.
    cancel : CancelToken, optional
        Looked at for every clip, unless other processes would wait for this one.

    Returns
    -------
    float
        The mean over the clips, each the mean of its labelled frames, as AVSBench counts it.
    list of ClipResult
        Of the clips to be shown, in the main process.
    """
    model.eval()
    scores: list[tuple[int, float]] = []
    results: list[tuple[int, ClipResult]] = []
    for index in range(
        accelerator.process_index, clips.validation_count, accelerator.num_processes
    ):
        result, score = _measure(
            model, collate([clips.validation[index]]).to(accelerator.device), protocol
        )
        scores.append((index, score))
        if index < shown:
            results.append((index, result))
        progress(index + 1, clips.validation_count, "validating")
    set_modes(model)
    scores, results = gather_object(scores), gather_object(results)
    mean = sum(score for _, score in scores) / max(len(scores), 1)
    return mean, [result for _, result in sorted(results, key=lambda item: item[0])]


def _measure(model: TAViS, batch: Batch, protocol: Protocol) -> tuple[ClipResult, float]:
    """Segment one clip, and compare its scene mask with the truth."""
    with model.inference():
        output = model(batch.images, batch.mel, protocol, batch.features)
    size = batch.images.shape[-2:]
    logits = F.interpolate(output.mask_logits[0, :, -1:].float(), size, mode="bilinear")[:, 0]
    found = logits.cpu().numpy()
    truth = scene_of(batch)[0].cpu().numpy()
    flags = batch.labelled
    labelled = (torch.ones(len(found)) if flags is None else flags[0].cpu()).numpy().astype(bool)
    frames = (batch.images[0] * 255).round().to(torch.uint8).movedim(1, -1).cpu().numpy()
    score = float(mask_iou(found[labelled], truth[labelled]).mean())
    return ClipResult(batch.names[0], frames, truth, found > 0, labelled), score


def scene_of(batch: Batch) -> torch.Tensor:
    """Give the mask of all that sounds, bool ``[B, T, S, S]``."""
    if batch.scene is not None:
        return batch.scene.bool()
    heard = batch.heard.gather(2, batch.visible.long().flatten(2))
    return heard.view(batch.visible.shape) & (batch.visible > 0)
