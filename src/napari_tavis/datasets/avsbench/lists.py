"""What the lists of a tree say: which clips there are, and where they lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from napari_tavis.core.errors import DatasetError
from napari_tavis.datasets.avsbench.layout import (
    ClipKey,
    Subset,
    check_split,
    check_subset,
    find_trees,
    list_name,
)
from napari_tavis.datasets.avsbench.tables import Table, read_table
from napari_tavis.datasets.names import is_path_component


@dataclass(frozen=True)
class ListedClip:
    """One row of a list.

    Attributes
    ----------
    key : ClipKey
        Where the clip lies.
    row : int
        Which row of the table it is, counted from 0.
    line : int
        Line of the file.
    vid : str
        Name of the video; in S4 and MS3 the clip's name.
    start : float
        Where the clip starts in the video, in seconds.
    sound_classes : str
        The semantic list's ``a_obj``; empty elsewhere.
    """

    key: ClipKey
    row: int
    line: int
    vid: str
    start: float
    sound_classes: str = ""


def listed_clips(tree: Path, subset: Subset) -> list[ListedClip]:
    """Read which clips of a subset a tree lists.

    Parameters
    ----------
    tree : Path
        The tree.
    subset : {"s4", "ms3", "v1s", "v1m", "v2"}
        The subset.

    Returns
    -------
    list of ListedClip
        In the order of the list; all splits.

    Raises
    ------
    DatasetError
        If the list is missing, or a row does not make sense or leads out of the dataset.
    """
    return clips_of_table(read_table(tree / list_name(subset), tree), subset)


def find_listed_clip(root: Path, subset: Subset, name: str) -> tuple[Path, ListedClip] | None:
    """Find a clip by its name.

    Parameters
    ----------
    root : Path
        Folder of the dataset; the trees may lie up to two folders deeper.
    subset : {"s4", "ms3", "v1s", "v1m", "v2"}
        The subset.
    name : str
        Name (S4, MS3) or uid (semantic).

    Returns
    -------
    tuple of Path and ListedClip, or None
        The tree that lists it, and what it says.

    Raises
    ------
    DatasetError
        If a list cannot be read.
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
    """Read one row of a list.

    Parameters
    ----------
    table : Table
        The list.
    index : int
        Which row.
    subset : {"s4", "ms3", "v1s", "v1m", "v2"}
        The subset; a row of another subset in the semantic list gives None.

    Returns
    -------
    ListedClip or None

    Raises
    ------
    DatasetError
        If the row does not make sense, or leads out of the dataset.
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
        raise table.error(index, f"label {label!r} is no subset") from error
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
