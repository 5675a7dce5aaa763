"""What a check of a dataset finds: a path, and what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_tavis.core.files import shown


@dataclass(frozen=True)
class Violation:
    """One breach of a dataset's format.

    Attributes
    ----------
    path : Path
        The file or folder.
    message : str
        What is wrong with it, in one sentence without the path.
    """

    path: Path
    message: str

    def __str__(self) -> str:
        return f"{shown(self.path, most=1000)}: {self.message}"


def without_path(error: Exception, path: Path) -> str:
    """Take the path off the front of a message, for it stands in the violation itself."""
    return str(error).removeprefix(f"{path} ").removeprefix(f"{shown(path)} ")
