"""The lists of a tree as they must read once a clip was added to it or replaced in it.

Rows that are there stay as they are, in their order; nothing is written here.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Mapping
from pathlib import Path

from napari_tavis.core.errors import DatasetError
from napari_tavis.core.files import MEGABYTE, ForeignFileError, read_json
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench.layout import (
    CLASS_LIST,
    MS3_HEADER,
    MS3_TRAIN_LIST,
    S4_HEADER,
    S4_SHUFFLED_LIST,
    SEMANTIC_HEADER,
    Subset,
    list_name,
)
from napari_tavis.datasets.avsbench.tables import Table, read_table
from napari_tavis.datasets.names import Split


def updated_lists(
    tree: Path, subset: Subset, split: Split, values: Mapping[str, str], replaced: int | None
) -> dict[Path, str]:
    """Compute the new texts of all lists of a tree.

    Parameters
    ----------
    tree : Path
        The tree.
    subset : {"s4", "ms3", "v1s", "v1m", "v2"}
        The subset of the clip.
    split : {"train", "val", "test"}
        Its split.
    values : mapping
        The new row: column name to text.
    replaced : int or None
        Row of the main list that it replaces; None appends.

    Returns
    -------
    dict
        File to its whole new text.

    Raises
    ------
    DatasetError
        If an existing list cannot be read, or does not fit AVSBench's classes.
    """
    header = {"s4": S4_HEADER, "ms3": MS3_HEADER}.get(subset, SEMANTIC_HEADER)
    table = _table(tree, list_name(subset), header)
    old = None if replaced is None else list(table.rows[replaced])
    new = _row(table, values)
    if replaced is None:
        table.rows.append(new)
    else:
        table.rows[replaced] = new
    texts = {table.path: table.text()}
    if subset == "s4":
        shuffled = _shuffled(tree, table, old, new)
        texts[shuffled.path] = shuffled.text()
    elif subset == "ms3":
        train = _train_rows(tree, table, old)
        texts[train.path] = train.text()
    else:
        texts.update(_class_list(tree))
    return texts


def _table(tree: Path, name: str, header: tuple[str, ...]) -> Table:
    path = tree / name
    return read_table(path, tree) if path.exists() else Table(path, list(header), [], [])


def _row(table: Table, values: Mapping[str, str]) -> list[str]:
    """Lay the values out in the columns of a table, whose names may differ from ours."""
    row = [""] * len(table.header)
    for position, (name, value) in enumerate(values.items()):
        row[table.column(name, position)] = value
    return row


def _shuffled(tree: Path, table: Table, old: list[str] | None, new: list[str]) -> Table:
    """Keep the permutation: the new row takes the old one's place, or one drawn from its name."""
    shuffled = _table(tree, S4_SHUFFLED_LIST, tuple(table.header))
    if old in shuffled.rows:
        shuffled.rows[shuffled.rows.index(old)] = new
    for row in _lacking(table.rows, shuffled.rows):
        draw = random.Random(zlib.crc32(row[0].encode()))
        shuffled.rows.insert(draw.randint(0, len(shuffled.rows)), row)
    return shuffled


def _train_rows(tree: Path, table: Table, old: list[str] | None) -> Table:
    """Add the train rows that are not there yet; a replaced clip's old row goes."""
    train = _table(tree, MS3_TRAIN_LIST, tuple(table.header))
    column = table.column("split", 1)
    if old in train.rows:
        train.rows.remove(old)
    wanted = [row for row in table.rows if row[column : column + 1] == ["train"]]
    train.rows += _lacking(wanted, train.rows)
    return train


def _lacking(wanted: list[list[str]], rows: list[list[str]]) -> list[list[str]]:
    present = {tuple(row) for row in rows}
    return [row for row in wanted if tuple(row) not in present]


def _class_list(tree: Path) -> dict[Path, str]:
    """Give the text of label2idx.json where it is missing; an existing one must agree."""
    path = tree / CLASS_LIST
    if not path.exists():
        classes = {name: index for index, name in enumerate(AVSBENCH_CLASSES)}
        return {path: json.dumps(classes, indent=2) + "\n"}
    try:
        names = list(read_json(path, most=MEGABYTE, root=tree))
    except (ForeignFileError, TypeError) as error:
        raise DatasetError(f"{path} cannot be read as a json list of classes: {error}.") from error
    if tuple(names) != AVSBENCH_CLASSES:
        raise DatasetError(
            f"{path} does not list AVSBench's 71 classes in their order: "
            "export to another folder, or correct it."
        )
    return {}
