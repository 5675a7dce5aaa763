"""The class names of AVSBench and their colours.

Source: AVSBench-semantic's ``label2idx.json`` (71 classes, background first, the rest in
alphabetical order) and its palette, the bit-interleaved one of PASCAL VOC.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_tavis.core.errors import TavisError
from napari_tavis.core.files import is_utf8, shown

BACKGROUND = "background"

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
)
"""Background, then the 70 classes of AVSBench: the position is the class index on disk."""


def class_index(name: str) -> int | None:
    """Give the AVSBench index of a class, or None where AVSBench does not have it.

    Parameters
    ----------
    name : str
        A class name, spelled as AVSBench does (lower case, hyphens).

    Returns
    -------
    int or None
        0 for the background, 1 to 70 for the classes.
    """
    return AVSBENCH_CLASSES.index(name) if name in AVSBENCH_CLASSES else None


def class_color(index: int) -> tuple[int, int, int]:
    """Give the palette colour of a class index.

    Bit ``3 i + c`` of the index sets bit ``7 - i`` of channel ``c``.

    Parameters
    ----------
    index : int
        Class index, 0 to 255.

    Returns
    -------
    tuple of int
        Red, green and blue, 0 to 255.
    """
    channels = [0, 0, 0]
    for bit in range(8):
        for channel in range(3):
            channels[channel] |= (index >> (3 * bit + channel) & 1) << (7 - bit)
    return channels[0], channels[1], channels[2]


def palette() -> npt.NDArray[np.uint8]:
    """Give the whole palette.

    Returns
    -------
    ndarray of uint8, shape (256, 3)
        Row ``k`` is the colour (red, green, blue) of class index ``k``.
    """
    return np.array([class_color(index) for index in range(256)], dtype=np.uint8)


def parse_vocabulary(text: str) -> tuple[str, ...]:
    """Read the class names that a person typed.

    Parameters
    ----------
    text : str
        Class names, separated by commas; any words. Spaces around them, empty entries,
        repetitions and the background (always in play) are dropped.

    Returns
    -------
    tuple of str
        The class names, in the order given.

    Raises
    ------
    TavisError
        If no class name is left, or one holds what no text does: half a surrogate pair.
    """
    if not is_utf8(text):
        raise TavisError(f"The vocabulary {shown(text)!r} is not UTF-8: type the names again.")
    names = dict.fromkeys(" ".join(entry.split()) for entry in text.split(","))
    classes = tuple(name for name in names if name and name != BACKGROUND)
    if not classes:
        raise TavisError("The vocabulary is empty: give class names, separated by commas.")
    return classes
