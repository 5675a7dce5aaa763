"""Under which terms weights may be used, and whether the user was shown them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from napari_tavis.weights.files import read_json, write_json


@dataclass(frozen=True)
class Licence:
    """The terms of one project's weights.

    Parameters
    ----------
    work : str
        Whose weights.
    name : str
        Name of the licence.
    terms : str
        What it means for the user, in a sentence.
    address : str
        Where its text is.
    """

    work: str
    name: str
    terms: str
    address: str

    def describe(self) -> str:
        """Give the licence in one line."""
        return f"{self.work}: {self.name}. {self.terms} {self.address}"


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
"""By the work that they are about."""

_CONTENTS = {"tavis": ("tavis", "imagebind"), "start": ("imagebind",)}
_SHOWN = "licences.json"
_SUFFIXES = (".pth", ".pt", ".bin")


def licences_of(kind: str, segmenter: str = "sam2") -> tuple[Licence, ...]:
    """Give the licences of a kind of weights (see `napari_tavis.model.conversion`).

    A model of TAViS has the weights of ImageBind and SAM 2 inside, and their terms with them.

    Parameters
    ----------
    kind : str
        Of the weights.
    segmenter : {"sam2", "sam"}
        What a whole model segments with.
    """
    works = (*_CONTENTS[kind], segmenter) if kind in _CONTENTS else (kind,)
    return tuple(LICENCES[work] for work in works)


def licences_of_file(model: str | Path) -> tuple[Licence, ...]:
    """Give the licences of a model that is used straight from its authors' file; else none.

    Installed models and files of this package have none here: they were made of the authors'
    files, and the licences shown then.
    """
    return licences_of("tavis") if Path(model).suffix.lower() in _SUFFIXES else ()


def not_shown_yet(directory: Path, licences: Iterable[Licence]) -> list[Licence]:
    """Give those licences that the user was not shown before.

    Parameters
    ----------
    directory : Path
        The user's directory, see `napari_tavis.core.home`.
    licences : iterable of Licence
        Those in question.
    """
    shown = read_json(directory / _SHOWN)
    return [licence for licence in licences if licence.work not in shown]


def note_shown(directory: Path, licences: Iterable[Licence]) -> None:
    """Note that the user was shown licences."""
    path = directory / _SHOWN
    write_json(path, {**read_json(path), **{one.work: one.name for one in licences}})
