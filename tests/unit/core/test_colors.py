from __future__ import annotations

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES, SCENE_COLOR, class_color, class_colors


def test_avsbench_classes_have_the_palettes_colours() -> None:
    colors = class_colors(AVSBENCH_CLASSES)
    assert [colors[name] for name in AVSBENCH_CLASSES] == [class_color(i) for i in range(71)]


def test_other_words_look_the_same_in_every_vocabulary() -> None:
    alone = class_colors(["Theremin"])["Theremin"]
    assert class_colors(["dog", "church bell", "Theremin"])["Theremin"] == alone


def test_no_two_words_share_a_colour() -> None:
    words = [*AVSBENCH_CLASSES, *(f"word {number}" for number in range(100))]
    colors = class_colors(words)
    assert len(set(colors.values())) == len(words)
    assert SCENE_COLOR not in colors.values()


def test_more_words_than_colours_still_get_one() -> None:
    assert len(class_colors(f"word {number}" for number in range(300))) == 300
