"""The command that counts."""

from __future__ import annotations

import json
from pathlib import Path

import command_line
import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.proposals import Proposal, Proposals


def run(*arguments: str | Path) -> int:
    return command_line.run("stats", *arguments)


def annotate(video: Path, left: int) -> None:
    """Save a session of a video in which a person has moved a dog."""
    video.parent.mkdir(parents=True, exist_ok=True)
    video.write_text("the same video")
    mask = np.zeros((20, 40), bool)
    mask[5:15, 10:20] = True
    proposal = Proposal("dog", 0.5, {3: mask}, {3: 0.5})
    found = Proposals([3], [0.3], mask.shape, [proposal], vocabulary=("dog",), frame_count=9)
    session = AnnotationSession.create(video, found)
    session.set_mask(1, 3, np.roll(mask, left, axis=1))
    session.add_work(120)
    session.save()
    session.close()


def test_two_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    annotate(tmp_path / "anna" / "clip.mp4", 0)
    annotate(tmp_path / "ben" / "clip.mp4", 5)
    (tmp_path / "ben" / "new.mp4").write_text("another")
    file = tmp_path / "stats.json"
    assert run(tmp_path / "anna", tmp_path / "ben", "--json", file) == 0
    text = capsys.readouterr().out
    assert "3 clips: 1 new, 2 in work" in text
    assert "2.0 minutes per clip" in text
    assert "IoU 0.667 of 2 checked masks" in text
    assert "dog" in text
    assert "IoU 0.333, 100% of the same class" in text
    document = json.loads(file.read_text())
    assert document["agreement"]["pairs"][0]["object_iou"] == pytest.approx(1 / 3)
    assert document["clips"]["new"] == 1


def test_bad_input_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "nowhere") == 2
    assert "nowhere does not exist" in capsys.readouterr().err
    assert run(tmp_path) == 2
    assert "No video or session was found" in capsys.readouterr().err
    broken = tmp_path / "clip.mp4.tavis"
    broken.write_text("no session")
    assert run(broken) == 2
    assert "None of the sessions could be read" in capsys.readouterr().err


def test_help_gives_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    assert "napari-tavis stats videos" in capsys.readouterr().out
