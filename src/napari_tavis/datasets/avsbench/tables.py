"""Csv tables as AVSBench uses them: every cell is text, and every row is kept as it is."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_tavis.core.errors import DatasetError
from napari_tavis.core.files import (
    MEGABYTE,
    ForeignFileError,
    MissingForeignFileError,
    read_text,
    shown,
)

MOST_BYTES = 64 * MEGABYTE  # of a list: a hundred times AVSBench's own


@dataclass
class Table:
    """A csv list: its header and its rows, in the order of the file."""

    path: Path  # for messages
    header: list[str]
    rows: list[list[str]]
    lines: list[int]  # of the file, on which each row ends; the header's is 1
    newline: str = "\n"  # as in the file

    def text(self) -> str:
        """Return the list as csv text."""
        stream = io.StringIO()
        csv.writer(stream, lineterminator=self.newline).writerows([self.header, *self.rows])
        return stream.getvalue()

    def column(self, name: str, position: int | None = None) -> int:
        """Find a column by its name, else at its usual position; `DatasetError` without it.

        The position is where loaders that do not go by the name look for it.
        """
        if name in self.header:
            return self.header.index(name)
        if position is not None and position < len(self.header):
            return position
        raise DatasetError(f"{self.path} has no column {name!r}: its header must name it.")

    def cell(self, index: int, name: str, position: int | None = None) -> str:
        """Return one cell; the column is found as by `column`.

        Raises `DatasetError` without such a column, or if the row is too short.
        """
        column = self.column(name, position)
        if column >= len(self.rows[index]):
            raise self.error(index, f"it has no {name!r} cell")
        return self.rows[index][column]

    def error(self, index: int, problem: str) -> DatasetError:
        """Make an error that names the file and the line of a row."""
        return DatasetError(f"{self.path}, line {self.lines[index]}: {problem}: correct the row.")


def read_table(path: Path, root: Path) -> Table:
    """Read a csv list, which must be inside `root`, all links followed.

    Raises `DatasetError` if it is missing, empty, not UTF-8, or not csv.
    """
    try:
        text = read_text(path, most=MOST_BYTES, root=root)
    except MissingForeignFileError as error:
        raise DatasetError(
            f"{shown(path)} is missing: it lists the clips of its subset."
        ) from error
    except ForeignFileError as error:
        raise DatasetError(str(error)) from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        numbered = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise DatasetError(
            f"{path}, line {reader.line_num}, is not csv ({error}): correct it."
        ) from error
    if not numbered:
        raise DatasetError(f"{path} is empty: it must at least have its header.")
    lines, rows = [line for line, _ in numbered], [row for _, row in numbered]
    return Table(path, rows[0], rows[1:], lines[1:], "\r\n" if "\r\n" in text else "\n")


def read_or_new_table(path: Path, root: Path, header: Sequence[str]) -> Table:
    """Read a csv list, or make an empty one where there is no file."""
    return read_table(path, root) if path.exists() else Table(path, list(header), [], [])
