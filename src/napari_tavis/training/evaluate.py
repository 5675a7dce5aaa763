"""The scores of a model on an AVSBench tree: ``napari-tavis evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_tavis.avsbench import ClipAnnotation, open_dataset
from napari_tavis.avsbench.metrics import MF, MJ
from napari_tavis.avsbench.semantic_metrics import SemanticMetric
from napari_tavis.media import log_mel, window_starts
from napari_tavis.model import Segmentation, TAViS, load_model
from napari_tavis.model.alignment import class_prompt, classify
from napari_tavis.tasks import CancelToken, Progress, no_progress
from napari_tavis.training.errors import TrainingError
from napari_tavis.vocabulary import AVSBENCH_CLASSES


def evaluate_dataset(
    root: Path | str,
    model: TAViS | str,
    *,
    subset: str,
    split: str,
    protocol: Literal["independent", "memory"] = "independent",
    device: str = "cpu",
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Score a model on one split of a dataset.

    Parameters
    ----------
    root : Path or str
        Folder of the dataset.
    model : TAViS or str
        A model, or the name or file of one.
    subset : str
        ``s4``, ``ms3``, ``v1s``, ``v1m`` or ``v2``.
    split : str
        ``train``, ``val`` or ``test``.
    protocol : {"independent", "memory"}, optional
        How SAM 2 decodes; the authors evaluate independently.
    device : str, optional
        Where a model given by name runs.
    progress : Progress, optional
        Told of each clip.
    cancel : CancelToken, optional
        Looked at after each clip.

    Returns
    -------
    dict
        ``M_J`` and ``M_F`` of the scene mask as AVSBench defines them with a batch of one clip,
        ``M_F_logits`` as TAViS's release computes it, ``frames``, and, where the labels are
        semantic, ``mIoU`` and ``F`` over 71 classes and without the background.

    Raises
    ------
    TrainingError
        If the split holds no clip.
    DatasetError
        If the dataset is damaged.
    """
    cancel = cancel or CancelToken()
    clips = open_dataset(root, subset, split)
    if not len(clips):
        raise TrainingError(f"{root} has no {split} clips in {subset}: choose another split.")
    network = load_model(model, device) if isinstance(model, str) else model
    texts = network.embed_texts([class_prompt(name) for name in AVSBENCH_CLASSES])
    mj, mf, mf_logits, semantic = MJ(), MF(), MF("logits"), SemanticMetric()
    frames, has_classes = 0, False
    for done, clip in enumerate(clips, start=1):
        cancel.check()
        found = _segment(network, clip, protocol)
        labelled = clip.labelled
        scene = found.mask_logits[labelled, -1].numpy()
        truth = clip.masks[labelled]
        for metric in (mj, mf, mf_logits):
            metric.add(scene, truth)
        if clip.class_map is not None:
            has_classes = True
            semantic.add(class_maps(found, texts)[labelled], clip.class_map[labelled])
        frames += int(labelled.sum())
        progress(done, len(clips), f"evaluating {clip.name}")
    scores: dict[str, float | int] = {"M_J": mj.value, "M_F": mf.value}
    scores["M_F_logits"] = mf_logits.value
    if has_classes:
        classes = semantic.scores()
        scores.update(mIoU=classes.miou, F=classes.f_score)
        scores["mIoU_no_background"] = classes.miou_no_background
        scores["F_no_background"] = classes.f_score_no_background
    rounded = {name: round(value, 4) for name, value in scores.items()}
    about = {"subset": subset, "split": split, "protocol": protocol, "clips": len(clips)}
    return {**about, "frames": frames, **rounded}


def _segment(model: TAViS, clip: ClipAnnotation, protocol: str) -> Segmentation:
    """Run the model over a clip as AVSBench windows it; masks at the size of its labels."""
    seconds = len(clip.frames)
    starts = window_starts(seconds, float(seconds))
    found = model.segment(clip.frames, log_mel(clip.waveform, starts), protocol=protocol)
    height, width = clip.frames.shape[1:3]
    return found.resized((height, width))


def class_maps(found: Segmentation, texts: Tensor) -> npt.NDArray[np.uint8]:
    """Compose the queries into one class per pixel.

    The score of a class at a pixel is the sum over the queries of its probability times that of
    the query's mask; a pixel at which no class reaches one half is background.

    Parameters
    ----------
    found : Segmentation
        Of a clip of ``T`` frames, its masks at the size of the labels.
    texts : Tensor, shape (P, D)
        The vocabulary, background first.

    Returns
    -------
    ndarray of uint8, shape (T, H, W)
        Class indices.
    """
    probabilities = classify(found.audio_embedding, texts)[..., 1:]
    maps = []
    for frame, logits in enumerate(found.mask_logits[:, :-1]):
        scores = torch.einsum("np,nhw->phw", probabilities[frame], logits.sigmoid())
        best, index = scores.max(0)
        maps.append(torch.where(best > 0.5, index + 1, 0).to(torch.uint8).numpy())
    return np.stack(maps)
