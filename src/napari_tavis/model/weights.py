"""Comparing the weights that a model needs with those that a file holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

_LISTED = 40


class Shaped(Protocol):
    """A tensor or an array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""


def describe_mismatch(expected: Mapping[str, Shaped], given: Mapping[str, Shaped]) -> str:
    """Say in which names and shapes weights differ from those expected.

    Parameters
    ----------
    expected : mapping of str to Tensor
        What the model needs.
    given : mapping of str to Tensor or ndarray
        What there is.

    Returns
    -------
    str
        Every name that is missing, surplus or of the wrong shape (the first 40 of each); empty
        if all fits.
    """
    misshaped = [
        f"{name} (is {tuple(value.shape)}, needs {tuple(expected[name].shape)})"
        for name, value in given.items()
        if name in expected and tuple(value.shape) != tuple(expected[name].shape)
    ]
    problems = {
        "missing": [name for name in expected if name not in given],
        "surplus": [name for name in given if name not in expected],
        "of the wrong shape": misshaped,
    }
    found = (f"{kind}: {list_names(names)}" for kind, names in problems.items() if names)
    return "; ".join(found)


def list_names(names: list[str]) -> str:
    """Give names in one line, the first ones if there are very many.

    Parameters
    ----------
    names : list of str
        At least one.

    Returns
    -------
    str
        The names, and how many are not shown.
    """
    shown = ", ".join(names[:_LISTED])
    return shown if len(names) <= _LISTED else f"{shown} and {len(names) - _LISTED} more"
