"""Which names a clip, a video or a category may have in a dataset, and what its splits are called.

The rules keep every known loader working: pandas must read a name back as the same text, names
become file names on any system, and some loaders cut paths at the word "frames".
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal, TypeAlias, get_args

from napari_tavis.core.errors import DatasetError

Split: TypeAlias = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

MAX_NAME_BYTES = 180

# what pandas reads as a missing value, a float or a truth value, not as text
_NOT_AVAILABLE = frozenset(
    name.casefold()
    for name in (
        "#N/A|#N/A N/A|#NA|-1.#IND|-1.#QNAN|-NaN|1.#IND|1.#QNAN|<NA>|N/A|NA|NULL|NaN|None|"
        "inf|infinity|-inf|-infinity|+inf|+infinity|true|false"
    ).split("|")
)

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[/\\:*?"<>|,;\x00-\x1f\x7f]')


def name_problem(name: str) -> str | None:
    """Say what is wrong with the name of a clip (S4, MS3), a ``vid`` (semantic) or a category.

    It is the end of the sentence "the name ...", or None if the name is good.
    """
    found = _FORBIDDEN.search(name)
    problems = (
        (not name.strip(), "is empty"),
        (found is not None, f"contains {found.group()!r}" if found else ""),
        (name != name.strip() or name.endswith("."), "begins or ends with a space or a dot"),
        (name in (".", "..") or name.startswith("."), "begins with a dot"),
        (_NUMBER.fullmatch(name) is not None, "is a number, which loaders do not read as text"),
        (name.casefold() in _NOT_AVAILABLE, "is read as a missing or special value by loaders"),
        ("frames" in name, 'contains the word "frames", at which loaders cut paths'),
        (_RESERVED.fullmatch(name) is not None, "is reserved on Windows"),
        (len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES, "is too long"),
        (any("\ud800" <= letter <= "\udfff" for letter in name), "is not valid text"),
    )
    return next((problem for wrong, problem in problems if wrong), None)


def check_name(name: str, what: str = "clip") -> str:
    """Return a name that loaders and file systems can handle; else raise `DatasetError`.

    `what` says what it names, for the message.
    """
    problem = name_problem(name)
    if problem is not None:
        raise DatasetError(f"The {what} name {name!r} {problem}: choose another one.")
    return name


def check_text(text: str, what: str) -> None:
    """Refuse text that is not valid Unicode, as no list could hold it: `DatasetError`.

    Such text comes from file names that are not UTF-8.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise DatasetError(
            f"The {what} {text!r} is not valid text (UTF-8), and no dataset can hold it: rename it."
        ) from None


def is_path_component(text: str) -> bool:
    """Say whether a text from a list stays inside its folder when used as one path component.

    Laxer than `name_problem`: it says only that the path cannot leave the dataset.
    """
    return bool(text) and text not in (".", "..") and not re.search(r"[/\\\x00]|^[A-Za-z]:", text)


def suggest_name(text: str) -> str:
    """Turn any text, such as a video's file name, into a name that `check_name` accepts.

    It has letters (without accents), digits, ``-`` and ``_``, and is always the same for a text.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", plain).strip("-")[:80].replace("frames", "images")
    if name and name_problem(name) is None:
        return name
    return f"clip-{name}" if name else "clip"
