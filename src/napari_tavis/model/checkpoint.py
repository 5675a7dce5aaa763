"""Weights on disk: safetensors files of this package, and the release's PyTorch files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from napari_tavis.core.errors import CheckpointError, CheckpointWriteError, ModelError
from napari_tavis.core.files import is_file, shown
from napari_tavis.core.home import installed_model, models_directory
from napari_tavis.core.tasks import Task
from napari_tavis.model.config import PAPER, Switches, TAViSConfig, preset_config
from napari_tavis.model.precision import place, usual_precision
from napari_tavis.model.tavis import TAViS
from napari_tavis.model.tensor_files import is_finite, read_pickled, read_tensors, write_tensors
from napari_tavis.model.weight_names import describe_mismatch, list_names, load_official_state_dict

FORMAT = "napari-tavis"
RELEASE_PRESET = "large"
RELEASE_SUFFIXES = (".pth", ".pt", ".bin")
# checkpoints that come with the package, by the name that `load_model` knows
BUNDLED = {"toy": "lab/toyworld/checkpoints/toy.safetensors"}

PART_FORMAT = "napari-tavis-part"  # of a file with the weights of SAM 2, SAM or ImageBind alone


def save_checkpoint(
    model: TAViS,
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
    dtype: torch.dtype = torch.float16,
) -> Path:
    """Write the weights of a model whole or not at all; give the ``.safetensors`` file.

    A file that is there is replaced. The metadata is what should be known about the weights
    (command, seed, results); the preset and the image size are added. Matrices are stored in
    ``dtype``, see `write_tensors`; a loaded model is float32 again. Raises `CheckpointError` if a
    weight is not finite in this format, or the file cannot be written.
    """
    target = Path(path)
    facts = facts_about(model.config, metadata)
    write_weights(target, model.state_dict(), dtype, facts)
    return target


def facts_about(config: TAViSConfig, metadata: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the metadata of a file with a model's weights: its sizes, and what else is known."""
    sizes = {"preset": config.preset, "image_size": str(config.image_size)}
    if config.switches != PAPER:
        sizes["switches"] = config.switches.to_json()
    return {**(metadata or {}), "format": FORMAT, **sizes}


def write_weights(
    path: Path,
    weights: Mapping[str, Tensor],
    dtype: torch.dtype,
    facts: Mapping[str, str],
    task: Task | None = None,
) -> None:
    """Write a safetensors file whole or not at all, one converted weight at a time.

    Raises `CheckpointError` if a weight is not finite in this format, `CheckpointWriteError` if the
    file cannot be written, and `Cancelled`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".saving-") as folder:
            written = Path(folder) / path.name
            broken = write_tensors(written, weights, dtype, facts, task)
            if broken:
                raise CheckpointError(
                    f"{list_names(broken)} would not be finite in {path.name} as "
                    f"{str(dtype).removeprefix('torch.')}; save an earlier state, or in another "
                    "format."
                )
            os.replace(written, path)
    except OSError as error:
        raise CheckpointWriteError(f"{path} cannot be written: {error.strerror}.") from error


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read what is known about a checkpoint, at least ``preset`` and ``image_size``.

    Raises `CheckpointError` if the file is missing, damaged, or of another kind.
    """
    source = _existing(Path(path))
    try:
        with safe_open(source, framework="pt") as file:
            facts = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise damaged(source, error) from error
    if facts.get("format") == PART_FORMAT:
        raise CheckpointError(
            f"{source} holds the weights of {facts.get('part', 'a part')} alone; install it with "
            "what is missing as a model: napari-tavis weights import SAM2 IMAGEBIND --name NAME."
        )
    if facts.get("format") != FORMAT:
        raise CheckpointError(
            f"{source} was not saved by napari-tavis; choose a checkpoint of TAViS."
        )
    return facts


def load_checkpoint(
    path: str | os.PathLike[str],
    image_size: int | None = None,
    device: torch.device | str = "cpu",
    matrices: torch.dtype = torch.float32,
) -> TAViS:
    """Load a model from a file of `save_checkpoint`, in evaluation mode.

    An image size replaces the one that the weights were saved at. The weights go to the device one
    after the other, their matrices in the number format ``matrices`` (see `precision.place`) and
    all else in float32. Raises `CheckpointError` if the file is missing, damaged or partial, or of
    another kind of model; it names what does not fit.
    """
    source = Path(path)
    facts = read_metadata(source)
    weights = _read_weights(source, device, matrices)
    config = config_of(source, facts, image_size)
    model = TAViS.without_weights(config)
    check_complete(source, model, weights)
    check_finite(source, weights)
    model.load_state_dict(weights, assign=True)
    return model


def config_of(source: Path, facts: Mapping[str, str], image_size: int | None = None) -> TAViSConfig:
    """Give the sizes of the model that a file's metadata describes.

    An image size replaces the one in it. Raises `CheckpointError` if it does not say.
    """
    try:
        switches = Switches.from_json(facts["switches"]) if "switches" in facts else PAPER
        return preset_config(facts["preset"], image_size or int(facts["image_size"]), switches)
    except (KeyError, ValueError, ModelError) as error:
        raise CheckpointError(
            f"{source} does not say which preset of TAViS it belongs to; save it again with this "
            "version of napari-tavis."
        ) from error


def load_release(path: str | os.PathLike[str], image_size: int | None = None) -> TAViS:
    """Load the ``large`` preset from a ``.pth`` file of the TAViS release, in evaluation mode.

    Only tensors are read from it, no code is run. The image size is 224 or 1024, as the checkpoint
    was trained; 224 by default. Raises `CheckpointError` if the file is missing, damaged, or not a
    checkpoint of TAViS.
    """
    state = read_pickled(_existing(Path(path)))
    model = TAViS.without_weights(preset_config(RELEASE_PRESET, image_size))
    load_official_state_dict(model, state)
    return model


def load_model(
    name_or_path: str | os.PathLike[str],
    device: str = "cpu",
    image_size: int | None = None,
    precision: torch.dtype | None = None,
) -> TAViS:
    """Load a model by name, or from a file of this package or of the TAViS release, to use it.

    The weights go to the device one after the other, matrices in the number format that it
    multiplies them in: on a GPU the model takes half the room of the float32 one, at no time more.

    Parameters
    ----------
    name_or_path : str or path-like
        ``"toy"``, which comes with the package, the name of an installed model (see
        `napari_tavis.weights`), or a file: ``.safetensors`` of this package, ``.pth`` of the
        release.
    device : str
        Where the model is to run.
    image_size : int, optional
        Pixels per side instead of the model's own.
    precision : torch.dtype, optional
        The number format, instead of the one that is usual on the device (on the CPU float32).

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
    matrices = precision or usual_precision(torch.device(device))
    if name in BUNDLED:
        with resources.as_file(resources.files("napari_tavis") / BUNDLED[name]) as path:
            model = load_checkpoint(path, image_size, device, matrices)
    else:
        path = installed_model(name) or Path(name)
        if path.suffix.lower() in RELEASE_SUFFIXES:
            model = place(load_release(path, image_size), device, matrices)
        else:
            model = load_checkpoint(path, image_size, device, matrices)
    model.precision = precision
    return model


def _existing(path: Path) -> Path:
    """Give the path of a file, or raise an error that names the models there are."""
    if not is_file(path):
        names = ", ".join([*BUNDLED, *_installed_names()])
        raise CheckpointError(
            f"There is no model file {shown(path)}; choose a model that is there ({names}) or the "
            "path of a checkpoint, or install one: napari-tavis weights --help."
        )
    return path


def _installed_names() -> list[str]:
    folder = models_directory()
    names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    return [name for name in names if installed_model(name) is not None]


def _read_weights(
    path: Path, device: torch.device | str, matrices: torch.dtype
) -> dict[str, Tensor]:
    try:
        return read_tensors(path, device, matrices)
    except (SafetensorError, OSError) as error:
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{path} is damaged or not a safetensors file ({error}); get a complete copy of it."
    )


def check_complete(source: Path, model: TAViS, weights: Mapping[str, Tensor]) -> None:
    """Refuse weights of a file of this package that are not exactly those of a model."""
    mismatch = describe_mismatch(model.state_dict(), weights)
    if mismatch:
        raise CheckpointError(
            f"{source} does not hold the weights of the {model.config.preset!r} preset "
            f"({mismatch}); get a complete copy of the file."
        )


def check_finite(source: Path, weights: Mapping[str, Tensor], task: Task | None = None) -> None:
    """Refuse weights that hold an infinity or NaN; the task is checked in between."""
    task = task or Task()
    broken = []
    for name, value in weights.items():
        task.check()
        if not is_finite(value):
            broken.append(name)
    if broken:
        raise CheckpointError(
            f"{source} holds broken values in {list_names(broken)}; get the file again."
        )
