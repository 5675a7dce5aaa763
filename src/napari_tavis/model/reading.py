"""Reading weights from a file in little more memory than they need."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

import torch
from safetensors import safe_open
from torch import Tensor

_MAPPED_BYTES = 1 << 28
"""How much of a file is in memory besides the weights already made of it."""


def read_tensors(
    path: str | os.PathLike[str],
    device: torch.device | str = "cpu",
    matrices: torch.dtype = torch.float32,
) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file: matrices in a number format, the rest as float32.

    The file is mapped, not read: on the CPU, matrices that have the format in it stay views of it
    until they are changed. The rest become tensors of their own, a stretch of the file at a time.
    Pages of a mapped file count as memory until it is closed, so that each stretch has a mapping
    of its own.

    Parameters
    ----------
    path : path-like
        The file.
    device : torch.device or str
        Where the tensors shall be.
    matrices : torch.dtype
        The number format, see `precision.place`.

    Returns
    -------
    dict of str to Tensor
        By name.

    Raises
    ------
    SafetensorError, OSError
        If the file cannot be read, or is none.
    """
    tensors: dict[str, Tensor] = {}
    for names in _stretches(path):
        with safe_open(path, framework="pt") as file:
            for name in names:
                tensors[name] = _placed(file.get_tensor(name), device, matrices)
    return tensors


def _stretches(path: str | os.PathLike[str]) -> Iterator[list[str]]:
    """Divide the names in a file into groups of at most so many bytes as float32."""
    with safe_open(path, framework="pt") as file:
        sizes = {name: 4 * math.prod(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    group: list[str] = []
    room = _MAPPED_BYTES
    for name, size in sizes.items():
        if group and size > room:
            yield group
            group, room = [], _MAPPED_BYTES
        group.append(name)
        room -= size
    if group:
        yield group


def _placed(value: Tensor, device: torch.device | str, matrices: torch.dtype) -> Tensor:
    """Put a tensor where it belongs; a vector as a copy, lest a whole stretch stays mapped."""
    if value.ndim < 2:
        return value.to(device, torch.float32, copy=True)
    return value.to(device, matrices)
