"""A clip as the network sees it: five frames, their instance maps, the sound and its windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_tavis.lab.toyworld.sampling import frame_times, sample_scene
from napari_tavis.lab.toyworld.scene import Scene
from napari_tavis.media.timebase import window_starts


@dataclass(frozen=True, eq=False)
class ToyClip:
    """One rendered clip with its ground truth.

    Parameters
    ----------
    seed : int
        Of the scene.
    frames : ndarray of uint8, shape (T, S, S, 3)
        Frame ``n`` (from 1) as shown at ``n - 1 + 15/16`` s.
    instances : ndarray of uint8, shape (T, S, S)
        0 background, ``i + 1`` object ``i``, sounding or not.
    class_names : tuple of str
        Class of each object.
    sounding : ndarray of bool, shape (T, objects)
        Whether the object sounds in the frame's window of two seconds.
    waveform : ndarray of float32, shape (samples,)
        16 kHz, mono.
    starts : ndarray of float64, shape (T,)
        Where the windows begin, in seconds.
    """

    seed: int
    frames: npt.NDArray[np.uint8]
    instances: npt.NDArray[np.uint8]
    class_names: tuple[str, ...]
    sounding: npt.NDArray[np.bool_]
    waveform: npt.NDArray[np.float32]
    starts: npt.NDArray[np.float64]

    @property
    def scene_mask(self) -> npt.NDArray[np.bool_]:
        """Whatever sounds: bool, shape (T, S, S)."""
        table = np.pad(self.sounding, ((0, 0), (1, 0)))
        return table[np.arange(len(table))[:, None, None], self.instances]


def make_clip(seed: int, size: int = 224, frames: int = 5) -> ToyClip:
    """Sample and render a clip of one second per frame.

    Parameters
    ----------
    seed : int
        Of the scene; the same seed gives the same scene at each size.
    size : int
        Side of the frames in pixels.
    frames : int
        How many, and the clip's length in seconds.

    Returns
    -------
    ToyClip
    """
    return render_clip(sample_scene(seed, float(frames)), size, frames)


def render_clip(scene: Scene, size: int = 224, frames: int = 5) -> ToyClip:
    """Render a scene at AVSBench's frame times.

    Parameters
    ----------
    scene : Scene
        At least ``frames`` seconds long.
    size : int
        Side of the frames in pixels.
    frames : int
        How many.

    Returns
    -------
    ToyClip
    """
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
