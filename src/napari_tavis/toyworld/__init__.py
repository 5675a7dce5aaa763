"""Small synthetic audio-visual scenes with exact ground truth; the generator imports no torch."""

from __future__ import annotations

from napari_tavis.toyworld.classes import CLASSES
from napari_tavis.toyworld.clip import ToyClip, make_clip, render_clip
from napari_tavis.toyworld.objects import SceneObject
from napari_tavis.toyworld.sampling import clip_seed, sample_scene
from napari_tavis.toyworld.scene import Scene

__all__ = [
    "CLASSES",
    "Scene",
    "SceneObject",
    "ToyClip",
    "clip_seed",
    "make_clip",
    "render_clip",
    "sample_scene",
]
