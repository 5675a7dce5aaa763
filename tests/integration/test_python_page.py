"""The examples of docs/python.md run, one after another, as they stand there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import napari_tavis
from napari_tavis.lab.demo import DEMO_SEED
from napari_tavis.lab.toyworld import sample_scene, write_scene_video

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def test_the_examples_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_scene_video(sample_scene(DEMO_SEED, count=3, sounding=2), tmp_path / "clip.mp4")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for number, code in enumerate(
        re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    ):
        exec(compile(code, f"example {number + 1} of python.md", "exec"), names)
    said = capsys.readouterr().out
    assert "drum" in said
    assert "M_J" in said
    assert names["mask"].shape == (224, 224)


def test_the_door_is_whole() -> None:
    for name in napari_tavis.__all__:
        assert getattr(napari_tavis, name).__doc__, name
    assert set(napari_tavis.__all__) <= set(dir(napari_tavis))
    with pytest.raises(AttributeError):
        napari_tavis.nothing  # noqa: B018
