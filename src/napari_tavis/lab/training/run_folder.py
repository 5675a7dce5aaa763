"""What a run keeps in its folder: which run it is, its log, and the state from which it goes on."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from napari_tavis.core.atomic import sync_directory, write_atomically
from napari_tavis.core.errors import TrainingError
from napari_tavis.core.files import MEGABYTE, ForeignFileError, read_json

if TYPE_CHECKING:
    from accelerate import Accelerator

RECIPE_FILE = "config.json"
STATES, PARTIAL = "state", ".partial"
TRAINED_FILE = "trained.safetensors"

Entry = dict[str, Any]


def claim_folder(folder: Path, recipe: Mapping[str, Any], *, begun: bool = True) -> None:
    """Take a folder for a run, or make sure that it is this run's; it is made if need be.

    The recipe is everything that decides on what the run computes, ready for JSON. A folder with
    nothing that its recipe led to (not ``begun``) may take another. Raises `TrainingError` if it
    holds a run with other settings, or cannot be written.
    """
    card, text = folder / RECIPE_FILE, json.dumps(recipe, indent=2) + "\n"
    try:
        if begun and card.is_file() and not _same(card, text):
            raise TrainingError(
                f"{folder} holds a run with other settings: choose another folder, or remove it."
            )
        write_atomically(card, text.encode())
    except OSError as error:
        raise TrainingError(f"{card} cannot be written: {error.strerror}.") from error


def _same(card: Path, text: str) -> bool:
    """Whether two recipes are equal; one that is damaged equals none."""
    try:
        return bool(read_json(card, most=MEGABYTE) == json.loads(text))
    except ForeignFileError:
        return False


class RunLog:
    """``log.jsonl``, which has every step and epoch, and ``log.csv``, which has the epochs.

    What a killed run wrote beyond the step and epoch from which it is taken up is dropped.
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
        self._append({"kind": "step", **entry})
        self._losses.setdefault(entry["epoch"], []).append(entry["loss"])

    def mean_loss(self, epoch: int) -> float | None:
        """Give the mean loss of an epoch's steps; None if it has none."""
        losses = self._losses.get(epoch)
        return sum(losses) / len(losses) if losses else None

    def add_epoch(self, entry: Entry) -> None:
        """Append what one epoch gave, and write the table again."""
        entry = {"kind": "epoch", **entry}
        self._append(entry)
        self._epochs.append(entry)
        names = list(dict.fromkeys(name for item in self._epochs for name in item))
        text = io.StringIO()
        # without "kind", which is the same for all of them
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


@dataclass
class Position:
    """How far a run is; registered with accelerate, which keeps it beside the weights."""

    step: int = 0  # optimiser steps taken
    stretch: int = 0  # stretches done: epochs of a dataset, stages of the toy's training
    step_in_stretch: int = 0  # steps taken of the one after these
    best: float = float("-inf")  # score so far
    since_best: int = 0  # stretches done since
    begun: bool = False  # the network was measured as it was to begin with
    draws: str = ""  # state of the generator that clips are drawn by, as JSON; empty without one

    def state_dict(self) -> dict[str, Any]:
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        vars(self).update(state)


class RunState:
    """The states of a run: weights that learn, optimiser, random numbers, position.

    The accelerator has prepared model and optimiser before. A state is on disk (in ``state/`` of
    the run's folder) whole or not at all, whenever the run is killed. ``weights`` is what is kept
    of the network, and changed in place by `load`; the rest comes from where the run began.
    """

    def __init__(self, accelerator: Accelerator, folder: Path, weights: dict[str, Tensor]) -> None:
        self.accelerator, self.folder, self._weights = accelerator, folder / STATES, weights
        self.position = Position()
        accelerator.register_for_checkpointing(self.position)
        accelerator.register_save_state_pre_hook(self._save_weights)
        accelerator.register_load_state_pre_hook(self._load_weights)

    def save(self) -> None:
        """Write the state, and remove older ones once it is whole."""
        done = self.folder / f"{self.position.step:08d}-{self.position.stretch:04d}"
        if done.is_dir():
            return
        partial = self.folder / PARTIAL
        if self.accelerator.is_main_process:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
        self.accelerator.wait_for_everyone()
        self.accelerator.save_state(str(partial), safe_serialization=True)
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            _sync(partial)  # before the name says that it is whole
            os.replace(partial, done)
            sync_directory(self.folder)
            for older in kept_states(self.folder.parent):
                if older != done:
                    shutil.rmtree(older)
        self.accelerator.wait_for_everyone()

    def load(self) -> bool:
        """Go back to the newest state; give False if there is none."""
        states = kept_states(self.folder.parent)
        if not states:
            return False
        self.accelerator.load_state(str(states[-1]))
        return True

    def _save_weights(self, _models: Any, weights: list[Any], folder: str) -> None:
        """Keep only the weights that learn (a hook of accelerate)."""
        weights.clear()  # else accelerate would write the whole network
        if self.accelerator.is_main_process:
            kept = {name: weight.detach().contiguous() for name, weight in self._weights.items()}
            save_file(kept, Path(folder) / TRAINED_FILE)

    @torch.no_grad()
    def _load_weights(self, models: list[Any], folder: str) -> None:
        """Take the weights back (a hook of accelerate)."""
        models.clear()  # else accelerate would look for the whole network
        for name, value in load_file(Path(folder) / TRAINED_FILE).items():
            self._weights[name].copy_(value)


def kept_states(folder: Path) -> list[Path]:
    """Give the states of a run that are whole, oldest first."""
    states = folder / STATES
    return sorted(path for path in states.glob("*") if path.name != PARTIAL)


def _sync(folder: Path) -> None:
    """Wait until the files of a folder are on the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    sync_directory(folder)
