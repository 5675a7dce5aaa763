"""Reading a configuration: a file or a name, changed by ``key=value``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from napari_tavis.core.errors import TrainingError
from napari_tavis.core.files import MEGABYTE, ForeignFileError, read_text, shown
from napari_tavis.lab.training.settings import ToyConfig, TrainConfig

# what a configuration's ``recipe`` may be; ``dataset`` if it is left out
RECIPES = {"dataset": TrainConfig, "toy": ToyConfig}

Settings = TypeVar("Settings")

_MOST_LEVELS = 16
SUFFIXES = (".yaml", ".yml")


@contextmanager
def needs_training_extra(extra: str = "train") -> Iterator[None]:
    """Turn a failing import into a `TrainingError` that says which extra to install."""
    try:
        yield
    except ImportError as error:
        raise TrainingError(
            f"This needs {error.name}: install it with pip install 'napari-tavis[{extra}]'."
        ) from error


def configuration_names() -> list[str]:
    return sorted(entry.name.removesuffix(".yaml") for entry in _folder().iterdir())


def read_configuration(
    name_or_file: str | Path, overrides: Sequence[str] = ()
) -> TrainConfig | ToyConfig:
    """Read a configuration that comes with the package, or a YAML file.

    Overrides are ``key=value`` each, as in ``data.root=AVSBench`` or
    ``optimizer.learning_rate=5e-5``. Every key is known then, and every value is of its type; else,
    and if there is no such configuration, a `TrainingError` is raised.
    """
    values = _values(_text(str(name_or_file)), overrides, f"The configuration {name_or_file}")
    recipe = values.pop("recipe", "dataset")
    if not isinstance(recipe, str) or recipe not in RECIPES:
        raise TrainingError(
            f"There is no recipe '{shown(recipe)}': choose one of {', '.join(RECIPES)}."
        )
    checked: TrainConfig | ToyConfig = _checked(RECIPES[recipe], values)
    return checked


def read_settings(kind: type[Settings], overrides: Sequence[str]) -> Settings:
    """Make settings of a kind, which has a default for everything, from ``key=value`` overrides.

    They are checked as in `read_configuration`.
    """
    checked: Settings = _checked(kind, _values("{}", overrides, "The settings"))
    return checked


def _values(text: str, overrides: Sequence[str], name: str) -> dict[str, Any]:
    """Give the values in a YAML text, changed by overrides."""
    with needs_training_extra():
        from omegaconf import OmegaConf
        from omegaconf.errors import OmegaConfBaseException
        from yaml import YAMLError
    try:
        _check_plain(text, name)
        for item in overrides:
            key, equals, value = item.partition("=")
            if not equals or key.count(".") > _MOST_LEVELS:
                raise TrainingError(f"'{shown(item)}' is not a setting: write key=value.")
            _check_plain(value, f"The setting {shown(key)}")
        given = OmegaConf.merge(OmegaConf.create(text), OmegaConf.from_dotlist(list(overrides)))
        values = OmegaConf.to_container(given)
    except (OmegaConfBaseException, YAMLError, ValueError, TypeError, RecursionError) as error:
        reason = shown(" ".join(str(error).split()), most=500)
        raise TrainingError(f"{name} cannot be read: {reason}") from error
    if not isinstance(values, dict):
        raise TrainingError(f"{name} is not a list of settings.")
    return {str(key): value for key, value in values.items()}


def _check_plain(text: str, name: str) -> None:
    """Refuse YAML that stands for more than it is: what it refers to multiplies, or is itself."""
    from yaml import AliasEvent, CollectionEndEvent, CollectionStartEvent, SafeLoader, parse

    level = 0
    for event in parse(text, Loader=SafeLoader):  # as a stream: nothing is built, nor deep
        level += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if isinstance(event, AliasEvent) or "${" in text:  # YAML's references, OmegaConf's
            raise TrainingError(f"{name} refers to other places in it: write the values there.")
        if level > _MOST_LEVELS:
            raise TrainingError(f"{name} is nested more than {_MOST_LEVELS} levels deep.")


def _folder() -> Any:
    return resources.files("napari_tavis.lab.training") / "configurations"


def _text(name_or_file: str) -> str:
    if Path(name_or_file).suffix in SUFFIXES:
        try:
            return read_text(Path(name_or_file), most=MEGABYTE)
        except ForeignFileError as error:
            raise TrainingError(
                f"{shown(name_or_file)} cannot be read: it {error.problem}."
            ) from error
    names = configuration_names()
    if name_or_file not in names:
        raise TrainingError(
            f"There is no configuration '{shown(name_or_file)}': choose one of "
            f"{', '.join(names)}, or a file that ends in .yaml."
        )
    return str((_folder() / f"{name_or_file}.yaml").read_text("utf-8"))


def _checked(kind: Any, values: dict[str, Any]) -> Any:
    """Make settings of a kind from plain values."""
    from pydantic import TypeAdapter, ValidationError

    known = asdict(kind())
    unknown = _unknown_keys(values, known)
    if unknown:
        raise TrainingError(
            f"There is no setting {shown(', '.join(unknown))} here: choose from {', '.join(known)}."
        )
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise TrainingError(
            f"The setting {shown(key)} cannot be {shown(repr(first['input']))}: {first['msg']}."
        ) from error


def _unknown_keys(values: dict[str, Any], known: dict[str, Any], inside: str = "") -> list[str]:
    """Name the keys that a configuration does not have, with those around them."""
    unknown = []
    for key, value in values.items():
        if key not in known:
            unknown.append(f"{inside}{key}")
        elif isinstance(value, dict) and isinstance(known[key], dict):
            unknown += _unknown_keys(value, known[key], f"{inside}{key}.")
    return unknown
