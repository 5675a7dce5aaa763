"""Seen and unseen classes: training on the ones, and testing on the others as well.

AVSBench-OV (Guo et al., *Open-Vocabulary Audio-Visual Semantic Segmentation*, ACM MM 2024) splits
the 70 classes of AVSBench-semantic into base and novel ones. Clips are chosen by what the list
says is heard in them, so no label has to be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_tavis.core.errors import TrainingError
from napari_tavis.core.files import MEGABYTE, ForeignFileError, read_json, read_text, shown
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES, BACKGROUND
from napari_tavis.datasets.avsbench import OFF_SCREEN, DatasetReader
from napari_tavis.datasets.avsbench.lists import ListedClip

PARTS = ("seen", "unseen", "all")
NOVEL = "n"  # the frequency that AVSBench-OV gives novel classes in training

_MOST_BYTES = 512 * MEGABYTE  # AVSBench-OV's annotations hold all masks
_NAMES = {"seen": ("seen", "base"), "unseen": ("unseen", "novel")}


@dataclass(frozen=True)
class ClassSplit:
    """Which classes of AVSBench are trained on; none is in both."""

    seen: tuple[str, ...]
    unseen: tuple[str, ...]


def read_class_split(path: Path | str) -> ClassSplit:
    """Read which classes are seen and which are not.

    The file is JSON ``{"seen": [...], "unseen": [...]}``, or with ``base`` and ``novel``; one of
    the two may be left out: it is then all other classes. Or it is AVSBench-OV's own annotations,
    whose ``categories`` have the ``frequency`` ``"n"`` where they are novel, or a text file with a
    seen class on each line. Raises `TrainingError` if it cannot be read, or a name is no class of
    AVSBench or in both lists.
    """
    path = Path(path)
    try:
        if path.suffix == ".json":
            data = read_json(path, most=_MOST_BYTES)
        else:
            data = {"seen": read_text(path, most=MEGABYTE).split()}
    except ForeignFileError as error:
        raise TrainingError(
            f"{shown(path)} cannot be read as a list of classes: it {error.problem}."
        ) from error
    seen, unseen = _names(path, data, "seen"), _names(path, data, "unseen")
    if seen is None and unseen is None:
        raise TrainingError(f'{path} names no classes: write {{"seen": [...], "unseen": [...]}}.')
    classes = AVSBENCH_CLASSES[1:]
    if seen is None:
        seen = tuple(name for name in classes if name not in (unseen or ()))
    if unseen is None:
        unseen = tuple(name for name in classes if name not in seen)
    unknown = [name for name in (*seen, *unseen) if name not in classes]
    if unknown:
        raise TrainingError(
            f"{path} names {shown(', '.join(unknown))}, no class of AVSBench: correct it."
        )
    both = [name for name in seen if name in unseen]
    if both:
        raise TrainingError(f"{path} has {', '.join(both)} both seen and unseen: choose one.")
    return ClassSplit(seen, unseen)


def _names(path: Path, data: object, part: str) -> tuple[str, ...] | None:
    """Give one of the lists; None if the file does not have it."""
    lists = data if isinstance(data, dict) else {"seen": data}
    found = next((lists[word] for word in _NAMES[part] if word in lists), None)
    if found is None and "categories" in lists:
        found = _of_categories(path, lists["categories"], part)
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise TrainingError(f"{path}: {part!r} must be a list of class names.")
    return tuple(dict.fromkeys(name for name in found if name != BACKGROUND))


def _of_categories(path: Path, categories: object, part: str) -> list[str]:
    """Read the categories of AVSBench-OV's annotations."""
    try:
        frequencies = {entry["name"]: entry["frequency"] for entry in categories}  # type: ignore[attr-defined]
    except (TypeError, KeyError) as error:
        raise TrainingError(f"{path}: each category must have a name and a frequency.") from error
    return [name for name, often in frequencies.items() if (often == NOVEL) == (part == "unseen")]


def of_classes(
    readers: Sequence[DatasetReader], split: ClassSplit, part: str
) -> list[DatasetReader]:
    """Choose clips of semantic readers by their classes.

    ``part`` is ``"seen"`` (all classes are seen), ``"unseen"`` (one is not) or ``"all"``; any other
    is a `TrainingError`.
    """
    if part not in PARTS:
        raise TrainingError(f"The open vocabulary has no part {part!r}: choose ov, ov-unseen.")
    known, new = {*split.seen, *split.unseen}, {*split.unseen}

    def wanted(clip: ListedClip) -> bool:
        names = {*clip.sound_classes.split("_")} - {OFF_SCREEN, ""}
        is_new = bool(names & new)
        return names <= known and (part == "all" or is_new == (part == "unseen"))

    return [reader.choose(wanted) for reader in readers]
