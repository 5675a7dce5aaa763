"""What a run tells about itself: a line for each step and each epoch."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from napari_tavis.core.atomic import write_atomically

Entry = dict[str, Any]


class RunLog:
    """``log.jsonl``, which has every step and epoch, and ``log.csv``, which has the epochs.

    Parameters
    ----------
    folder : Path
        Of the run.
    step, epochs : int
        Steps and epochs that are done where the run is taken up: what a killed run wrote of
        later ones is dropped.
    """

    def __init__(self, folder: Path, step: int = 0, epochs: int = 0) -> None:
        self.path, self.table = folder / "log.jsonl", folder / "log.csv"
        done = {"step": step, "epoch": epochs}
        kept = [
            entry for entry in read_log(self.path) if entry[entry["kind"]] <= done[entry["kind"]]
        ]
        self._epochs = [entry for entry in kept if entry["kind"] == "epoch"]
        self._losses: dict[int, list[float]] = {}
        for entry in kept:
            if entry["kind"] == "step":
                self._losses.setdefault(entry["epoch"], []).append(entry["loss"])
        write_atomically(self.path, "".join(_line(entry) for entry in kept).encode())

    def add_step(self, entry: Entry) -> None:
        """Append what one step gave."""
        self._append({"kind": "step", **entry})
        self._losses.setdefault(entry["epoch"], []).append(entry["loss"])

    def mean_loss(self, epoch: int) -> float | None:
        """Give the mean loss of an epoch's steps; none if it has none."""
        losses = self._losses.get(epoch)
        return sum(losses) / len(losses) if losses else None

    def add_epoch(self, entry: Entry) -> None:
        """Append what one epoch gave, and write the table anew."""
        entry = {"kind": "epoch", **entry}
        self._append(entry)
        self._epochs.append(entry)
        names = list(dict.fromkeys(name for item in self._epochs for name in item))
        text = io.StringIO()
        writer = csv.DictWriter(text, names[1:], extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._epochs)
        write_atomically(self.table, text.getvalue().encode())

    def _append(self, entry: Entry) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_line(entry))


def read_log(path: Path) -> list[Entry]:
    """Read ``log.jsonl``; a line that a killed run did not finish is left out."""
    if not path.is_file():
        return []
    entries = []
    for line in path.read_text("utf-8", errors="replace").splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            continue
    return entries


def _line(entry: Entry) -> str:
    rounded = {
        name: float(f"{value:.6g}") if isinstance(value, float) else value
        for name, value in entry.items()
    }
    return json.dumps(rounded) + "\n"
