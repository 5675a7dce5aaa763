"""The lists of a tree: which clips there are and where, and the lists with a clip added."""

from __future__ import annotations

import json
import math
import random
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
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
    ClipKey,
    Subset,
    check_split,
    check_subset,
    find_trees,
    list_name,
)
from napari_tavis.datasets.avsbench.tables import Table, read_or_new_table, read_table
from napari_tavis.datasets.names import Split, is_path_component


@dataclass(frozen=True)
class ListedClip:
    """One row of a list."""

    key: ClipKey
    row: int  # of the table, from 0
    line: int  # of the file
    vid: str  # name of the video; in S4 and MS3 the clip's name
    start: float  # where the clip starts in the video, in seconds
    sound_classes: str = ""  # the semantic list's a_obj; empty elsewhere


def listed_clips(tree: Path, subset: Subset) -> list[ListedClip]:
    """Read which clips of a subset a tree lists, of all splits, in the order of the list.

    Raises `DatasetError` if the list is missing, or a row makes no sense or leads out of the
    dataset.
    """
    return clips_of_table(read_table(tree / list_name(subset), tree), subset)


def find_listed_clip(root: Path, subset: Subset, name: str) -> tuple[Path, ListedClip] | None:
    """Find a clip by its name (S4, MS3) or uid (semantic), with the tree that lists it.

    Raises `DatasetError` if a list cannot be read.
    """
    for tree in find_trees(root, subset):
        if (tree / list_name(subset)).is_file():
            for clip in listed_clips(tree, subset):
                if clip.key.name == name:
                    return tree, clip
    return None


def clips_of_table(table: Table, subset: Subset) -> list[ListedClip]:
    """Read the rows of a list, as `listed_clips` does."""
    clips = (clip_of_row(table, index, subset) for index in range(len(table.rows)))
    return [clip for clip in clips if clip is not None]


def clip_of_row(table: Table, index: int, subset: Subset) -> ListedClip | None:
    """Read one row of a list; None for a row of another subset in the semantic list.

    Raises `DatasetError` if it makes no sense, or leads out of the dataset.
    """
    if subset in ("s4", "ms3"):
        return _object_clip(table, index, subset)
    return _semantic_clip(table, index, subset)


def _object_clip(table: Table, index: int, subset: Subset) -> ListedClip:
    single = subset == "s4"
    name = _component(table, index, "name", 0)
    category = _component(table, index, "category", 2) if single else ""
    split = _split(table, index, 3 if single else 1)
    start = _number(table, index, "start", 1) if single else 0.0
    key = ClipKey(subset, check_split(split), name, category)
    return ListedClip(key, index, table.lines[index], name, start)


def _semantic_clip(table: Table, index: int, subset: Subset) -> ListedClip | None:
    label = table.cell(index, "label")
    try:
        if check_subset(label) != subset:
            return None
    except DatasetError as error:
        raise table.error(index, f"label {label!r} is not a subset") from error
    key = ClipKey(subset, check_split(_split(table, index)), _component(table, index, "uid"))
    start = 60 * _number(table, index, "s_min") + _number(table, index, "s_sec")
    vid, sounds = table.cell(index, "vid"), table.cell(index, "a_obj")
    return ListedClip(key, index, table.lines[index], vid, start, sounds)


def _split(table: Table, index: int, position: int | None = None) -> str:
    split = table.cell(index, "split", position)
    try:
        return check_split(split)
    except DatasetError as error:
        raise table.error(index, f"split {split!r} is none of train, val, test") from error


def _component(table: Table, index: int, name: str, position: int | None = None) -> str:
    text = table.cell(index, name, position)
    if not is_path_component(text):
        raise table.error(index, f"{name} {text!r} is not the name of a file or folder")
    return text


def _number(table: Table, index: int, name: str, position: int | None = None) -> float:
    text = table.cell(index, name, position)
    try:
        number = float(text or 0)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise table.error(index, f"{name} {text!r} is not a number")
    return number


def updated_lists(
    tree: Path, subset: Subset, split: Split, values: Mapping[str, str], replaced: int | None
) -> dict[Path, str]:
    """Return the new texts of all lists of a tree with a clip added, or replaced.

    Other rows stay as they are, in their order. `values` is the new row, by column; `replaced` is
    the row of the main list that it replaces. Raises `DatasetError` if an existing list cannot be
    read, or does not fit AVSBench's classes.
    """
    header = {"s4": S4_HEADER, "ms3": MS3_HEADER}.get(subset, SEMANTIC_HEADER)
    table = read_or_new_table(tree / list_name(subset), tree, header)
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


def _row(table: Table, values: Mapping[str, str]) -> list[str]:
    """Lay the values out in the columns of a table, whose names may differ from ours."""
    row = [""] * len(table.header)
    for position, (name, value) in enumerate(values.items()):
        row[table.column(name, position)] = value
    return row


def _shuffled(tree: Path, table: Table, old: list[str] | None, new: list[str]) -> Table:
    """Keep the permutation: the new row takes the old one's place, or one drawn from its name."""
    shuffled = read_or_new_table(tree / S4_SHUFFLED_LIST, tree, table.header)
    if old in shuffled.rows:
        shuffled.rows[shuffled.rows.index(old)] = new
    for row in _lacking(table.rows, shuffled.rows):
        # Not `hash`, which differs from process to process.
        draw = random.Random(zlib.crc32(row[0].encode()))
        shuffled.rows.insert(draw.randint(0, len(shuffled.rows)), row)
    return shuffled


def _train_rows(tree: Path, table: Table, old: list[str] | None) -> Table:
    """Add the train rows that are missing; a replaced clip's old row goes."""
    train = read_or_new_table(tree / MS3_TRAIN_LIST, tree, table.header)
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
    """Return the text of label2idx.json where it is missing; an existing one must agree."""
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
