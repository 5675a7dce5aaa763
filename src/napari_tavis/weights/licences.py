"""Under which terms weights may be used, and whether the user has seen them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from napari_tavis.weights.files import read_json, write_json


@dataclass(frozen=True)
class Licence:
    """The terms of one project's weights."""

    work: str  # whose weights
    name: str
    terms: str  # what it means for the user, in a sentence
    address: str  # where its text is

    def describe(self) -> str:
        """Return the licence in one line."""
        return f"{self.work}: {self.name}. {self.terms} {self.address}"


# by the work that they are about
LICENCES = {
    "tavis": Licence(
        "TAViS",
        "MIT",
        "Free use, also commercial, if the notice is kept.",
        "https://opensource.org/license/mit",
    ),
    "imagebind": Licence(
        "ImageBind",
        "CC BY-NC-SA 4.0",
        "No commercial use; name the authors; share what you derive under the same licence.",
        "https://creativecommons.org/licenses/by-nc-sa/4.0/",
    ),
    "sam2": Licence(
        "SAM 2",
        "Apache 2.0",
        "Free use, also commercial, if the notices are kept.",
        "https://www.apache.org/licenses/LICENSE-2.0",
    ),
    "sam": Licence(
        "SAM",
        "Apache 2.0",
        "Free use, also commercial, if the notices are kept.",
        "https://www.apache.org/licenses/LICENSE-2.0",
    ),
}

# the works inside, by kind of weights
_CONTENTS = {"tavis": ("tavis", "imagebind"), "start": ("imagebind",)}
_SHOWN = "licences.json"  # in the user's data folder
_SUFFIXES = (".pth", ".pt", ".bin")  # of the authors' files


def licences_of(kind: str, segmenter: str = "sam2") -> tuple[Licence, ...]:
    """Return the licences of a kind of weights (see `napari_tavis.model.conversion`).

    A model of TAViS contains weights of ImageBind and of its segmenter, SAM 2 or SAM, and inherits
    their terms.
    """
    works = (*_CONTENTS[kind], segmenter) if kind in _CONTENTS else (kind,)
    return tuple(LICENCES[work] for work in works)


def licences_of_file(model: str | Path) -> tuple[Licence, ...]:
    """Return the licences of a model that is used straight from its authors' file; else none.

    Installed models and this package's own have none here: they were made from the authors' files,
    whose licences were shown then.
    """
    return licences_of("tavis") if Path(model).suffix.lower() in _SUFFIXES else ()


def not_shown_yet(directory: Path, licences: Iterable[Licence]) -> list[Licence]:
    """Return those licences that the user has not seen; `directory` is the user's data folder."""
    shown = read_json(directory / _SHOWN)
    return [licence for licence in licences if licence.work not in shown]


def note_shown(directory: Path, licences: Iterable[Licence]) -> None:
    """Note that the user has seen licences."""
    path = directory / _SHOWN
    write_json(path, {**read_json(path), **{one.work: one.name for one in licences}})
