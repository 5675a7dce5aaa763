"""Checks of the lists, and of what lies on disk without being listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from napari_tavis.core.errors import DatasetError
from napari_tavis.core.files import (
    MEGABYTE,
    ForeignFileError,
    MissingForeignFileError,
    is_inside,
    read_json,
)
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench.layout import (
    CLASS_LIST,
    DATA_FOLDERS,
    MS3_TRAIN_LIST,
    S4_HEADER,
    S4_SHUFFLED_LIST,
    ClipFiles,
    Subset,
)
from napari_tavis.datasets.avsbench.lists import ListedClip, clip_of_row
from napari_tavis.datasets.avsbench.tables import Table, read_table
from napari_tavis.datasets.names import name_problem
from napari_tavis.datasets.transaction import unfinished_exports
from napari_tavis.datasets.violations import Violation, without_path

_ELSEWHERE = "is a link that leads out of the dataset"


def read_list(
    tree: Path, name: str, found: list[Violation], header: tuple[str, ...] = ()
) -> Table | None:
    """Read a list and check its header; None if it cannot be read.

    Parameters
    ----------
    tree : Path
        The tree.
    name : str
        File name of the list.
    found : list of Violation
        Appended to.
    header : tuple of str
        What the header must begin with.

    Returns
    -------
    Table or None
    """
    path = tree / name
    try:
        table = read_table(path, tree)
    except DatasetError as error:
        found.append(Violation(path, without_path(error, path)))
        return None
    if tuple(table.header[: len(header)]) != header:
        found.append(
            Violation(path, f"has the header {','.join(table.header)!r}, not {','.join(header)!r}")
        )
    return table


def read_rows(table: Table, subset: Subset, found: list[Violation]) -> list[ListedClip]:
    """Read the rows of a subset; a bad one is a violation."""
    clips = []
    for index in range(len(table.rows)):
        try:
            clip = clip_of_row(table, index, subset)
        except DatasetError as error:
            text = str(error).removeprefix(f"{table.path}, ").removeprefix(f"{table.path} ")
            violation = Violation(table.path, text)
            if violation not in found:  # the semantic list is read once per subset
                found.append(violation)
            continue
        if clip is not None:
            clips.append(clip)
    return clips


def check_names(path: Path, clips: Iterable[ListedClip], found: list[Violation]) -> None:
    """Check that names are unique and such that every loader reads them as text."""
    listed = list(clips)
    for clip in listed:
        for text in filter(None, (clip.key.name, clip.key.category)):
            problem = name_problem(text)
            if problem is not None:
                found.append(Violation(path, f"line {clip.line}: the name {text!r} {problem}"))
    for name, count in Counter(clip.key.name for clip in listed).items():
        if count > 1:
            found.append(Violation(path, f"lists {name!r} {count} times"))


def check_s4_lists(tree: Path, table: Table, clips: list[ListedClip]) -> Iterator[Violation]:
    """Check the starts, and that the shuffled list is a permutation of the main one."""
    for clip in clips:
        if not 0 <= clip.start <= 5:
            message = f"line {clip.line}: start is {clip.start:g}, but at most 5 is allowed"
            yield Violation(table.path, message)
    found: list[Violation] = []
    shuffled = read_list(tree, S4_SHUFFLED_LIST, found, S4_HEADER)
    yield from found
    if shuffled is not None and _counted(shuffled) != _counted(table):
        yield Violation(shuffled.path, f"is not a permutation of the rows of {table.path.name}")


def check_ms3_lists(tree: Path, table: Table) -> Iterator[Violation]:
    """Check the header's split column, and that the train list holds the train rows."""
    if table.header[1:2] != ["split"]:
        yield Violation(table.path, "has no column 'split' in second place")
        return
    found: list[Violation] = []
    train = read_list(tree, MS3_TRAIN_LIST, found)
    yield from found
    wanted = Counter(row[0] for row in table.rows if row[1:2] == ["train"])
    if train is not None and Counter(row[0] for row in train.rows) != wanted:
        yield Violation(train.path, f"does not hold the train rows of {table.path.name}")


def _counted(table: Table) -> Counter[tuple[str, ...]]:
    return Counter(tuple(row) for row in table.rows)


def check_class_list(tree: Path) -> Iterator[Violation]:
    """Check label2idx.json: 71 names in order, the background first."""
    path = tree / CLASS_LIST
    try:
        classes = read_json(path, most=MEGABYTE, root=tree)
    except MissingForeignFileError:
        yield Violation(path, "is missing: it lists the 71 classes")
        return
    except ForeignFileError as error:
        yield Violation(path, f"cannot be read as json: it {error.problem}")
        return
    if not isinstance(classes, dict) or tuple(classes) != AVSBENCH_CLASSES:
        yield Violation(path, "does not hold the 71 class names in their order")


def check_semantic_rows(table: Table, clips: Iterable[ListedClip]) -> Iterator[Violation]:
    """Check uids against videos and times, and the names of sounding objects."""
    for clip in clips:
        for problem in _uid_problems(table, clip):
            yield Violation(table.path, f"line {clip.line}: {problem}")


def _uid_problems(table: Table, clip: ListedClip) -> Iterator[str]:
    key = clip.key
    if key.subset == "v1m":
        if key.name != clip.vid or clip.start != 0:
            yield f"uid {key.name!r} must be the vid {clip.vid!r}, and the times 0"
    else:
        first = round(1000 * clip.start)
        wanted = f"{clip.vid}_{first}_{first + (10_000 if key.subset == 'v2' else 5000)}"
        if key.name != wanted:
            yield f"uid {key.name!r} must be {wanted!r}, as vid and times say"
    for column in ("s_min", "s_sec"):
        if not table.cell(clip.row, column).isdigit():
            yield f"{column} must be a whole number"
    names = set(clip.sound_classes.split("_"))
    unknown = sorted(names - set(AVSBENCH_CLASSES[1:]) - {"off-the-screen"})
    if unknown:
        yield f"a_obj names {', '.join(repr(name) for name in unknown)}, no class of AVSBench"


def check_unlisted(tree: Path, clips: Iterable[ClipFiles]) -> Iterator[Violation]:
    """Find what lies where clips lie and belongs to none that is listed.

    Some loaders read folders instead of lists, or count the files in a clip's folder.
    """
    listed = list(clips)
    files = {path for clip in listed for path in clip.all}
    parts = {part for clip in listed for part in clip.parts}
    inner = {folder for path in files for folder in path.parents}
    for folder in sorted(path for path in tree.iterdir() if path.name in DATA_FOLDERS):
        if not folder.is_dir():
            yield Violation(folder, "is not a folder")
        elif is_inside(folder, tree):
            yield from _unlisted(tree, PurePosixPath(folder.name), files, parts, inner)
        else:
            yield Violation(folder, _ELSEWHERE)
    for place, what in unfinished_exports(tree):
        yield Violation(place, what)


def _unlisted(
    tree: Path,
    folder: PurePosixPath,
    files: set[PurePosixPath],
    parts: set[PurePosixPath],
    inner: set[PurePosixPath],
) -> Iterator[Violation]:
    inside_clip = folder in parts or any(parent in parts for parent in folder.parents)
    for place in sorted((tree / folder).iterdir()):
        path = folder / place.name
        if path in files:
            continue
        if not is_inside(place, tree):
            yield Violation(place, _ELSEWHERE)
        elif place.is_dir() and path in inner:
            yield from _unlisted(tree, path, files, parts, inner)
        elif inside_clip:
            yield Violation(place, "does not belong in the folder of a clip")
        elif not place.is_dir() or any(inside.is_file() for inside in place.rglob("*")):
            yield Violation(place, "is not listed: no row of the list names it")
