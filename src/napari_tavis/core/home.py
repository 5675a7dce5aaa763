"""Where the package keeps what belongs to the user, not to a project: above all weights."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, TypeAlias

from platformdirs import user_config_path, user_data_path

from napari_tavis.core.files import MEGABYTE, is_file, read_text

HOME_VARIABLE = "NAPARI_TAVIS_HOME"  # the environment variable that moves the directory

HomeOrigin: TypeAlias = Literal["variable", "setting", "system"]

MODEL_FILE = "model.safetensors"
_NAME = "napari-tavis"
_SETTING = "home.txt"


def home() -> Path:
    """Give the directory of the user's data, which may not exist yet.

    It is what the environment variable ``NAPARI_TAVIS_HOME`` says, else what `set_home` was given,
    else the system's place for the data of programs.
    """
    named = _named_by_variable() or _named_by_setting()
    return Path(named).expanduser().absolute() if named else user_data_path(_NAME, appauthor=False)


def home_origin() -> HomeOrigin:
    """Say what decides on the directory of the user's data; see `home`."""
    if _named_by_variable():
        return "variable"
    return "setting" if _named_by_setting() else "system"


def set_home(directory: Path | None) -> None:
    """Keep the user's data in another directory from now on (None: the system's own place).

    What is already in the old one stays there. `OSError` if the setting cannot be written.
    """
    setting = _setting()
    if directory is None:
        setting.unlink(missing_ok=True)
        return
    setting.parent.mkdir(parents=True, exist_ok=True)
    setting.write_text(str(directory.expanduser().absolute()), "utf-8")


def models_directory() -> Path:
    """Give the directory that holds one directory for each installed model."""
    return home() / "models"


def installed_model(name: str) -> Path | None:
    """Give the file of an installed model, or None if there is none of this name."""
    directory = models_directory() / name
    file = directory / MODEL_FILE
    # A name such as "../x" or "a/b" would lead elsewhere.
    inside = directory.name == name and directory.parent == models_directory()
    return file if inside and not name.startswith(".") and is_file(file) else None


def _named_by_variable() -> str:
    return os.environ.get(HOME_VARIABLE, "").strip()


def _named_by_setting() -> str:
    setting = _setting()
    return read_text(setting, most=MEGABYTE).strip() if is_file(setting) else ""


def _setting() -> Path:
    return user_config_path(_NAME, appauthor=False) / _SETTING
