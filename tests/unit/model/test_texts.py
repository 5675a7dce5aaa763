from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.model.alignment import class_prompt
from napari_tavis.model.texts import tokenize

REFERENCE = Path(__file__).parents[2] / "data" / "parity" / "model_reference.npz"

OPEN_CLIP = {
    "aaa bananarama": [9583, 38410, 49066],
    "Don't  STOP": [847, 713, 1691],
    "<END_OF_TEXT> x": [49407, 343],
    "caf&eacute; &amp;amp; <b>": [15304, 261, 283, 321, 285],
    "â€œnaÃ¯veâ€\x9d ﬁre": [257, 1097, 35689, 563, 257, 1769],
    "一只狗🎺": [19759, 222, 34517, 103, 163, 233, 501, 1165, 374],
    "tab\there\nnew": [14724, 763, 686],
    "1234 5a6b": [272, 273, 274, 275, 276, 320, 277, 321],
    "\x1b[31mred": [736],
    "___ --- !!!??": [13530, 11079, 11194, 2197],
}
"""Texts and their numbers between start and end, as open_clip 3.3 gives them."""


def test_whole_vocabulary_agrees_with_the_release() -> None:
    tokens, ends = tokenize([class_prompt(name) for name in AVSBENCH_CLASSES], 77, 49408)
    with np.load(REFERENCE) as reference:
        assert np.array_equal(tokens.numpy(), reference["class_tokens"])
    assert all(row[end] == 49407 for row, end in zip(tokens, ends, strict=True))


def test_any_word_fits_the_small_vocabulary() -> None:
    words = [class_prompt(name) for name in AVSBENCH_CLASSES]
    words += ["A theremin", "Ein Dudelsack", "一只狗", "🎺", ""]
    tokens, ends = tokenize(words, 32, 4096)
    assert tokens.shape == (len(words), 32)
    assert int(tokens.min()) >= 0
    assert int(tokens.max()) == 4095
    assert all(row[end] == 4095 for row, end in zip(tokens, ends, strict=True))
    assert len({tuple(row) for row in tokens.tolist()}) == len(words)


def test_cutting_the_vocabulary_leaves_the_whole_one_alone() -> None:
    before, _ = tokenize(["A xylophone"], 77, 49408)
    tokenize(["A xylophone"], 32, 1024)
    after, _ = tokenize(["A xylophone"], 77, 49408)
    assert before.tolist() == after.tolist()


def test_long_texts_are_cut_but_keep_their_end() -> None:
    tokens, ends = tokenize(["a b c d e f g h i j k l"], 8, 49408)
    assert ends.tolist() == [7]
    assert int(tokens[0, 7]) == 49407


def test_any_text_gives_the_numbers_of_open_clip() -> None:
    for text, numbers in OPEN_CLIP.items():
        tokens, _ = tokenize([text], 77, 49408)
        assert tokens[0, : len(numbers) + 2].tolist() == [49406, *numbers, 49407], text
