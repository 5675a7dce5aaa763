"""AVSBench's class names and colours, and vocabularies that people type."""

from __future__ import annotations

import numpy as np
import pytest

from napari_tavis.core.errors import TavisError
from napari_tavis.core.vocabulary import (
    AVSBENCH_CLASSES,
    BACKGROUND,
    class_color,
    class_index,
    palette,
    parse_vocabulary,
)


def test_seventy_classes_in_alphabetical_order_after_the_background() -> None:
    assert len(AVSBENCH_CLASSES) == 71
    assert AVSBENCH_CLASSES[0] == BACKGROUND
    assert list(AVSBENCH_CLASSES[1:]) == sorted(set(AVSBENCH_CLASSES[1:]))


def test_class_index_is_the_position_on_disk() -> None:
    assert class_index(BACKGROUND) == 0
    assert class_index("accordion") == 1
    assert class_index("woman") == 70
    assert class_index("theremin") is None


@pytest.mark.parametrize(
    ("index", "color"),
    [
        (0, (0, 0, 0)),
        (1, (128, 0, 0)),
        (2, (0, 128, 0)),
        (3, (128, 128, 0)),
        (4, (0, 0, 128)),
        (5, (128, 0, 128)),
        (8, (64, 0, 0)),
        (255, (224, 224, 192)),
    ],
)
def test_colors_are_those_of_pascal_voc(index: int, color: tuple[int, int, int]) -> None:
    assert class_color(index) == color


def test_palette_has_a_color_of_its_own_for_every_index() -> None:
    colors = palette()
    assert colors.shape == (256, 3)
    assert colors.dtype == np.uint8
    assert len(np.unique(colors, axis=0)) == 256


def test_a_vocabulary_keeps_order_and_drops_repetitions_and_spaces() -> None:
    assert parse_vocabulary(" dog, church  bell ,siren,dog,") == ("dog", "church bell", "siren")


@pytest.mark.parametrize("text", ["", " , ,", "background"])
def test_a_vocabulary_without_a_class_is_an_error(text: str) -> None:
    with pytest.raises(TavisError, match="vocabulary"):
        parse_vocabulary(text)


def test_half_a_surrogate_pair_is_no_class_name() -> None:
    with pytest.raises(TavisError, match="is not UTF-8"):
        parse_vocabulary("dog, caf\udce9")
