"""The device and the vocabulary that a user chooses."""

from __future__ import annotations

import pytest
import torch

from napari_tavis.core.errors import InferenceError
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.engine.device import choose_device
from napari_tavis.engine.segmenting import check_vocabulary


def test_auto_takes_what_is_there() -> None:
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    expected = next((name for name, present in there.items() if present), "cpu")
    assert choose_device() == choose_device("auto") == expected
    assert choose_device("cpu") == "cpu"


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_an_absent_device_is_refused(name: str) -> None:
    present = torch.cuda.is_available() if name == "cuda" else torch.backends.mps.is_available()
    if present:
        assert choose_device(name) == name
    else:
        with pytest.raises(InferenceError, match=f"'{name}' cannot be used.*'auto'"):
            choose_device(name)


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(InferenceError, match="auto, cuda, mps, cpu"):
        choose_device("tpu")


def test_the_vocabulary_is_avsbenchs_by_default() -> None:
    assert check_vocabulary(None) == AVSBENCH_CLASSES[1:]


def test_the_background_is_always_in_play_and_never_named() -> None:
    assert check_vocabulary([" dog", "background", "church  bell"]) == ("dog", "church bell")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "is empty"),
        (["background"], "is empty"),
        (["dog", " "], "empty class name"),
        (["dog", "bell", "dog "], "names dog more than once"),
    ],
)
def test_a_wrong_vocabulary_is_explained(words: list[str], message: str) -> None:
    with pytest.raises(InferenceError, match=message):
        check_vocabulary(words)
