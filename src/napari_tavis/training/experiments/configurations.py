"""Reading a configuration: a file or a name, changed by ``key=value``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

from napari_tavis.training.errors import TrainingError
from napari_tavis.training.experiments.config import ToyConfig, TrainConfig
from napari_tavis.training.experiments.extra import needs_training_extra

RECIPES = {"dataset": TrainConfig, "toy": ToyConfig}
"""What a configuration's ``recipe`` may be; ``dataset`` where it does not say."""

SUFFIXES = (".yaml", ".yml")


def configuration_names() -> list[str]:
    """Name the configurations that come with the package."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _folder().iterdir())


def read_configuration(
    name_or_file: str | Path, overrides: Sequence[str] = ()
) -> TrainConfig | ToyConfig:
    """Read a configuration.

    Parameters
    ----------
    name_or_file : str or Path
        One that comes with the package, or a YAML file.
    overrides : sequence of str
        ``key=value`` each, as in ``data.root=AVSBench`` or ``optimizer.learning_rate=5e-5``.

    Returns
    -------
    TrainConfig or ToyConfig
        Checked: every key is known, every value of its type.

    Raises
    ------
    TrainingError
        If there is no such configuration, or something in it cannot be.
    """
    with needs_training_extra():
        from omegaconf import OmegaConf
        from omegaconf.errors import OmegaConfBaseException
        from yaml import YAMLError
    text = _text(str(name_or_file))
    for item in overrides:
        if "=" not in item:
            raise TrainingError(f"{item!r} is no setting: write key=value.")
    try:
        given = OmegaConf.merge(OmegaConf.create(text), OmegaConf.from_dotlist(list(overrides)))
        values = OmegaConf.to_container(given, resolve=True)
    except (OmegaConfBaseException, YAMLError, ValueError) as error:
        raise TrainingError(f"The configuration {name_or_file} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise TrainingError(f"The configuration {name_or_file} is no list of settings.")
    return _checked({str(key): value for key, value in values.items()})


def _folder() -> Any:
    return resources.files("napari_tavis.training.experiments") / "configurations"


def _text(name_or_file: str) -> str:
    """Read the file of a configuration."""
    if Path(name_or_file).suffix in SUFFIXES:
        try:
            return Path(name_or_file).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TrainingError(f"{name_or_file} cannot be read: {error}.") from error
    names = configuration_names()
    if name_or_file not in names:
        raise TrainingError(
            f"There is no configuration {name_or_file!r}: choose one of {', '.join(names)}, or a "
            "file that ends in .yaml."
        )
    return str((_folder() / f"{name_or_file}.yaml").read_text("utf-8"))


def _checked(values: dict[str, Any]) -> TrainConfig | ToyConfig:
    """Make a configuration of plain values."""
    from pydantic import TypeAdapter, ValidationError

    recipe = values.pop("recipe", "dataset")
    if recipe not in RECIPES:
        raise TrainingError(f"There is no recipe {recipe!r}: choose one of {', '.join(RECIPES)}.")
    kind: Any = RECIPES[recipe]
    unknown = _unknown_keys(values, asdict(kind()))
    if unknown:
        raise TrainingError(f"There is no setting {', '.join(unknown)} in the recipe {recipe!r}.")
    try:
        checked: TrainConfig | ToyConfig = TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise TrainingError(
            f"The setting {key} cannot be {first['input']!r}: {first['msg']}."
        ) from error
    return checked


def _unknown_keys(values: dict[str, Any], known: dict[str, Any], inside: str = "") -> list[str]:
    """Name the keys that a configuration does not have, with those around them."""
    unknown = []
    for key, value in values.items():
        if key not in known:
            unknown.append(f"{inside}{key}")
        elif isinstance(value, dict) and isinstance(known[key], dict):
            unknown += _unknown_keys(value, known[key], f"{inside}{key}.")
    return unknown
