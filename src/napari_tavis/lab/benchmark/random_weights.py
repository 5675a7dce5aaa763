"""A checkpoint of random weights, so that anyone can measure a network without its weights."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from napari_tavis.core.errors import TavisError
from napari_tavis.core.tasks import Task
from napari_tavis.model import TAViS
from napari_tavis.model.checkpoint import FORMAT
from napari_tavis.model.config import preset_config

_DEVIATION = 0.02


class BenchmarkError(TavisError):
    """The benchmark cannot be run as asked; the message says what to do."""


def write_random_checkpoint(preset: str, path: Path, task: Task) -> int:
    """Write a checkpoint of a preset, in bfloat16, of weights that compute without overflow.

    Parameters
    ----------
    preset : str
        See `preset_config`.
    path : Path
        File to write.
    task : Task
        Stops the work when cancelled.

    Returns
    -------
    int
        Bytes of the weights.

    Raises
    ------
    BenchmarkError
        If the disk is too small.
    """
    config = preset_config(preset)
    shapes = TAViS.without_weights(config).state_dict()
    size = 2 * sum(value.numel() for value in shapes.values())
    if shutil.disk_usage(path.parent).free < size:
        raise _no_space(path, size)
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for name, shape in shapes.items():
        task.check()
        weights[name] = _random(name, shape, generator)
    facts = {"format": FORMAT, "preset": preset, "image_size": str(config.image_size)}
    try:
        save_file(weights, path, metadata=facts)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _no_space(path, size) from error
        raise BenchmarkError(f"{path} cannot be written: {error.strerror}.") from error
    return size


def _random(name: str, shape: Tensor, generator: torch.Generator) -> Tensor:
    """Draw a matrix; biases are 0, the weights of norms 1, and what is no weight stays."""
    if not shape.is_meta:
        return shape.to(torch.bfloat16)
    value = torch.empty(shape.shape, dtype=torch.bfloat16)
    if shape.ndim > 1:
        return value.normal_(std=_DEVIATION, generator=generator)
    return value.fill_(0.0 if name.endswith("bias") else 1.0)


def _no_space(path: Path, size: int) -> BenchmarkError:
    return BenchmarkError(
        f"Random weights need {size / 1e9:.1f} GB in {path.parent} for as long as they are "
        "measured: free some space, or set TMPDIR to another folder."
    )
