"""Tensors that belong together and have one row per frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import torch
from torch import Tensor


@dataclass
class Rows:
    """A dataclass of tensors, or of other `Rows`, whose first axis counts the same frames.

    A part may be None: it is then not there for any of the frames.
    """

    def rows(self, index: slice | Tensor) -> Self:
        """Give some rows; with a slice they share their memory with these."""
        return self._each(lambda part: part.rows(index) if isinstance(part, Rows) else part[index])

    def row(self, number: int) -> Self:
        """Copy one row, so that it outlives the others without holding their memory."""
        return self.rows(slice(number, number + 1)).clone()

    def clone(self) -> Self:
        """Copy all rows."""
        return self._each(lambda part: part.clone())

    def to(self, device: torch.device | str) -> Self:
        """Move all rows to a device."""
        return self._each(lambda part: part.to(device))

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Put the rows of several one after the other.

        Parameters
        ----------
        parts : sequence of Rows
            At least one. What one of them does not have, the result has not either.
        """
        return cls(*(_join([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    @property
    def nbytes(self) -> int:
        """Memory that the tensors take."""
        parts = (getattr(self, field.name) for field in fields(self))
        return sum(part.nbytes for part in parts if part is not None)

    def _each(self, change: Callable[[Any], Any]) -> Self:
        """Change every part that is there."""
        parts = (getattr(self, field.name) for field in fields(self))
        return type(self)(*(None if part is None else change(part) for part in parts))


def _join(parts: Sequence[Any]) -> Any:
    """Join the same part of several."""
    if any(part is None for part in parts):
        return None
    if isinstance(parts[0], Rows):
        return type(parts[0]).join(parts)
    return torch.cat(list(parts))
