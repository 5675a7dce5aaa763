"""A scene rendered: as the network sees it, or as a video file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.core.tasks import Task
from napari_tavis.lab.toyworld.sampling import frame_times, sample_scene
from napari_tavis.lab.toyworld.scene import Scene
from napari_tavis.media import SAMPLE_RATE, write_video
from napari_tavis.media.timebase import window_starts


@dataclass(frozen=True, eq=False)
class ToyClip:
    """One rendered clip with its ground truth."""

    seed: int  # of the scene
    frames: npt.NDArray[np.uint8]  # (T, S, S, 3), frame n (from 1) as shown at n - 1 + 15/16 s
    instances: npt.NDArray[np.uint8]  # (T, S, S), 0 background, i + 1 object i, sounding or not
    class_names: tuple[str, ...]  # of each object
    # (T, objects), whether it sounds in the frame's window of two seconds
    sounding: npt.NDArray[np.bool_]
    waveform: npt.NDArray[np.float32]  # 16 kHz, mono
    starts: npt.NDArray[np.float64]  # (T,), where the windows begin, in seconds

    @property
    def scene_mask(self) -> npt.NDArray[np.bool_]:
        """Whatever sounds, (T, S, S)."""
        table = np.pad(self.sounding, ((0, 0), (1, 0)))  # the background never sounds
        return table[np.arange(len(table))[:, None, None], self.instances]


def make_clip(seed: int, size: int = 224, frames: int = 5) -> ToyClip:
    """Sample and render a clip of one second per frame.

    The same seed gives the same scene at each size.
    """
    return render_clip(sample_scene(seed, float(frames)), size, frames)


def render_clip(scene: Scene, size: int = 224, frames: int = 5) -> ToyClip:
    """Render a scene of at least ``frames`` seconds at AVSBench's frame times."""
    drawn = [scene.render(float(time), size) for time in frame_times(frames)]
    starts = window_starts(frames, scene.duration)
    return ToyClip(
        seed=scene.seed,
        frames=np.stack([picture for picture, _ in drawn]),
        instances=np.stack([instances for _, instances in drawn]),
        class_names=scene.class_names,
        sounding=scene.sounding(starts),
        waveform=scene.waveform(),
        starts=starts,
    )


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

    Frame ``k``, ``size`` pixels wide and high, is the scene at ``k / fps`` seconds. The folder must
    exist; a file that is there is replaced. Raises `MediaError` if the file cannot be written, and
    `Cancelled`, leaving nothing behind.
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
