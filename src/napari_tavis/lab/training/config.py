"""What a training run does, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from napari_tavis.model.backbone import Protocol


@dataclass(frozen=True)
class Stage:
    """A stretch of training with one batch shape.

    Attributes
    ----------
    name : str
        Shown in the log.
    steps : int
        Optimiser steps.
    task : {"align", "segment"}
        Encoder alignment alone, or the whole network.
    image_size : int
        Side of the frames in pixels.
    clips, frames : int
        Batch: clips, and frames of each.
    protocol : {"independent", "memory"}
        How SAM 2 decodes.
    prompts : bool
        Learn prompts by hand as well: clicks and boxes, and in clips of several frames to follow
        an object.
    """

    name: str
    steps: int
    task: Literal["align", "segment"]
    image_size: int = 128
    clips: int = 8
    frames: int = 2
    protocol: Protocol = "independent"
    prompts: bool = False


@dataclass(frozen=True)
class ToyTrainingConfig:
    """The training of the ``toy`` preset on the toy world.

    Attributes
    ----------
    stages : tuple of Stage
        In order; optimiser state and schedule run through all of them.
    clips : dict of int to int
        Number of training clips rendered at each frame size.
    learning_rate, bridge_rate : float
        Of AdamW; all that leads from sound to prompts learns at the factor `bridge_rate` of it
        once alignment is over: its features are large, and prompts that run away blind SAM 2.
    warm_up, cool_down : int
        Steps over which the learning rate rises at the beginning and falls at the end.
    ema : float
        Decay of the averaged weights, which are what is shipped.
    extra_every : int
        `L_i2t`, which costs five vision passes a frame, and the alignment of sounds are computed
        at every so-manieth step, in turn.
    """

    stages: tuple[Stage, ...] = (
        Stage("align", 1000, "align", clips=10, frames=2),
        Stage("segment", 3600, "segment", clips=8, frames=2),
        Stage("remember", 300, "segment", clips=4, frames=4, protocol="memory"),
        Stage("sharpen", 700, "segment", image_size=224, clips=6, frames=1),
        Stage("finish", 200, "segment", image_size=224, clips=2, frames=4, protocol="memory"),
        Stage("polish", 700, "segment", image_size=224, clips=6, frames=1),
        Stage("settle", 120, "segment", image_size=224, clips=2, frames=4, protocol="memory"),
        Stage("deepen", 2600, "segment", image_size=224, clips=6, frames=1),
        Stage("close", 300, "segment", image_size=224, clips=2, frames=4, protocol="memory"),
        Stage("click", 2350, "segment", image_size=224, clips=6, frames=1, prompts=True),
        Stage("follow", 130, "segment", 224, 2, 4, protocol="memory", prompts=True),
        Stage("grasp", 3600, "segment", image_size=224, clips=3, frames=2, prompts=True),
        Stage("hold", 680, "segment", 224, 2, 4, protocol="memory", prompts=True),
    )
    clips: dict[int, int] = field(default_factory=lambda: {128: 10_000, 224: 6_000})
    learning_rate: float = 6e-4
    bridge_rate: float = 0.3
    weight_decay: float = 0.02
    warm_up: int = 200
    cool_down: int = 600
    clip_norm: float = 1.0
    ema: float = 0.998
    extra_every: int = 4

    @property
    def steps(self) -> int:
        """Optimiser steps of all stages together."""
        return sum(stage.steps for stage in self.stages)


SMOKE = ToyTrainingConfig(
    stages=(
        Stage("align", 4, "align", clips=2, frames=2),
        Stage("segment", 4, "segment", clips=2, frames=2),
        Stage("click", 2, "segment", image_size=224, clips=2, frames=1, prompts=True),
        Stage("follow", 2, "segment", 224, 1, 2, protocol="memory", prompts=True),
    ),
    clips={128: 8, 224: 4},
    warm_up=2,
    cool_down=4,
    extra_every=2,
)
"""Seconds rather than hours: shows that everything runs, teaches nothing."""
