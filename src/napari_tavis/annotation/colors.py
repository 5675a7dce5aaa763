"""The colour of a class: AVSBench's palette, and beyond it for words AVSBench does not have."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import TypeAlias

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES, class_color, class_index

RGB: TypeAlias = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

SCENE_COLOR: RGB = (255, 255, 255)
"""The scene mask's colour, which no class has."""

_FIRST_FREE = len(AVSBENCH_CLASSES)
_PALETTE_SIZE = 256


def class_colors(names: Iterable[str]) -> dict[str, RGB]:
    """Give each class a colour.

    AVSBench's classes have its palette's colour. Another word takes one of the palette's later
    colours by its spelling, so that it looks the same in every video; where two words of one
    vocabulary meet, the later one moves on to the next free colour.

    Parameters
    ----------
    names : iterable of str
        Class names, in the vocabulary's order.

    Returns
    -------
    dict of str to tuple of int
        Red, green and blue, 0 to 255, by class name.
    """
    colors: dict[str, RGB] = {}
    taken: set[int] = set()
    span = _PALETTE_SIZE - _FIRST_FREE
    for name in names:
        if name in colors:
            continue
        index = class_index(name)
        if index is None:
            index = _FIRST_FREE + zlib.crc32(name.encode()) % span
            while index in taken and len(taken) < span:
                index = _FIRST_FREE + (index + 1 - _FIRST_FREE) % span
            taken.add(index)
        colors[name] = class_color(index)
    return colors
