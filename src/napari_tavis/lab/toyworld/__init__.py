"""Small synthetic audio-visual scenes with exact ground truth; the generator imports no torch."""

from __future__ import annotations

from napari_tavis.core.errors import ToyWorldError
from napari_tavis.lab.toyworld.classes import CLASSES
from napari_tavis.lab.toyworld.clip import ToyClip, make_clip, render_clip, write_scene_video
from napari_tavis.lab.toyworld.dataset import heard_classes, write_toy_dataset
from napari_tavis.lab.toyworld.objects import SceneObject
from napari_tavis.lab.toyworld.sampling import clip_seed, sample_scene
from napari_tavis.lab.toyworld.scene import Scene

__all__ = [
    "CLASSES",
    "Scene",
    "SceneObject",
    "ToyClip",
    "ToyWorldError",
    "clip_seed",
    "heard_classes",
    "make_clip",
    "render_clip",
    "sample_scene",
    "write_scene_video",
    "write_toy_dataset",
]
