"""From a toy tree to a report, on the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import command_line
import pytest

from napari_tavis.datasets.avsbench import DatasetError, open_dataset
from napari_tavis.lab.toyworld import write_toy_dataset


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips, small: the second one is of the test split, with one sounding thing."""
    root = tmp_path_factory.mktemp("toy") / "data"
    return write_toy_dataset(root, clips=2, seed=6, size=96)


def run(*arguments: str | Path) -> int:
    return command_line.run("evaluate", "--model", "toy", *arguments)


def subset_of(tree: Path) -> str:
    """Give the object subset that has test clips."""
    for subset in ("s4", "ms3"):
        try:
            if len(open_dataset(tree, subset, "test")):
                return subset
        except DatasetError:
            continue
    raise AssertionError("no test clip")


def test_a_report_of_a_toy_tree(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subset = subset_of(tree)
    report, results = tmp_path / "report", tmp_path / "results.json"
    arguments = ["--data", tree, "--subset", subset, "--split", "test", "--examples", "1"]
    assert run(*arguments, "--report", report, "--json", results) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(results.read_text())
    facts = json.loads((report / "report.json").read_text())
    assert facts["M_J"] == printed["M_J"]
    assert facts["clips"] == 1
    assert facts["robustness"][0]["sound"] == "own sound"
    assert "this run" in (report / "report.md").read_text()
    assert "data:image/png" in (report / "report.html").read_text()


def test_classes_of_the_object_tree_come_from_the_semantic_one(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subset = subset_of(tree)
    folder = {"s4": "Single-source", "ms3": "Multi-sources"}[subset]
    alone = tmp_path / "alone"
    shutil.copytree(tree / folder, alone / folder)
    arguments = ["--data", alone, "--subset", subset, "--split", "test"]
    assert run(*arguments, "--semantic", tree) == 0
    paired = json.loads(capsys.readouterr().out)
    assert run("--data", tree, "--subset", subset, "--split", "test", "--no-zero-shot") == 0
    assert json.loads(capsys.readouterr().out) == paired
    assert "mIoU" in paired


def test_a_missing_file_is_told_before_anything_runs(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tree, broken)
    clips = open_dataset(broken, subset_of(tree), "test")
    lost = next(path for path in broken.rglob(f"{clips.names[0]}.wav"))
    lost.unlink()
    report = tmp_path / "report"
    assert run("--data", broken, "--subset", subset_of(tree), "--report", report) == 2
    assert lost.name in capsys.readouterr().err
    assert not report.exists()


def test_a_split_without_clips_is_told(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--data", tree, "--subset", subset_of(tree), "--split", "val") == 2
    assert "split" in capsys.readouterr().err
