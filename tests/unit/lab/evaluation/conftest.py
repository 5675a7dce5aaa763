from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import ClipAnnotation
from napari_tavis.lab.evaluation.prediction import ClipPrediction
from napari_tavis.lab.toyworld import ToyClip, make_clip
from napari_tavis.model import TAViS, load_model

SIZE = 96


@pytest.fixture(scope="session")
def toy_model() -> TAViS:
    """The bundled model."""
    return load_model("toy")


@pytest.fixture(scope="session")
def clips() -> list[ClipAnnotation]:
    """Toy clips: bell and train; a helicopter, silent in two frames; an emergency car."""
    return [annotation(make_clip(seed, size=SIZE)) for seed in (16, 3, 11)]


def annotation(clip: ToyClip) -> ClipAnnotation:
    indices = np.array([0, *(AVSBENCH_CLASSES.index(name) for name in clip.class_names)], np.uint8)
    return ClipAnnotation(
        name=f"toy-{clip.seed}",
        frames=clip.frames,
        class_map=np.where(clip.scene_mask, indices[clip.instances], 0).astype(np.uint8),
        waveform=clip.waveform,
    )


def predicted(clip: ClipAnnotation, *, swapped: tuple[int, int] | None = None) -> ClipPrediction:
    """What a model says that is right in everything, or takes one class for another."""
    assert clip.class_map is not None
    frames, height, width = clip.class_map.shape
    masks = torch.full((frames, 6, height, width), -9.0)
    masks[:, 5][torch.from_numpy(clip.masks)] = 9.0
    told = torch.zeros(frames, 5, len(AVSBENCH_CLASSES))
    told[..., 0] = 1
    embedding = torch.zeros(frames, 5, len(AVSBENCH_CLASSES))
    for frame in range(frames):
        for query, index in enumerate(i for i in np.unique(clip.class_map[frame]) if i):
            masks[frame, query][torch.from_numpy(clip.class_map[frame] == index)] = 9.0
            said = swapped[1] if swapped and index == swapped[0] else int(index)
            told[frame, query] = 0.1 / 70
            told[frame, query, said] = 0.9
            embedding[frame, query, said] = 3
    return ClipPrediction(
        mask_logits=masks,
        iou=torch.full((frames, 6), 0.8),
        audio_embedding=embedding,
        image_embedding=embedding,
        probabilities={"a2t": told, "i2t": told, "sum": told},
    )
