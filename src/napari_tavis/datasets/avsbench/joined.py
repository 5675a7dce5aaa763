"""Several sequences of clips as one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence


def locate(ends: Sequence[int], index: int) -> tuple[int, int]:
    """Find an item of several sequences that follow each other.

    Parameters
    ----------
    ends : sequence of int
        Where each ends: the sums of their lengths.
    index : int
        Position in all of them, counted from 0 or, negative, from the end.

    Returns
    -------
    int
        In which sequence it is.
    int
        Its position there.

    Raises
    ------
    IndexError
        If there is no such item.
    """
    index = range(ends[-1] if ends else 0)[index]
    number = bisect_right(ends, index)
    return number, index - (ends[number - 1] if number else 0)
