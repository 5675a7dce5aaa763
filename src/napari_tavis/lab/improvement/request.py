"""What is asked for, and what came of it, in a form that goes from one process to another."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class ImprovementRequest:
    """What to learn from, and which model shall.

    Attributes
    ----------
    sources : tuple of str
        Folders, lists, videos and sessions.
    model : str
        ``toy``, an installed model, or a checkpoint file.
    name : str
        What the new model is to be called.
    settings : tuple of str
        ``key=value`` each, instead of those of the configuration ``finetune``.
    """

    sources: tuple[str, ...]
    model: str
    name: str
    settings: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Write it on one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ImprovementRequest:
        """Read what `to_json` wrote."""
        values = json.loads(text)
        lists = {name: tuple(values[name]) for name in ("sources", "settings")}
        return cls(**{**values, **lists})


@dataclass(frozen=True)
class Improvement:
    """What came of it.

    Attributes
    ----------
    name : str
        The new model; empty if none is installed, as it would be no better.
    before, after : float
        ``M_J`` of the scene mask on the held-out clips, 0 to 1, before and at its best.
    learned_from, held_out : int
        Numbers of clips.
    folder : str
        Log and pictures of the run.
    pictures : tuple of str
        Held-out clips as the model saw them before and after: sound picture, frames, truth.
    left_out : tuple of str
        Why videos gave fewer clips than they are long.
    """

    name: str
    before: float
    after: float
    learned_from: int
    held_out: int
    folder: str
    pictures: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Write it on one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Improvement:
        """Read what `to_json` wrote."""
        values = json.loads(text)
        values["pictures"], values["left_out"] = (
            tuple(values["pictures"]),
            tuple(values["left_out"]),
        )
        return cls(**values)

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
