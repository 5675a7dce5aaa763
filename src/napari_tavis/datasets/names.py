"""Which names a clip, a video or a category may have in a dataset, and what its parts are called.

The rules keep every known loader alive: pandas must read a name back as the same text, names
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

_NOT_AVAILABLE = frozenset(
    name.casefold()
    for name in (
        "#N/A|#N/A N/A|#NA|-1.#IND|-1.#QNAN|-NaN|1.#IND|1.#QNAN|<NA>|N/A|NA|NULL|NaN|None|"
        "inf|infinity|-inf|-infinity|+inf|+infinity|true|false"
    ).split("|")
)
"""What pandas reads as a missing value, a float or a truth value instead of as text."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[/\\:*?"<>|,;\x00-\x1f\x7f]')


def name_problem(name: str) -> str | None:
    """Say what is wrong with a name.

    Parameters
    ----------
    name : str
        Name of a clip (S4, MS3), a ``vid`` (semantic) or a category.

    Returns
    -------
    str or None
        The end of the sentence "the name ...", or None where the name is good.
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
    """Refuse a name that AVSBench's loaders or the file system would not survive.

    Parameters
    ----------
    name : str
        The name.
    what : str
        What it names, for the message.

    Returns
    -------
    str
        The same name.

    Raises
    ------
    DatasetError
        If `name_problem` finds something.
    """
    problem = name_problem(name)
    if problem is not None:
        raise DatasetError(f"The {what} name {name!r} {problem}: choose another one.")
    return name


def check_text(text: str, what: str) -> None:
    """Refuse a text that is not valid Unicode: it could not be written into any list.

    Such texts come from file names that are not UTF-8.

    Raises
    ------
    DatasetError
        Naming it.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise DatasetError(
            f"The {what} {text!r} is not valid text (UTF-8), and no dataset can hold it: rename it."
        ) from None


def is_path_component(text: str) -> bool:
    """Tell whether a text from a list stays inside its folder when used as one path component.

    Laxer than `name_problem`: it says only that the path cannot leave the dataset.

    Parameters
    ----------
    text : str
        A name, uid, category or split read from a list.

    Returns
    -------
    bool
    """
    return bool(text) and text not in (".", "..") and not re.search(r"[/\\\x00]|^[A-Za-z]:", text)


def suggest_name(text: str) -> str:
    """Turn any text, a video's file name for example, into a name that `check_name` accepts.

    Parameters
    ----------
    text : str
        For example the stem of a file name.

    Returns
    -------
    str
        Letters (without accents), digits, ``-`` and ``_``; stable for the same text.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", plain).strip("-")[:80].replace("frames", "images")
    if name and name_problem(name) is None:
        return name
    return f"clip-{name}" if name else "clip"
