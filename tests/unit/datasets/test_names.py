from __future__ import annotations

from io import StringIO

import pandas as pd
import pytest

from napari_tavis.core.errors import DatasetError
from napari_tavis.datasets.names import check_name, is_path_component, suggest_name


@pytest.mark.parametrize(
    "name",
    [
        "-0zHBvyCl1E",
        "dog_barking_5csYYtS7Pck",
        "a",
        "My clip (2)",
        "Größe",
        "12ab",
        "0_0_5000",
        "x.y",
    ],
)
def test_good_names_are_kept(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "", " ", "..", ".", ".hidden", "../x", "a/b", "a\\b", "/etc", "C:", "nul\0", "line\nbreak",
        "12345", "1e5", "-3.5", "NA", "nan", "None", "null", "N/A", "inf", "True", "con", "LPT1",
        "visual_frames", "my frames", "a,b", 'say "x"', "end.", " x", "x ", "é" * 100, "\ud800",
    ],
)  # fmt: skip
def test_names_that_break_a_loader_or_a_disk_are_refused(name: str) -> None:
    with pytest.raises(DatasetError, match="choose another one"):
        check_name(name)


@pytest.mark.parametrize("name", ["dog", "0_0_5000", "1e5a", "nano", "_1", "e5", "12-5"])
def test_good_names_come_back_from_pandas_as_text(name: str) -> None:
    check_name(name)
    table = pd.read_csv(StringIO(f"name,split\n{name},train\n"), sep=",")
    assert table.iloc[0].iloc[0] == name


@pytest.mark.parametrize("text", ["..", ".", "", "a/b", "a\\b", "C:x", "x\0"])
def test_components_cannot_leave_their_folder(text: str) -> None:
    assert not is_path_component(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My Vidéo (1)", "My-Video-1"),
        ("12345", "clip-12345"),
        ("visual_frames", "visual_images"),
        ("日本", "clip"),
        ("../../etc", "etc"),
        ("NA", "clip-NA"),
        ("x" * 300, "x" * 80),
    ],
)
def test_suggested_names_are_good(text: str, name: str) -> None:
    assert check_name(suggest_name(text)) == name
