"""A folder with every subset of AVSBench, of clips of the toy world."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import ClipAnnotation, write_clip
from napari_tavis.lab.toyworld import render_clip, sample_scene

SIZE = 64


def toy_annotation(name: str, seed: int, frames: int = 5) -> ClipAnnotation:
    """Draw a clip whose objects all count as sounding in every frame."""
    clip = render_clip(sample_scene(seed, float(frames)), SIZE, frames)
    classes = [AVSBENCH_CLASSES.index(class_name) for class_name in clip.class_names]
    lookup = np.array([0, *classes], np.uint8)
    return ClipAnnotation(
        name=name,
        frames=clip.frames,
        class_map=lookup[clip.instances],
        waveform=clip.waveform,
        sound_classes=tuple(clip.class_names),
    )


@pytest.fixture(scope="session")
def make_annotation() -> Callable[..., ClipAnnotation]:
    """Give the function that draws a clip."""
    return toy_annotation


@pytest.fixture(scope="session")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """S4 and v1s share two clips, MS3 and v1m one; v2 has one of ten frames, to test on."""
    root = tmp_path_factory.mktemp("trees")
    for subset in ("s4", "v1s"):
        write_clip(root, subset, "train", toy_annotation("alone-0", 11))
        write_clip(root, subset, "val", toy_annotation("alone-1", 12))
    for subset in ("ms3", "v1m"):
        write_clip(root, subset, "train", toy_annotation("many-0", 13))
    write_clip(root, "v2", "test", toy_annotation("long-0", 14, frames=10))
    return root
