"""What a run keeps in its folder: whose it is, and its log."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from napari_tavis.core.errors import TrainingError
from napari_tavis.lab.training.run_folder import RECIPE_FILE, RunLog, claim_folder, read_log

RECIPE = {"seed": 0, "sizes": (1, 2)}


def test_a_new_folder_is_made_and_the_same_run_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "one"
    claim_folder(folder, RECIPE)
    claim_folder(folder, RECIPE)
    assert json.loads((folder / RECIPE_FILE).read_text()) == {"seed": 0, "sizes": [1, 2]}


def test_how_the_recipe_is_laid_out_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / RECIPE_FILE).write_text('{"sizes":[1,2],"seed":0}')
    claim_folder(tmp_path, RECIPE)


@pytest.mark.parametrize("kept", ['{"seed": 1, "sizes": [1, 2]}', '{"seed": 0', ""])
def test_another_run_or_a_damaged_recipe_is_refused_and_left_alone(
    tmp_path: Path, kept: str
) -> None:
    (tmp_path / RECIPE_FILE).write_text(kept)
    with pytest.raises(TrainingError, match="other settings: choose another folder"):
        claim_folder(tmp_path, RECIPE)
    assert (tmp_path / RECIPE_FILE).read_text() == kept


def test_a_run_that_came_to_nothing_makes_way(tmp_path: Path) -> None:
    claim_folder(tmp_path, {"seed": 1})
    claim_folder(tmp_path, RECIPE, begun=False)
    assert json.loads((tmp_path / RECIPE_FILE).read_text())["seed"] == 0


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrainingError, match="cannot be written"):
        claim_folder(tmp_path / "file", RECIPE)


def test_what_a_killed_run_wrote_after_its_state_is_dropped(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    for step in range(1, 6):
        log.add_step({"step": step, "epoch": 1 + step // 4, "loss": 1 / step})
    log.add_epoch({"epoch": 1, "step": 3, "M_J": 0.5})
    log.add_epoch({"epoch": 2, "step": 5, "M_J": 0.6})
    with log.path.open("a") as file:
        file.write('{"kind": "step", "st')
    again = RunLog(tmp_path, step=4, epochs=1)
    entries = read_log(tmp_path / "log.jsonl")
    assert [entry["step"] for entry in entries if entry["kind"] == "step"] == [1, 2, 3, 4]
    assert [entry["epoch"] for entry in entries if entry["kind"] == "epoch"] == [1]
    assert again.mean_loss(1) == (1 + 1 / 2 + round(1 / 3, 6)) / 3
    assert again.mean_loss(7) is None


def test_the_table_has_a_row_for_each_epoch(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    log.add_epoch({"epoch": 0, "step": 0, "M_J": 0.25, "loss": None})
    log.add_epoch({"epoch": 1, "step": 9, "M_J": 0.5, "loss": 1.5})
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {"epoch": "0", "step": "0", "M_J": "0.25", "loss": ""},
        {"epoch": "1", "step": "9", "M_J": "0.5", "loss": "1.5"},
    ]
