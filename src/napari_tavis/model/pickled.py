"""Files of ``torch.save``, read without running any code in them."""

from __future__ import annotations

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from napari_tavis.model.errors import CheckpointError

_WRAPPERS = ("model", "state_dict", "model_state_dict")
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
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # torch raises half a dozen kinds for a damaged file
        raise CheckpointError(
            f"{path} cannot be read as a PyTorch checkpoint of plain tensors: "
            f"{_reason(path, error)}."
        ) from error
    return _unwrap(state, path)


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
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise CheckpointError(f"{source} holds no weights by name; choose a checkpoint of TAViS.")
    return {name.removeprefix("module."): value for name, value in state.items()}
