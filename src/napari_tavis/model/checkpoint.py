"""Weights on disk: safetensors files of this package, and the release's PyTorch files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from napari_tavis.model.config import preset_config
from napari_tavis.model.errors import CheckpointError, ModelError
from napari_tavis.model.official import load_official_state_dict
from napari_tavis.model.tavis import TAViS
from napari_tavis.model.weights import describe_mismatch, list_names

FORMAT = "napari-tavis"
RELEASE_PRESET = "large"
RELEASE_SUFFIXES = (".pth", ".pt", ".bin")
BUNDLED = {"toy": "toyworld/checkpoints/toy.safetensors"}
"""Checkpoints that come with the package, by the name that `load_model` knows them under."""

_WRAPPERS = ("model", "state_dict", "model_state_dict")


def save_checkpoint(
    model: TAViS,
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
    dtype: torch.dtype = torch.float16,
) -> Path:
    """Write the weights of a model whole or not at all.

    Parameters
    ----------
    model : TAViS
        A preset, at any image size.
    path : path-like
        File to write, by convention ``*.safetensors``; it is replaced if it exists.
    metadata : mapping of str to str, optional
        What should be known about the weights (command, seed, results). The preset and the
        image size are added.
    dtype : torch.dtype
        Number format on disk; a loaded model is float32 again.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    CheckpointError
        If a weight is not a finite number in this format, or the file cannot be written.
    """
    target = Path(path)
    state = {name: value.detach().to("cpu", dtype) for name, value in model.state_dict().items()}
    broken = _not_finite(state)
    if broken:
        raise CheckpointError(
            f"{list_names(broken)} would not be finite in {target.name}; save an earlier state."
        )
    facts = {
        **(metadata or {}),
        "format": FORMAT,
        "preset": model.config.preset,
        "image_size": str(model.image_size),
    }
    # Tensors that share storage may not be saved twice; `contiguous` gives each its own.
    weights = {name: value.contiguous().clone() for name, value in state.items()}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".saving-") as folder:
            written = Path(folder) / target.name
            # safetensors writes files that only their owner may read.
            usual = Path(folder) / "permissions"
            usual.touch()
            save_file(weights, written, metadata=facts)
            written.chmod(usual.stat().st_mode)
            os.replace(written, target)
    except OSError as error:
        raise CheckpointError(f"{target} cannot be written: {error.strerror}.") from error
    return target


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read what is known about a checkpoint, without its weights.

    Parameters
    ----------
    path : path-like
        A file of `save_checkpoint`.

    Returns
    -------
    dict of str to str
        Its metadata, with ``preset`` and ``image_size``.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, or of another kind.
    """
    facts, _ = _read(Path(path), tensors=False)
    return facts


def load_checkpoint(path: str | os.PathLike[str], image_size: int | None = None) -> TAViS:
    """Load a model from a file of `save_checkpoint`.

    Parameters
    ----------
    path : path-like
        The file.
    image_size : int, optional
        Pixels per side instead of the size the weights were saved at.

    Returns
    -------
    TAViS
        In evaluation mode, float32, on the CPU.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged or partial, or of another kind of model; it names what
        does not fit.
    """
    source = Path(path)
    facts, weights = _read(source, tensors=True)
    try:
        config = preset_config(facts["preset"], image_size or int(facts["image_size"]))
    except (KeyError, ValueError, ModelError) as error:
        raise CheckpointError(
            f"{source} does not say which preset of TAViS it belongs to; save it again with this "
            "version of napari-tavis."
        ) from error
    model = TAViS.without_weights(config)
    expected = model.state_dict()
    mismatch = describe_mismatch(expected, weights)
    if mismatch:
        raise CheckpointError(
            f"{source} does not hold the weights of the {config.preset!r} preset ({mismatch}); "
            "get a complete copy of the file."
        )
    broken = _not_finite(weights)
    if broken:
        raise CheckpointError(
            f"{source} holds broken values in {list_names(broken)}; get the file again."
        )
    model.load_state_dict({name: value.float() for name, value in weights.items()}, assign=True)
    return model


def load_release(path: str | os.PathLike[str], image_size: int | None = None) -> TAViS:
    """Load a PyTorch checkpoint of the TAViS release.

    Parameters
    ----------
    path : path-like
        A ``.pth`` file; only tensors are read from it, no code is run.
    image_size : int, optional
        Pixels per side, 224 or 1024, as the checkpoint was trained; 224 by default.

    Returns
    -------
    TAViS
        The ``large`` preset in evaluation mode.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, or not a checkpoint of TAViS.
    """
    source = _existing(Path(path))
    try:
        state = torch.load(source, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch raises half a dozen kinds for a damaged file
        raise CheckpointError(
            f"{source} cannot be read as a PyTorch checkpoint of plain tensors; get it again."
        ) from error
    model = TAViS.without_weights(preset_config(RELEASE_PRESET, image_size))
    load_official_state_dict(model, _unwrap(state, source))
    return model


def load_model(
    name_or_path: str | os.PathLike[str], device: str = "cpu", image_size: int | None = None
) -> TAViS:
    """Load a model by name, or from a file of this package or of the TAViS release.

    Parameters
    ----------
    name_or_path : str or path-like
        ``"toy"``, which comes with the package, or a file: ``.safetensors`` of this package,
        ``.pth`` of the release.
    device : str
        Where the model shall run.
    image_size : int, optional
        Pixels per side instead of the model's own.

    Returns
    -------
    TAViS
        In evaluation mode.

    Raises
    ------
    CheckpointError
        If there is no such model, or its file does not fit.
    """
    name = os.fspath(name_or_path)
    if name in BUNDLED:
        with resources.as_file(resources.files("napari_tavis") / BUNDLED[name]) as path:
            return load_checkpoint(path, image_size).to(device)
    path = Path(name)
    load = load_release if path.suffix.lower() in RELEASE_SUFFIXES else load_checkpoint
    return load(path, image_size).to(device)


def _existing(path: Path) -> Path:
    """Give the path of a file, or say that there is none."""
    if not path.is_file():
        names = ", ".join(BUNDLED)
        raise CheckpointError(
            f"There is no model file {path}; choose one of the bundled models ({names}) or the "
            "path of a checkpoint."
        )
    return path


def _read(path: Path, tensors: bool) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Read the metadata and, if asked for, the weights of a safetensors file."""
    _existing(path)
    try:
        with safe_open(path, framework="pt") as file:
            facts = file.metadata() or {}
            names = file.keys() if tensors else []
            weights = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is damaged or no safetensors file ({error}); get a complete copy of it."
        ) from error
    if facts.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} was not saved by napari-tavis; choose a checkpoint of TAViS."
        )
    return facts, weights


def _unwrap(state: Any, source: Path) -> dict[str, Tensor]:
    """Take the weights out of what trainers put around them."""
    for key in _WRAPPERS:
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise CheckpointError(f"{source} holds no weights by name; choose a checkpoint of TAViS.")
    return {name.removeprefix("module."): value for name, value in state.items()}


def _not_finite(weights: Mapping[str, Tensor]) -> list[str]:
    """Name the weights that hold an infinity or no number."""
    return [name for name, value in weights.items() if not bool(value.isfinite().all())]
