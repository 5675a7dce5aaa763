from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.model.alignment import class_prompt
from napari_tavis.model.tokenizer import tokenize

REFERENCE = Path(__file__).parents[2] / "data" / "parity" / "model_reference.npz"


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
