"""A scene as a real video file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.core.tasks import Task
from napari_tavis.lab.toyworld.scene import Scene
from napari_tavis.media import SAMPLE_RATE, write_video


def write_scene_video(
    scene: Scene,
    path: Path,
    *,
    size: int = 224,
    fps: float = 25,
    with_sound: bool = True,
    task: Task | None = None,
) -> Path:
    """Write a scene as an H.264 and AAC mp4 file: whole, or not at all.

    Parameters
    ----------
    scene : Scene
        What to show; frame ``k`` is the scene at ``k / fps`` seconds.
    path : Path
        Where to write; its folder must exist, a file that is there is replaced.
    size : int
        Width and height in pixels.
    fps : float
        Frames per second.
    with_sound : bool
        Whether the file gets a sound track.
    task : Task, optional
        Told how far it is; stops the work when cancelled.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    napari_tavis.media.MediaError
        If the file cannot be written.
    Cancelled
        If `task` was cancelled; nothing is left behind.
    """
    waveform = scene.waveform() if with_sound else None
    frames = _frames(scene, size, fps, task or Task())
    return write_video(path, frames, fps, waveform, SAMPLE_RATE)


def _frames(scene: Scene, size: int, fps: float, task: Task) -> Iterator[npt.NDArray[np.uint8]]:
    count = max(1, round(scene.duration * fps))
    for number in range(count):
        task.check()
        task.report(number, count, "Drawing frames")
        yield scene.render(number / fps, size)[0]
    task.report(count, count, "Drawing frames")
