"""napari's sample data: a toy clip, some of whose objects sound."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_path

from napari_tavis.lab.demo import DEMO_SEED
from napari_tavis.lab.toyworld import sample_scene, write_scene_video
from napari_tavis.widgets.reader import LayerData, read_at_once

_DIRECTORY = "NAPARI_TAVIS_SAMPLES"


def sample_directory() -> Path:
    """Give the folder of the sample videos, where their sessions are saved, too.

    The environment variable ``NAPARI_TAVIS_SAMPLES`` names another one than the user's data
    folder.
    """
    chosen = os.environ.get(_DIRECTORY)
    return Path(chosen) if chosen else user_data_path("napari-tavis", appauthor=False) / "samples"


def toy_clip_file(directory: Path) -> Path:
    """Give the demo's scene, of three objects two of which sound; it is drawn on first use."""
    path = directory / f"toy-clip-{DEMO_SEED}.mp4"
    if not path.is_file():
        directory.mkdir(parents=True, exist_ok=True)
        write_scene_video(sample_scene(DEMO_SEED, count=3, sounding=2), path)
    return path


def open_toy_clip() -> LayerData:
    """Give the toy clip as napari layer data."""
    return read_at_once([str(toy_clip_file(sample_directory()))])
