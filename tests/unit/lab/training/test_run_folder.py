"""Whose a run's folder is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_tavis.core.errors import TrainingError
from napari_tavis.lab.training.run_folder import RECIPE_FILE, claim_folder

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
