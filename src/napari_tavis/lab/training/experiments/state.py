"""What a run needs to go on after it was killed, on disk whole or not at all."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from safetensors.torch import load_file, save_file
from torch import nn

from napari_tavis.core.atomic import sync_directory

STATES, PARTIAL = "state", ".partial"
TRAINED_FILE = "trained.safetensors"


@dataclass
class Position:
    """How far a run is; registered with accelerate, which keeps it beside the weights.

    Attributes
    ----------
    step : int
        Optimiser steps taken.
    epoch : int
        Epochs done.
    step_in_epoch : int
        Steps taken of the epoch after these.
    best : float
        Best score so far.
    since_best : int
        Epochs done since.
    begun : bool
        Whether the network was measured as it was to begin with.
    """

    step: int = 0
    epoch: int = 0
    step_in_epoch: int = 0
    best: float = float("-inf")
    since_best: int = 0
    begun: bool = False

    def state_dict(self) -> dict[str, Any]:
        """Give all of it."""
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take all of it back."""
        vars(self).update(state)


class RunState:
    """The states of a run: weights that learn, optimiser, random numbers, position.

    Parameters
    ----------
    accelerator : Accelerator
        Which has prepared model and optimiser.
    folder : Path
        Of the run; states lie in ``state/``.
    model : Module
        Whose trained weights are kept; the others come from where the run began.
    """

    def __init__(self, accelerator: Accelerator, folder: Path, model: nn.Module) -> None:
        self.accelerator, self.folder, self.model = accelerator, folder / STATES, model
        self.position = Position()
        accelerator.register_for_checkpointing(self.position)
        accelerator.register_save_state_pre_hook(self._save_trained)
        accelerator.register_load_state_pre_hook(self._load_trained)

    def save(self) -> None:
        """Write the state, and remove older ones once it is whole."""
        done = self.folder / f"{self.position.step:08d}-{self.position.epoch:04d}"
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
            _sync(partial)
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

    def _save_trained(self, _models: Any, weights: list[Any], folder: str) -> None:
        """Keep the trained weights alone (a hook of accelerate)."""
        weights.clear()
        if self.accelerator.is_main_process:
            trained = {
                name: weight.detach().contiguous()
                for name, weight in self.model.named_parameters()
                if weight.requires_grad
            }
            save_file(trained, Path(folder) / TRAINED_FILE)

    def _load_trained(self, models: list[Any], folder: str) -> None:
        """Take the trained weights back (a hook of accelerate)."""
        models.clear()
        self.model.load_state_dict(load_file(Path(folder) / TRAINED_FILE), strict=False)


def kept_states(folder: Path) -> list[Path]:
    """Give the states of a run that are whole, oldest first.

    Parameters
    ----------
    folder : Path
        Of the run.
    """
    states = folder / STATES
    return sorted(path for path in states.glob("*") if path.name != PARTIAL)


def _sync(folder: Path) -> None:
    """Wait until the files of a folder are on the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    sync_directory(folder)
