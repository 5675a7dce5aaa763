"""Csv tables as AVSBench uses them: every cell is text, and every row is kept as it stands."""

from __future__ import annotations

import csv
import io
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

MOST_BYTES = 64 * MEGABYTE
"""Of a list: a hundred times AVSBench's own."""


@dataclass
class Table:
    """A csv list: its header and its rows, in the order of the file.

    Attributes
    ----------
    path : Path
        Where it was read from, for messages.
    header : list of str
    rows : list of list of str
    lines : list of int
        Line of the file on which each row ends; the header's is 1.
    newline : str
        Line ending of the file.
    """

    path: Path
    header: list[str]
    rows: list[list[str]]
    lines: list[int]
    newline: str = "\n"

    def text(self) -> str:
        """Give the list as csv text."""
        stream = io.StringIO()
        csv.writer(stream, lineterminator=self.newline).writerows([self.header, *self.rows])
        return stream.getvalue()

    def column(self, name: str, position: int | None = None) -> int:
        """Find a column by its name, else at its usual position.

        Parameters
        ----------
        name : str
            Its name in the header.
        position : int or None
            Where loaders look for it if they do not go by its name.

        Returns
        -------
        int

        Raises
        ------
        DatasetError
            If there is no such column.
        """
        if name in self.header:
            return self.header.index(name)
        if position is not None and position < len(self.header):
            return position
        raise DatasetError(f"{self.path} has no column {name!r}: its header must name it.")

    def cell(self, index: int, name: str, position: int | None = None) -> str:
        """Give one cell.

        Parameters
        ----------
        index : int
            Which row.
        name, position
            The column, as in `column`.

        Returns
        -------
        str

        Raises
        ------
        DatasetError
            If there is no such column, or the row is too short.
        """
        column = self.column(name, position)
        if column >= len(self.rows[index]):
            raise self.error(index, f"it has no {name!r} cell")
        return self.rows[index][column]

    def error(self, index: int, problem: str) -> DatasetError:
        """Make an error that names the file and the line of a row."""
        return DatasetError(f"{self.path}, line {self.lines[index]}: {problem}: correct the row.")


def read_table(path: Path, root: Path) -> Table:
    """Read a csv list.

    Parameters
    ----------
    path : Path
        The file.
    root : Path
        The folder that it must lie in, all links followed.

    Returns
    -------
    Table

    Raises
    ------
    DatasetError
        If it is missing, empty, not UTF-8, or not csv.
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
