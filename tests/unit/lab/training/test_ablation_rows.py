"""The rows of the paper's tables, and the tables written from a study."""

from __future__ import annotations

import pytest

from napari_tavis.core.errors import TrainingError
from napari_tavis.lab.training.ablation_rows import ROWS, TABLES, choose_rows, spread, tables
from napari_tavis.lab.training.losses import PAPER_LOSS
from napari_tavis.model.config import PAPER


def test_every_row_but_the_papers_changes_something_and_stands_in_a_table() -> None:
    listed = {name for names in TABLES.values() for name in names}
    assert listed == set(ROWS)
    changes = [(row.switches, row.losses, row.segmenter) for row in ROWS.values()]
    assert len(set(changes)) == len(ROWS)
    paper = ROWS["paper"]
    assert (paper.switches, paper.losses, paper.segmenter) == (PAPER, PAPER_LOSS, "sam2")


def test_rows_of_several_tables_come_once_each() -> None:
    rows = [row.name for row in choose_rows([1, 4], ["no-ibqd", "sam"])]
    assert rows == [
        "paper", "no-ibqd", "no-tbas", "no-tbhp", "no-text", "mlp-text", "no-vision", "sam",
    ]  # fmt: skip


@pytest.mark.parametrize(("tables_", "names"), [([3], []), ([], ["no-sound"])])
def test_unknown_tables_and_rows_are_refused(tables_: list[int], names: list[str]) -> None:
    with pytest.raises(TrainingError, match="choose from"):
        choose_rows(tables_, names)


def _measures(mj: float) -> dict[str, float]:
    return {
        "M_J": mj,
        "frames": 12,
        "M_J_one": mj,
        "M_J_several": mj,
        "found": 0.5,
        "swap_follows": 0.5,
        "silence_clean": 1.0,
    }


def test_a_table_says_how_far_seeds_lie_apart_and_rows_from_the_paper() -> None:
    results = {
        "paper": {0: _measures(0.8), 1: _measures(0.7)},
        "no-ibqd": {0: _measures(0.6), 1: _measures(0.6)},
        "no-tbas": {0: _measures(0.8), 1: _measures(0.8)},
    }
    text = tables(results)
    lines = {line.split(" | ")[0]: line.split(" | ")[1:] for line in text.splitlines()}
    assert lines["| w/o IBQD"][0] == "60.0 ± 0.0"
    assert lines["| w/o IBQD"][-3:] == ["-15.0 ± 7.1", "79.6", "58.5 |"]
    assert lines["| TAViS"][0] == "75.0 ± 7.1"
    assert "**Table 1: the parts of TAViS** (seeds 0, 1)" in text
    assert "Table 2" not in text, "one row alone compares with nothing"
    assert "papernotes" in text


def test_one_seed_has_no_spread() -> None:
    assert spread([0.123]) == "12.3"
