"""What an ablation on the toy world does, as data."""

from __future__ import annotations

from dataclasses import dataclass

from napari_tavis.core.errors import TrainingError


@dataclass(frozen=True)
class ToyAblation:
    """The same short training for every row.

    Every row starts from the encoders and the mask decoder of one model, as the paper's network
    starts from ImageBind and SAM 2, and from fresh layers between them, drawn by the seed.

    Parameters
    ----------
    start : str
        The model whose encoders and mask decoder are taken.
    image_size : int
        Pixels per side.
    clips : int
        Training clips rendered.
    steps : int
        Optimiser steps of a row.
    batch : int
        Frames in a step, each of another clip.
    learning_rate, decoder_rate : float
        Of Adam, for the fresh layers and for the mask decoder; cosine decay.
    regions_every : int
        What masks highlight, which costs five vision passes a frame, is looked at (for `L_i2t` and
        `L_a2i`) at every so-manieth step.
    warm_up : int
        Steps over which the rates rise.
    test_clips, test_seed : int
        The unseen clips.
    """

    start: str = "toy"
    image_size: int = 128
    clips: int = 2000
    steps: int = 250
    batch: int = 8
    learning_rate: float = 1e-3
    decoder_rate: float = 3e-4
    regions_every: int = 2
    warm_up: int = 20
    test_clips: int = 60
    test_seed: int = 5

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        for name in ("clips", "steps", "batch", "regions_every", "warm_up", "test_clips"):
            if getattr(self, name) < 1:
                raise TrainingError(f"The setting {name} must be at least 1.")
        if min(self.learning_rate, self.decoder_rate) <= 0:
            raise TrainingError("The settings learning_rate and decoder_rate must be above 0.")


SMOKE = ToyAblation(clips=8, steps=2, batch=2, warm_up=1, test_clips=1)
"""Seconds rather than minutes: shows that everything runs, teaches nothing."""
