"""The class names of AVSBench and their colours.

Source: AVSBench-semantic's ``label2idx.json`` (71 classes, background first, the rest in
alphabetical order) and its palette, the bit-interleaved one of PASCAL VOC.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from napari_tavis.core.errors import TavisError
from napari_tavis.core.files import is_utf8, shown

BACKGROUND = "background"

RGB: TypeAlias = tuple[int, int, int]  # red, green and blue, 0 to 255
SCENE_COLOR: RGB = (255, 255, 255)  # which no class has

AVSBENCH_CLASSES: tuple[str, ...] = (
    BACKGROUND,
    *(
        "accordion airplane axe baby bassoon bell bird boat boy bus car cat cello clarinet "
        "clipper clock dog donkey drum duck elephant emergency-car erhu flute frying-food girl "
        "goose guitar gun guzheng hair-dryer handpan harmonica harp helicopter hen horse "
        "keyboard leopard lion man marimba missile-rocket motorcycle mower parrot piano pig "
        "pipa saw saxophone sheep sitar sorna squirrel tabla tank tiger tractor train trombone "
        "truck trumpet tuba ukulele utv vacuum-cleaner violin wolf woman"
    ).split(),
)  # the position is the class index on disk
_FIRST_FREE = len(AVSBENCH_CLASSES)
_PALETTE_SIZE = 256


def class_index(name: str) -> int | None:
    """Give the index (0 to 70) of a class spelled as in AVSBench; None if it has no such class."""
    return AVSBENCH_CLASSES.index(name) if name in AVSBENCH_CLASSES else None


def class_color(index: int) -> RGB:
    """Give the palette colour (red, green, blue) of a class index, 0 to 255.

    Bit ``3 i + c`` of the index sets bit ``7 - i`` of channel ``c``.
    """
    channels = [0, 0, 0]
    for bit in range(8):
        for channel in range(3):
            channels[channel] |= (index >> (3 * bit + channel) & 1) << (7 - bit)
    return channels[0], channels[1], channels[2]


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


def palette() -> npt.NDArray[np.uint8]:
    """Give the whole palette, (256, 3): row ``k`` is the colour of class index ``k``."""
    return np.array([class_color(index) for index in range(256)], dtype=np.uint8)


def parse_vocabulary(text: str) -> tuple[str, ...]:
    """Read the class names that a person typed, separated by commas, in the order given.

    Extra spaces, empty entries, repetitions and the background (always in play) are dropped.
    Raises `TavisError` if no class name is left, or one holds what no text does: half a
    surrogate pair.
    """
    if not is_utf8(text):
        raise TavisError(f"The vocabulary {shown(text)!r} is not UTF-8: type the names again.")
    names = dict.fromkeys(" ".join(entry.split()) for entry in text.split(","))
    classes = tuple(name for name in names if name and name != BACKGROUND)
    if not classes:
        raise TavisError("The vocabulary is empty: give class names, separated by commas.")
    return classes
