"""Files of ``torch.save``, read without running any code in them."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from napari_tavis.core.errors import CheckpointError
from napari_tavis.core.files import MEGABYTE, shown

_WRAPPERS = ("model", "state_dict", "model_state_dict")
_MOST_INDEX_BYTES = 64 * MEGABYTE
_MOST_SHARING = 4  # tensors may share their bytes: tied weights
_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")


def read_pickled(path: Path) -> dict[str, Tensor]:
    """Read the weights of a PyTorch file, memory-mapped where its format allows.

    Parameters
    ----------
    path : Path
        A ``.pth`` or ``.pt`` file that exists.

    Returns
    -------
    dict of str to Tensor
        Weights by name, without what trainers put around them.

    Raises
    ------
    CheckpointError
        If the file is damaged, needs more than plain tensors, or holds no weights by name.
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
