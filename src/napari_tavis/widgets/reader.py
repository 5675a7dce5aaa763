"""napari's reader of video files: drag and drop gives an Image layer of lazily decoded frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from napari.layers import Layer
from napari.utils.notifications import show_error, show_warning

from napari_tavis.errors import TavisError
from napari_tavis.media import Clip, open_clip
from napari_tavis.project.listing import VIDEO_SUFFIXES

LayerData: TypeAlias = list[tuple[Any, ...]]

CLIP_KEY = "napari_tavis_clip"
"""Where the metadata of a video's Image layer keep its `Clip`."""


def get_reader(path: str | Sequence[str]) -> Callable[[Any], LayerData] | None:
    """Give the reader for a path, or None where it is no video by its name.

    Parameters
    ----------
    path : str or sequence of str
        What was dropped into napari, or chosen in a dialog.
    """
    paths = [path] if isinstance(path, str) else list(path)
    if not all(Path(one).suffix.lower() in VIDEO_SUFFIXES for one in paths):
        return None
    return read_videos


def read_videos(path: str | Sequence[str]) -> LayerData:
    """Read videos as Image layers.

    What cannot be read is said in a notification; the rest is read.

    Parameters
    ----------
    path : str or sequence of str
        The video files.

    Returns
    -------
    list of tuple
        napari layer data; napari's mark for "nothing to show" if no file could be read.
    """
    layers: LayerData = []
    for one in [path] if isinstance(path, str) else path:
        try:
            clip = open_clip(one)
        except TavisError as error:
            show_error(str(error))
        else:
            for warning in clip.warnings:
                show_warning(warning)
            layers.append(clip_layer_data(clip))
    return layers or [(None,)]


def clip_layer_data(clip: Clip) -> tuple[Any, dict[str, Any], str]:
    """Give the Image layer of a clip as napari layer data.

    Parameters
    ----------
    clip : Clip
        An open clip; the layer keeps it.
    """
    options = {"name": Path(clip.path).stem, "rgb": True, "metadata": {CLIP_KEY: clip}}
    return clip.frames, options, "image"


def clip_of(layer: Layer) -> Clip | None:
    """Give the clip that a layer shows, or None if it shows none."""
    return layer.metadata.get(CLIP_KEY)
