"""Files of weights: safetensors, read and written in little memory, and files of ``torch.save``.

No code in any of them is ever run.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from napari_tavis.core.errors import CheckpointError
from napari_tavis.core.files import MEGABYTE, shown
from napari_tavis.core.tasks import Task

_MAPPED_BYTES = 1 << 28  # how much of a file is in memory besides the weights already made of it


_NAMES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
_ALIGNMENT = 8
_MEGABYTE = 1_000_000
_WRAPPERS = ("model", "state_dict", "model_state_dict")
_MOST_INDEX_BYTES = 64 * MEGABYTE
_MOST_SHARING = 4  # tensors may share their bytes: tied weights
_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")


def read_tensors(
    path: str | os.PathLike[str],
    device: torch.device | str = "cpu",
    matrices: torch.dtype = torch.float32,
) -> dict[str, Tensor]:
    """Read a safetensors file to a device: matrices in a number format, the rest as float32.

    The file is mapped, not read: on the CPU, matrices that have the format in it stay views of it
    until they are changed. The rest become tensors of their own, a stretch of the file at a time.
    Pages of a mapped file count as memory until it is closed, so each stretch has a mapping of its
    own. Raises `SafetensorError` or `OSError` if the file cannot be read, or is none.
    """
    tensors: dict[str, Tensor] = {}
    for names in _stretches(path):
        with safe_open(path, framework="pt") as file:
            for name in names:
                tensors[name] = _placed(file.get_tensor(name), device, matrices)
    return tensors


def _stretches(path: str | os.PathLike[str]) -> Iterator[list[str]]:
    """Divide the names in a file into groups of at most `_MAPPED_BYTES` as float32."""
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


def write_tensors(
    path: Path,
    tensors: Mapping[str, Tensor],
    dtype: torch.dtype,
    facts: Mapping[str, str],
    task: Task | None = None,
) -> list[str]:
    """Write tensors to a safetensors file, converted and written one after another.

    The library's own function holds all of them in memory, twice; a checkpoint of 5.9 GB has to be
    converted on a computer of ordinary size. Format:
    https://github.com/huggingface/safetensors#format.

    Matrices are written in ``dtype`` (float32, float16 or bfloat16), vectors and single numbers
    (norms, biases, logit scales) as float32: they take little room, and an error in one of them
    reaches everything. Mapped tensors are read only when they are written. Gives the names of
    tensors that are not finite as written. Raises `OSError` if the file cannot be written, and
    `Cancelled`.
    """
    task = task or Task()
    formats = {n: dtype if value.ndim > 1 else torch.float32 for n, value in tensors.items()}
    # Long numbers first: every tensor then starts at a multiple of its number's length.
    names = sorted(tensors, key=lambda name: (-formats[name].itemsize, name))
    sizes = {name: tensors[name].numel() * formats[name].itemsize for name in names}
    total, done, broken = sum(sizes.values()), 0, []
    with path.open("wb") as file:
        file.write(_header(names, tensors, formats, sizes, facts))
        for name in names:
            task.check()
            value = tensors[name].detach().to("cpu", formats[name]).contiguous()
            if not is_finite(value):
                broken.append(name)
            file.write(value.view(-1).view(torch.uint8).numpy().data)
            done += sizes[name]
            task.report(done // _MEGABYTE, total // _MEGABYTE, f"writing {path.stem}, MB")
    return broken


def is_finite(value: Tensor) -> bool:
    """Whether all values are finite, in one pass that allocates nothing."""
    if not value.is_floating_point() or not value.numel():
        return True
    # both ends are NaN if any value is
    return all(bool(end.isfinite()) for end in value.aminmax())


def _header(
    names: list[str],
    tensors: Mapping[str, Tensor],
    formats: Mapping[str, torch.dtype],
    sizes: Mapping[str, int],
    facts: Mapping[str, str],
) -> bytes:
    """Give the start of the file: its length, then what lies where."""
    table: dict[str, object] = {"__metadata__": dict(facts)}
    start = 0
    for name in names:
        end = start + sizes[name]
        table[name] = {
            "dtype": _NAMES[formats[name]],
            "shape": list(tensors[name].shape),
            "data_offsets": [start, end],
        }
        start = end
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def read_pickled(path: Path) -> dict[str, Tensor]:
    """Read the weights in a PyTorch file that exists, without what trainers put around them.

    They are memory-mapped where the format allows. Raises `CheckpointError` if the file is damaged,
    needs more than plain tensors, or holds no weights by name.
    """
    try:
        mapped = zipfile.is_zipfile(path)  # files of PyTorch before 1.6 cannot be mapped
        if mapped:
            _check_entries(path)
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except CheckpointError:
        raise
    except Exception as error:  # torch raises half a dozen kinds for a damaged file
        raise CheckpointError(
            f"{path} cannot be read as a PyTorch checkpoint of plain tensors: "
            f"{_reason(path, error)}."
        ) from error
    weights = _unwrap(state, path)
    _check_tensors(weights, path)
    return weights


def _check_entries(path: Path) -> None:
    """Refuse a file that unpacks to more than it is: ``torch.save`` never compresses."""
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            index = entry.filename.endswith("data.pkl") and entry.file_size > _MOST_INDEX_BYTES
            if index or entry.compress_type != zipfile.ZIP_STORED:
                raise CheckpointError(
                    f"{path} is packed as no PyTorch checkpoint is ({shown(entry.filename)}, "
                    f"{entry.file_size} bytes unpacked); get it again from its authors."
                )


def _check_tensors(weights: Mapping[str, Tensor], path: Path) -> None:
    """Refuse tensors that claim more values than the file has bytes for, or have none at all."""
    room = _MOST_SHARING * path.stat().st_size
    for name, value in weights.items():
        plain = value.layout is torch.strided and value.device.type == "cpu"
        room -= value.numel() * value.element_size() if plain else 0
        if not plain or value.is_quantized or room < 0:
            raise CheckpointError(
                f"{path} holds more than plain tensors ({shown(name)}); ask for a file with the "
                "state dict alone."
            )


def _reason(path: Path, error: Exception) -> str:
    """Say why a file was refused, and what to do."""
    with path.open("rb") as file:
        start = file.read(256).lstrip().lower()
    if not start:
        return "it is empty; get it again"
    if start.startswith((b"<!doctype", b"<html")):
        return "it is a web page, so the download has failed; get the file itself"
    found = _GLOBAL.search(str(error))
    if isinstance(error, pickle.UnpicklingError) and found:
        return (
            f"it needs the Python code {found[1]}, and code from a weights file is never run; "
            "ask for a file that holds the state dict alone"
        )
    return "it is damaged or incomplete; get it again"


def _unwrap(state: Any, source: Path) -> dict[str, Tensor]:
    """Take the weights out of what trainers put around them."""
    for key in _WRAPPERS:
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise CheckpointError(f"{source} holds no weights by name; choose a checkpoint of TAViS.")
    return {name.removeprefix("module."): value for name, value in state.items()}
