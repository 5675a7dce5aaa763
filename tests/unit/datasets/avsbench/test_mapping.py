"""Classes that AVSBench does not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_tavis.datasets.avsbench import DatasetError
from napari_tavis.datasets.avsbench.mapping import (
    MAPPING_FILE,
    exported_class,
    parse_mapping,
    read_mapping,
    suggest_class,
    unmapped_classes,
    updated_mapping,
)


@pytest.mark.parametrize(
    ("word", "suggested"),
    [
        ("church bell", "bell"),
        ("Hair dryer", "hair-dryer"),
        ("acoustic_guitar", "guitar"),
        ("violins", "violin"),
        ("helikopter", "helicopter"),
        ("rain", "train"),  # near enough to be offered, never taken unasked
        ("thunderstorm", None),
        ("", None),
    ],
)
def test_the_likeliest_class_is_suggested(word: str, suggested: str | None) -> None:
    assert suggest_class(word) == suggested


def test_mapping_is_read_from_what_is_typed() -> None:
    mapping = parse_mapping(["church bell=bell", " rain = "])
    assert mapping == {"church bell": "bell", "rain": None}
    assert exported_class("church bell", mapping) == "bell"
    assert exported_class("rain", mapping) is None
    assert exported_class("dog", mapping) == "dog"
    assert unmapped_classes(["dog", "rain", "kazoo", "kazoo"], mapping) == ("kazoo",)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("rain", "is not a mapping"),
        ("=bell", "is not a mapping"),
        ("rain=gitar", "did you mean 'guitar'"),
        ("rain=background", "not a class of AVSBench"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(entry: str, said: str) -> None:
    with pytest.raises(DatasetError, match=said):
        parse_mapping([entry])


def test_mapping_is_kept_with_the_dataset(tmp_path: Path) -> None:
    for mapping in ({"church bell": "bell"}, {"rain": None}):
        for path, text in updated_mapping(tmp_path, mapping).items():
            path.write_text(text)
    assert read_mapping(tmp_path) == {"church bell": "bell", "rain": None}
    assert updated_mapping(tmp_path, {"rain": None}) == {}
    (tmp_path / MAPPING_FILE).write_text('{"rain": "no such class"}')
    with pytest.raises(DatasetError, match=MAPPING_FILE):
        read_mapping(tmp_path)
