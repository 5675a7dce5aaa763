"""Classes that AVSBench lacks: exported as one it has, or left out, as a person decides."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from napari_tavis.core.errors import DatasetError
from napari_tavis.core.files import MEGABYTE, ForeignFileError, MissingForeignFileError, read_json
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES, BACKGROUND, class_index

# from a session's class to the one it is exported as; None leaves it out
ClassMapping: TypeAlias = Mapping[str, str | None]

# kept with a dataset: what its exports were told, so that nobody is asked twice
MAPPING_FILE = "class_mapping.json"


class UnmappedClassError(DatasetError):
    """Objects have classes that AVSBench does not have, `class_names`, and no mapping has them."""

    def __init__(self, class_names: tuple[str, ...]) -> None:
        super().__init__(
            f"AVSBench has no class for {', '.join(repr(name) for name in class_names)}: say "
            "which of its 70 classes each becomes, or leave these objects out, then export."
        )
        self.class_names = class_names


def exported_class(name: str, mapping: ClassMapping) -> str | None:
    """Return the AVSBench class that a class is exported as; None if left out or not mapped."""
    if name in mapping:
        return mapping[name]
    return name if class_index(name) is not None else None


def unmapped_classes(names: Iterable[str], mapping: ClassMapping) -> tuple[str, ...]:
    """Return the classes that AVSBench does not have and the mapping does not name, each once."""
    lacking = (name for name in names if name not in mapping and class_index(name) is None)
    return tuple(dict.fromkeys(lacking))


def check_mapping(mapping: ClassMapping) -> dict[str, str | None]:
    """Refuse a mapping to something that is no class of AVSBench.

    The `DatasetError` names the first wrong class and the nearest right one.
    """
    for name, target in mapping.items():
        if target is not None and (target == BACKGROUND or class_index(target) is None):
            near = suggest_class(target)
            hint = f"; did you mean {near!r}?" if near else ""
            raise DatasetError(
                f"{name!r} cannot become {target!r}, which is not a class of AVSBench{hint}"
                f"{'' if hint else ': choose one of its 70.'}"
            )
    return dict(mapping)


def parse_mapping(entries: Iterable[str]) -> dict[str, str | None]:
    """Parse what a person typed: ``church bell=bell`` maps, ``rain=`` leaves out.

    Raises `DatasetError` if an entry has no ``=``, or names no class of AVSBench.
    """
    mapping: dict[str, str | None] = {}
    for entry in entries:
        name, sign, target = entry.partition("=")
        if not sign or not name.strip():
            raise DatasetError(
                f"{entry!r} is not a mapping: write 'church bell=bell', or 'rain=' to leave it out."
            )
        mapping[name.strip()] = target.strip() or None
    return check_mapping(mapping)


def suggest_class(name: str) -> str | None:
    """Find the AVSBench class most likely meant by some words, such as ``Hair dryer``.

    It is one whose name is the same except for spelling, is one of the words, or looks much alike;
    None if there is none.
    """
    words = name.casefold().replace("_", " ").replace("-", " ").split()
    classes = AVSBENCH_CLASSES[1:]
    for text in ("-".join(words), *reversed(words)):  # English puts the main word last
        if text in classes:
            return text
    near = difflib.get_close_matches("-".join(words), classes, n=1, cutoff=0.75)
    return near[0] if near else None


def read_mapping(tree: Path) -> dict[str, str | None]:
    """Read what earlier exports to a tree were told of classes that AVSBench does not have.

    Raises `DatasetError` if the file cannot be read.
    """
    path = tree / MAPPING_FILE
    try:
        content = read_json(path, most=MEGABYTE, root=tree)
        pairs = {str(name): None if to is None else str(to) for name, to in content.items()}
        return check_mapping(pairs)
    except MissingForeignFileError:
        return {}
    except (ForeignFileError, AttributeError, DatasetError) as error:
        raise DatasetError(f"{path} cannot be read ({error}): correct or delete it.") from error


def updated_mapping(tree: Path, mapping: ClassMapping) -> dict[Path, str]:
    """Return the new text of the file that keeps the mapping; nothing if nothing is new."""
    known = read_mapping(tree)
    merged = {**known, **mapping}
    if merged == known:
        return {}
    text = json.dumps(merged, indent=2, ensure_ascii=False, sort_keys=True)
    return {tree / MAPPING_FILE: text + "\n"}
