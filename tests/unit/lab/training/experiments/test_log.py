"""The log of a run, which goes on where the run does."""

from __future__ import annotations

import csv
from pathlib import Path

from napari_tavis.lab.training.experiments.log import RunLog, read_log


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
