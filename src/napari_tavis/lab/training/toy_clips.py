"""Toy clips for training, rendered once and kept on disk as memory-mapped arrays."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_tavis.core.errors import TrainingError
from napari_tavis.core.files import MEGABYTE, ForeignFileError, read_json
from napari_tavis.core.tasks import Task
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.lab.toyworld import render_clip, sample_scene
from napari_tavis.lab.toyworld.scene import AUDIBLE_SECONDS, audible_seconds
from napari_tavis.lab.training.batches import Batch, to_images
from napari_tavis.media import log_mel

# training clips have seeds from here on; `toy-test` and `toy` use smaller ones
TRAINING_SEEDS = 1 << 40

OBJECTS = 3
FRAMES = 5
MUTED = 0.04  # share of drawn clips that are played in digital silence
_SHAPES: dict[str, tuple[str, tuple[int, ...]]] = {
    "objects": ("u1", (OBJECTS,)),
    "heard": ("?", (FRAMES, len(AVSBENCH_CLASSES))),
    "mel": ("<f2", (FRAMES, 128, 204)),
}


def _arrays(directory: Path, count: int, size: int, mode: str) -> dict[str, np.ndarray]:
    """Open the arrays of a store, creating them with mode ``w+``."""
    shapes = dict(_SHAPES)
    shapes["frames"] = ("u1", (FRAMES, size, size, 3))
    shapes["visible"] = ("u1", (FRAMES, size, size))
    return {
        name: np.lib.format.open_memmap(
            directory / f"{name}.npy", mode=mode, dtype=np.dtype(kind), shape=(count, *shape)
        )
        for name, (kind, shape) in shapes.items()
    }


def _reserve(file: Path, size: int) -> None:
    """Take the room of a file now: a mapped file that finds none later ends the process.

    Raises `TrainingError` if there is not enough.
    """
    try:
        if hasattr(os, "posix_fallocate"):
            with file.open("r+b") as opened:
                os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)
        elif size > shutil.disk_usage(file).free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
    except OSError as error:
        file.unlink()
        raise TrainingError(
            f"The training clips need {size / 1e6:.0f} MB more in {file.parent} "
            f"({error.strerror}): make room there, or choose another folder."
        ) from error


def _render(directory: Path, first_seed: int, count: int, size: int, part: range) -> int:
    """Render some clips of a store (in a process of its own)."""
    arrays = _arrays(directory, count, size, "r+")
    for row in part:
        scene = sample_scene(first_seed + row, float(FRAMES))
        clip = render_clip(scene, size, FRAMES)
        classes = [AVSBENCH_CLASSES.index(name) for name in clip.class_names]
        lookup = np.zeros(256, np.uint8)  # from the number of an instance to its class
        lookup[1 : len(classes) + 1] = classes
        arrays["frames"][row] = clip.frames
        arrays["visible"][row] = lookup[clip.instances]
        arrays["objects"][row, : len(classes)] = classes
        for voice in (*scene.offscreen, *(thing.voice for thing in scene.objects)):
            overlap = audible_seconds(voice.active, clip.starts, scene.duration)
            index = AVSBENCH_CLASSES.index(voice.class_name)
            arrays["heard"][row, :, index] = overlap >= AUDIBLE_SECONDS
        arrays["mel"][row] = log_mel(clip.waveform, clip.starts)[:, 0]
    return len(part)


def _pool(processes: int) -> AbstractContextManager[ProcessPoolExecutor | None]:
    """Give processes to render in, or none where this one suffices."""
    if processes == 1:
        return nullcontext()
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"))


def render_toy_clips(
    directory: Path,
    count: int,
    *,
    size: int,
    first_seed: int = TRAINING_SEEDS,
    workers: int | None = None,
    task: Task | None = None,
) -> ToyClips:
    """Render toy clips, or open them if this was done before.

    The arrays take about 0.8 MB a clip at 128 pixels; they are memory-mapped. Seeds follow from the
    first clip's. All cores are used unless ``workers`` says how many processes.
    """
    recipe = {"count": count, "size": size, "first_seed": first_seed}
    done = directory / "recipe.json"
    if _recipe(done) != recipe:
        directory.mkdir(parents=True, exist_ok=True)
        done.unlink(missing_ok=True)
        for name, array in _arrays(directory, count, size, "w+").items():
            _reserve(directory / f"{name}.npy", array.nbytes)
        parts = [range(row, min(row + 25, count)) for row in range(0, count, 25)]
        render = partial(_render, directory, first_seed, count, size)
        processes = min(workers or os.cpu_count() or 1, len(parts))
        rendered = 0
        with _pool(processes) as pool:
            for finished in (pool.map if pool else map)(render, parts):
                rendered += finished
                if task is not None:
                    task.report(rendered, count, f"rendering {size}-pixel clips")
        done.write_text(json.dumps(recipe))
    return ToyClips(_arrays(directory, count, size, "r"))


def open_toy_clips(directory: Path, size: int) -> ToyClips:
    """Open toy clips that `render_toy_clips` put into a folder, however many.

    Raises `TrainingError` if there are none of this size.
    """
    done = directory / "recipe.json"
    recipe = _recipe(done)
    if recipe.get("size") != size or not isinstance(recipe.get("count"), int):
        raise TrainingError(
            f"{directory} holds no training clips of {size} pixels; choose the folder "
            f"clips/{size} of a run of napari-tavis train, or leave it out."
        )
    return ToyClips(_arrays(directory, recipe["count"], size, "r"))


def _recipe(file: Path) -> dict[str, Any]:
    """Read what was rendered; empty where that is unknown."""
    try:
        found = read_json(file, most=MEGABYTE)
    except ForeignFileError:
        return {}
    return found if isinstance(found, dict) else {}


class ToyClips:
    """A store of rendered toy clips from which batches are drawn."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self._arrays = arrays
        heard = np.any(arrays["heard"], axis=1)
        self._heard_by = [np.flatnonzero(column) for column in heard.T]

    def __len__(self) -> int:
        return len(self._arrays["objects"])

    def batches(
        self, clips: int, frames: int, generator: np.random.Generator, swap: float = 0.5
    ) -> Iterator[Batch]:
        """Draw batches without end, mirrored, brightened and amplified at random.

        Fewer frames than a clip has are picked at random, in order of time. The share ``swap`` of
        clips is shown with the sound of another one: as a scene holds each class at most once, the
        truth follows from the classes that are heard.
        """
        while True:
            rows = generator.integers(len(self), size=clips)
            yield _collate([self._draw(int(row), frames, generator, swap) for row in rows])

    def _draw(
        self, row: int, frames: int, generator: np.random.Generator, swap: float
    ) -> dict[str, np.ndarray]:
        """Draw one clip with its augmentations."""
        chosen = np.sort(generator.permutation(FRAMES)[:frames])
        objects = self._arrays["objects"][row].astype(np.int64)
        mel_row = self._donor(objects, generator) if generator.random() < swap else row
        heard = self._arrays["heard"][mel_row][chosen]
        # A gain is a constant added to the log-mel: +-6 dB over the front end's scale.
        gain = np.float32(generator.uniform(-1.4, 1.4) / 9.138)
        mel = self._arrays["mel"][mel_row][chosen].astype(np.float32) + gain
        if generator.random() < MUTED:
            mel, heard = np.broadcast_to(_digital_silence(), mel.shape), np.zeros_like(heard)
        picture = self._arrays["frames"][row][chosen].astype(np.float32)
        picture = picture * generator.uniform(0.8, 1.2, size=3).astype(np.float32)
        picture = picture + np.float32(generator.uniform(-20, 20))
        visible = self._arrays["visible"][row][chosen]
        if generator.random() < 0.5:
            picture, visible = picture[:, :, ::-1], visible[:, :, ::-1]
        return {
            "frames": np.clip(picture, 0, 255).astype(np.uint8),
            "visible": np.ascontiguousarray(visible),
            "objects": objects,
            "heard": heard,
            "mel": np.array(mel),
        }

    def _donor(self, objects: np.ndarray, generator: np.random.Generator) -> int:
        """Choose whose sound to play: mostly of a clip in which one of the objects is heard."""
        if generator.random() < 0.75:
            able = self._heard_by[int(generator.choice(objects[objects > 0]))]
            if len(able):
                return int(generator.choice(able))
        return int(generator.integers(len(self)))


@lru_cache(maxsize=1)
def _digital_silence() -> np.ndarray:
    """Give the log-mel window (128, 204) of a soundtrack that is all zeros."""
    return log_mel(np.zeros(32_000, np.float32), np.zeros(1))[0, 0]


def _collate(items: list[dict[str, np.ndarray]]) -> Batch:
    stacked = {
        name: torch.from_numpy(np.stack([item[name] for item in items])) for name in items[0]
    }
    return Batch(
        images=to_images(stacked["frames"]),
        mel=stacked["mel"][:, :, None],
        visible=stacked["visible"],
        objects=stacked["objects"],
        heard=stacked["heard"],
    )
