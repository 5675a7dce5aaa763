"""What is asked for, and what resulted, in a form that goes from one process to another."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class ImprovementRequest:
    """What to learn from, and which model is to."""

    sources: tuple[str, ...]  # folders, lists, videos and sessions
    model: str  # "toy", an installed model, or a checkpoint file
    name: str  # of the new model
    # "key=value" each, instead of those of the configuration "finetune"
    settings: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Write it on one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ImprovementRequest:
        values = json.loads(text)
        lists = {name: tuple(values[name]) for name in ("sources", "settings")}
        return cls(**{**values, **lists})


@dataclass(frozen=True)
class Improvement:
    """What resulted."""

    name: str  # of the new model; empty if none is installed, as it would be no better
    before: float  # M_J of the scene mask on the held-out clips, 0 to 1
    after: float  # the same at its best
    learned_from: int  # clips
    held_out: int  # clips
    folder: str  # log and pictures of the run
    # held-out clips as the model saw them before and after, beside the truth
    pictures: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()  # why videos gave fewer clips than they are long

    def to_json(self) -> str:
        """Write it on one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Improvement:
        values = json.loads(text)
        lists = {name: tuple(values[name]) for name in ("pictures", "left_out")}
        return cls(**{**values, **lists})

    def __str__(self) -> str:
        clips = f"{self.held_out} held-out clip{'' if self.held_out == 1 else 's'}"
        if not self.name:
            return (
                f"The model did not get better: M_J stays {self.before:.3f} on {clips}, after "
                f"learning from {self.learned_from}. Nothing is installed; correct more clips."
            )
        return (
            f"{self.name} is installed: M_J {self.after:.3f} instead of {self.before:.3f} on "
            f"{clips}, after learning from {self.learned_from}."
        )


def run_folder(home: Path, name: str) -> Path:
    """Give the folder that keeps log and pictures of the run that made a model."""
    return home / "improvements" / name
