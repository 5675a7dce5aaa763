"""Toy clips as real videos with exact ground truth in AVSBench's folders."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_tavis.core.errors import ToyWorldError
from napari_tavis.core.tasks import Task
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import ClipAnnotation, write_clip
from napari_tavis.datasets.avsbench.writer import OFF_SCREEN
from napari_tavis.lab.toyworld.clip import write_scene_video
from napari_tavis.lab.toyworld.sampling import clip_seed, frame_times, sample_scene
from napari_tavis.lab.toyworld.scene import Camera, Scene
from napari_tavis.media import open_clip, window_starts

FPS = 16  # frame 15 of each second is then shown exactly when AVSBench samples it, at 15/16 s

VIDEO_FOLDER = "videos"

_SPLITS = ("train", "test", "val", "train", "train", "train", "test", "train", "train", "train")


def split_of(index: int) -> str:
    """Give the split of a clip: seven in ten train, two test, one val, all in the first three."""
    return _SPLITS[index % len(_SPLITS)]


def write_toy_dataset(
    root: Path | str,
    clips: int,
    seed: int,
    size: int = 224,
    seconds: float = 5.0,
    *,
    camera: Camera = "colour",
    task: Task | None = None,
) -> Path:
    """Write toy clips as mp4 files, and what sounds in them as AVSBench data.

    The videos are in ``videos/``. Clips of 5 s in which one visible thing is all that is heard go
    to v1s and S4; all others, those with nothing to segment included, to v1m and MS3. Clips of 10 s
    go to v2. Frames are decoded from the mp4 files; masks are drawn, not decoded.

    Parameters
    ----------
    root : Path or str
        Folder to make; it must not hold anything yet. It appears when all is written.
    clips : int
        How many, at least 1.
    seed : int
        Which clips: scene seeds are ``clip_seed(seed, 0)`` onwards.
    size : int
        Width and height of the videos in pixels, even.
    seconds : float
        5 or 10: AVSBench knows no other length.
    camera : {"colour", "thermal"}
        What films the clips.
    task : Task, optional
        Progress and cancelling.

    Raises
    ------
    ToyWorldError
        If a number makes no sense, or the folder cannot be written or is not empty.
    Cancelled
        If `task` was cancelled; nothing is left behind.
    """
    root = Path(root)
    _check(root, clips, seed, size, seconds)
    task = task or Task()
    with _whole_folder(root) as folder:
        (folder / VIDEO_FOLDER).mkdir()
        for index in range(clips):
            name = f"toy{seed}-{index:06d}"
            task.report(index, clips, f"Clip {name}")
            scene = replace(sample_scene(clip_seed(seed, index), float(seconds)), camera=camera)
            _write_scene(folder, scene, name, split_of(index), size, task)
        task.check()
    task.report(clips, clips, "Clips written")
    return root


def annotate_scene(scene: Scene, video: Path, name: str, size: int) -> ClipAnnotation:
    """Pair the frames and the sound of a scene's video with its exact class maps, a frame a second.

    The scene is of whole seconds, its video of `FPS` frames a second, ``size`` pixels wide and
    high. The class map shows what sounds in the frame's window.
    """
    count = round(scene.duration)
    times = frame_times(count)
    with open_clip(video) as clip:
        frames = np.stack([clip.frames[int(FPS * time)] for time in times])
        waveform = clip.soundtrack()
    sounding = scene.sounding(window_starts(count, scene.duration))
    indices = [AVSBENCH_CLASSES.index(class_name) for class_name in scene.class_names]
    maps = [
        np.array([0, *np.where(heard, indices, 0)], np.uint8)[scene.render(float(time), size)[1]]
        for time, heard in zip(times, sounding, strict=True)
    ]
    heard = heard_classes(scene)
    return ClipAnnotation(
        name=name,
        frames=frames,
        class_map=np.stack(maps),
        waveform=waveform,
        video=video,
        category=heard[0] if heard else "",
        sound_classes=(*heard, OFF_SCREEN) if scene.offscreen else heard,
    )


def heard_classes(scene: Scene) -> tuple[str, ...]:
    """Give the classes of the visible objects that sound at some time."""
    return tuple(thing.class_name for thing in scene.objects if thing.voice.active is not None)


def _write_scene(folder: Path, scene: Scene, name: str, split: str, size: int, task: Task) -> None:
    video = folder / VIDEO_FOLDER / f"{name}.mp4"
    write_scene_video(scene, video, size=size, fps=FPS, task=task.part())
    clip = annotate_scene(scene, video, name, size)
    for subset in _subsets(scene):
        write_clip(folder, subset, split, clip, task=task)


def _subsets(scene: Scene) -> tuple[str, ...]:
    if scene.duration > 5:
        return ("v2",)
    alone = len(heard_classes(scene)) == 1 and not scene.offscreen
    return ("v1s", "s4") if alone else ("v1m", "ms3")


def _check(root: Path, clips: int, seed: int, size: int, seconds: float) -> None:
    problems = (
        (clips < 1, f"{clips} clips cannot be made: ask for at least 1."),
        (seed < 0, f"The seed is {seed}: choose one from 0 up."),
        (size < 32 or size % 2, f"Videos of {size} pixels cannot be made: choose an even number."),
        (seconds not in (5, 10), f"Clips of {seconds:g} s do not fit AVSBench: choose 5 or 10."),
        (
            root.exists() and (not root.is_dir() or any(root.iterdir())),
            f"{root} exists already: choose a new or an empty folder for the toy data.",
        ),
    )
    for wrong, message in problems:
        if wrong:
            raise ToyWorldError(message)


@contextmanager
def _whole_folder(root: Path) -> Iterator[Path]:
    """Make a folder beside its place that moves there if the body succeeds, and goes if not."""
    partial = root.absolute().parent / f".{root.name}-{uuid.uuid4().hex[:8]}.partial"
    try:
        partial.mkdir(parents=True)
        yield partial
        if root.exists():
            root.rmdir()
        os.replace(partial, root)
    except OSError as error:
        raise ToyWorldError(f"{root} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
