"""A folder that belongs to one run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_tavis.core.atomic import write_atomically
from napari_tavis.core.errors import TrainingError
from napari_tavis.core.files import MEGABYTE, ForeignFileError, read_json

RECIPE_FILE = "config.json"


def claim_folder(folder: Path, recipe: Mapping[str, Any], *, begun: bool = True) -> None:
    """Take a folder for a run, or make sure that it is this run's.

    Parameters
    ----------
    folder : Path
        Of the run; it is made if need be.
    recipe : mapping
        All that decides on what the run computes; ready for JSON.
    begun : bool
        Whether the folder holds something that its recipe led to; else it may take another.

    Raises
    ------
    TrainingError
        If the folder holds a run with other settings, or cannot be written.
    """
    card, text = folder / RECIPE_FILE, json.dumps(recipe, indent=2) + "\n"
    try:
        if begun and card.is_file() and not _same(card, text):
            raise TrainingError(
                f"{folder} holds a run with other settings: choose another folder, or remove it."
            )
        write_atomically(card, text.encode())
    except OSError as error:
        raise TrainingError(f"{card} cannot be written: {error.strerror}.") from error


def _same(card: Path, text: str) -> bool:
    """Tell whether two recipes say the same; one that is damaged does not."""
    try:
        return bool(read_json(card, most=MEGABYTE) == json.loads(text))
    except ForeignFileError:
        return False
