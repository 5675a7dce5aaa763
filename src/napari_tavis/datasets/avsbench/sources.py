"""Where the clips of a dataset come from, and under which licence: ``sources.csv`` in a tree.

No loader reads it. It keeps what the lists have no column for, so that a clip can be credited and
exported again: the same stretch of the same video.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_tavis.datasets.avsbench.layout import Subset
from napari_tavis.datasets.avsbench.tables import Table, read_or_new_table

SOURCE_LIST = "sources.csv"
SOURCE_HEADER = ("subset", "name", "video", "start", "masks", "licence", "fingerprint", "proposals")

_INCLUDED = "included"


@dataclass(frozen=True)
class ClipSource:
    """Where a clip comes from."""

    video: str  # file name
    start: float = 0.0  # where the clip begins in that file, in seconds
    masks: str = "scene"  # what they were made of: "scene", "objects" or "accepted"
    licence: str = ""  # as a person noted it: licence, author, address; may be empty
    fingerprint: str = ""  # identifies the video by its content; may be empty
    proposals: bool = False  # whether frames were written that nobody had checked


def read_source(tree: Path, subset: Subset, name: str) -> ClipSource | None:
    """Read where a clip comes from; None if nothing is kept of it.

    Raises `DatasetError` if the list cannot be read.
    """
    table = _table(tree)
    row = _row_of(table, subset, name)
    if row is None:
        return None
    start = table.cell(row, "start")
    try:
        seconds = float(start or 0)
    except ValueError:
        raise table.error(row, f"start {start!r} is not a number") from None
    masks, licence, fingerprint = (
        table.cell(row, column) for column in ("masks", "licence", "fingerprint")
    )
    proposals = "proposals" in table.header and table.cell(row, "proposals") == _INCLUDED
    return ClipSource(table.cell(row, "video"), seconds, masks, licence, fingerprint, proposals)


def updated_sources(tree: Path, subset: Subset, name: str, source: ClipSource) -> dict[Path, str]:
    """Return the new text of the list with a clip's row added or replaced."""
    table = _table(tree)
    table.header += [column for column in SOURCE_HEADER if column not in table.header]
    for older in table.rows:
        older += [""] * (len(table.header) - len(older))
    row = [""] * len(table.header)
    values = {
        "subset": subset,
        "name": name,
        "video": source.video,
        "start": f"{source.start:g}",
        "masks": source.masks,
        "licence": source.licence,
        "fingerprint": source.fingerprint,
        "proposals": _INCLUDED if source.proposals else "",
    }
    for column, value in values.items():
        row[table.column(column)] = value
    place = _row_of(table, subset, name)
    if place is None:
        table.rows.append(row)
    else:
        table.rows[place] = row
    return {table.path: table.text()}


def clips_of_video(tree: Path, fingerprint: str) -> list[tuple[str, str]]:
    """List the clips (subset and name) that a tree has of this very video file."""
    table = _table(tree)
    if not fingerprint or not {"subset", "name", "fingerprint"} <= set(table.header):
        return []
    return [
        (table.cell(row, "subset"), table.cell(row, "name"))
        for row in range(len(table.rows))
        if table.cell(row, "fingerprint") == fingerprint
    ]


def _table(tree: Path) -> Table:
    return read_or_new_table(tree / SOURCE_LIST, tree, SOURCE_HEADER)


def _row_of(table: Table, subset: str, name: str) -> int | None:
    for row in range(len(table.rows)):
        if table.cell(row, "subset") == subset and table.cell(row, "name") == name:
            return row
    return None
