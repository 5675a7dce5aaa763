"""What to call a model that is made of files."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from napari_tavis.weights.store import RESERVED

_LONGEST = 60
_SUFFIXES = (".pth", ".pt", ".bin", ".safetensors")


def suggest_name(files: Sequence[str | Path], taken: Collection[str] = ()) -> str:
    """Suggest a name for a model.

    Parameters
    ----------
    files : sequence of str or Path
        What it is made of.
    taken : collection of str
        Names of other models.

    Returns
    -------
    str
        Made of the files' names, and free; empty if there are no files.
    """
    stems = [re.sub(r"[^A-Za-z0-9_.+-]+", "_", _stem(Path(file))) for file in files]
    name = "+".join(stems)[:_LONGEST].strip("_.+-")
    if not files:
        return ""
    used = {*(one.lower() for one in taken), *RESERVED}
    name = name or "model"
    candidate, number = name, 2
    while candidate.lower() in used:
        candidate, number = f"{name}_{number}", number + 1
    return candidate


def _stem(file: Path) -> str:
    """Give a name without its suffix; installed parts have none, but dots in their names."""
    return file.stem if file.suffix.lower() in _SUFFIXES else file.name
