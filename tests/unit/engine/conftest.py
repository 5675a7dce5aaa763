"""A small clip and an untrained toy network: what it finds is arbitrary, the way is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_tavis.media import Clip, open_clip, write_video
from napari_tavis.model import TAViS

SIZE = (90, 122)

WriteClip = Callable[..., Path]


@pytest.fixture(scope="session")
def model() -> TAViS:
    torch.manual_seed(0)
    return TAViS.from_preset("toy", image_size=64)


@pytest.fixture(scope="session")
def write_clip() -> WriteClip:
    """Write a clip of so many seconds and frames per second: a disc that wanders, and a tone."""
    return _write_clip


@pytest.fixture(scope="session")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds, 50 frames of 122 x 90 pixels."""
    return _write_clip(tmp_path_factory.mktemp("clips") / "short.mp4", 5)


@pytest.fixture(scope="session")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirteen seconds, 130 frames of 122 x 90 pixels."""
    return _write_clip(tmp_path_factory.mktemp("clips") / "long.mp4", 13)


@pytest.fixture
def clip(short: Path) -> Iterator[Clip]:
    with open_clip(short) as opened:
        yield opened


@contextmanager
def failing(module: torch.nn.Module, times: int) -> Iterator[None]:
    """Let a part of the network run out of memory so many times."""
    left = [times]

    def fail(module: torch.nn.Module, inputs: object) -> None:
        if left[0]:
            left[0] -= 1
            raise torch.OutOfMemoryError("CUDA out of memory.")

    hook = module.register_forward_pre_hook(fail)
    try:
        yield
    finally:
        hook.remove()


def _write_clip(
    path: Path,
    seconds: float,
    loudness: float = 0.3,
    rate: int = 10,
    tone: Callable[[np.ndarray], np.ndarray] = lambda time: np.sin(3200 * time),
) -> Path:
    """A bright disc that wanders over noise, and a tone."""
    noise = np.random.default_rng(0).integers(0, 80, (*SIZE, 3), dtype=np.uint8)
    rows, columns = np.ogrid[: SIZE[0], : SIZE[1]]

    def frame(number: int) -> np.ndarray:
        picture = noise.copy()
        picture[(rows - 45) ** 2 + (columns - 20 - number // 4) ** 2 < 400] = (250, 200, 40)
        return picture

    sound = loudness * tone(np.arange(int(seconds * 16_000)) / 16_000)
    frames = (frame(number) for number in range(int(seconds * rate)))
    write_video(path, frames, rate, sound.astype(np.float32))
    return path
