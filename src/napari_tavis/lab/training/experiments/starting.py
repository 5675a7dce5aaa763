"""The network to begin with, and which of its weights learn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from torch import nn

from napari_tavis.core.errors import TrainingError
from napari_tavis.lab.training.experiments.config import ModelSettings
from napari_tavis.model import TAViS, load_model

PAPER_COUNT = (
    "The paper counts 54.9 M: its release also carries 7.75 M that no output depends on (three "
    "layers of the queries' attention, and the adapter of a block that does not exist)."
)
"""What to say about the number of trained parameters of the paper's network."""


@dataclass(frozen=True)
class Parts:
    """How many weights learn.

    Attributes
    ----------
    trained, total : int
        Numbers of weights.
    by_part : dict of str to int
        The trained ones by part of the network.
    """

    trained: int
    total: int
    by_part: dict[str, int]

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {count / 1e6:.2f} M" for name, count in self.by_part.items())
        counts = f"{self.trained / 1e6:.2f} M of {self.total / 1e6:.2f} M parameters"
        return f"{counts} are trained: {parts}."


def start_model(settings: ModelSettings) -> TAViS:
    """Load the network to begin with, on the CPU.

    Parameters
    ----------
    settings : ModelSettings
        Which one. Parts that other switches add or reshape start from random weights.

    Raises
    ------
    CheckpointError
        If there is no such model.
    """
    model = load_model(settings.start, image_size=settings.image_size)
    if settings.switches is None or settings.switches == model.config.switches:
        return model
    changed = TAViS(replace(model.config, switches=settings.switches))
    shapes = {name: weight.shape for name, weight in changed.state_dict().items()}
    kept = {name: w for name, w in model.state_dict().items() if w.shape == shapes.get(name)}
    changed.load_state_dict(kept, strict=False)
    return changed.eval()


def freeze(model: nn.Module, trained: tuple[str, ...]) -> Parts:
    """Let only some weights learn.

    Parameters
    ----------
    model : Module
        Changed in place: modules in which nothing learns are in evaluation mode, others in
        training mode.
    trained : tuple of str
        Patterns of the names of weights that learn.

    Returns
    -------
    Parts
        How many these are.

    Raises
    ------
    TrainingError
        If nothing would learn.
    """
    by_part: dict[str, int] = {}
    total = 0
    for name, weight in model.named_parameters():
        learns = any(fnmatchcase(name, pattern) for pattern in trained)
        weight.requires_grad_(learns)
        total += weight.numel()
        if learns:
            first, second = name.split(".")[:2]
            part = second if first in ("sam2", "sam", "imagebind") else first
            by_part[part] = by_part.get(part, 0) + weight.numel()
    if not by_part:
        raise TrainingError(f"No weight's name fits model.trained ({', '.join(trained)}).")
    set_modes(model)
    return Parts(sum(by_part.values()), total, by_part)


def describe_parts(model: TAViS, parts: Parts) -> str:
    """Say how many weights learn, beside the paper's number where the network is the paper's."""
    return f"{parts} {PAPER_COUNT}" if model.config.preset == "large" else str(parts)


def set_modes(model: nn.Module) -> None:
    """Put what learns into training mode, and the rest (its dropout, above all) out of it."""
    for module in model.modules():
        module.training = any(weight.requires_grad for weight in module.parameters())
