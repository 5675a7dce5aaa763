"""What `validate` finds: a path, and what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Violation:
    """One breach of AVSBench's format.

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
        return f"{self.path}: {self.message}"
