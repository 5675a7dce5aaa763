"""What can be set: training on a dataset, of the toy model, and of an ablation on the toy world.

The files in ``configurations/`` hold values of the first; a ``*_recipe.py`` makes of settings what
the trainer runs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

from napari_tavis.core.errors import TrainingError
from napari_tavis.lab.training.losses import LossSwitches
from napari_tavis.model.backbone import Protocol
from napari_tavis.model.config import Switches

# What the paper trains (section 3.5); ImageBind and the image encoder stay as they are. The paper
# names memory attention and mask decoder of SAM 2. The sizes of its released weights add up to its
# 54.9 M only with the memory encoder and the projection of object pointers, 1.6 M.
TRAINED = (
    "adapters.*",
    "decomposition.*",
    "prompting.*",
    "*.memory_attention.*",
    "*.memory_encoder.*",
    "*.obj_ptr_proj.*",
    "*mask_decoder.*",
)

MOST_SEED = 2**32 - 1  # the largest that every source of random numbers in a run takes


def require(name: str, value: float | None, least: float, most: float = 2**62) -> None:
    """Raise a `TrainingError` for a number out of its range; None passes."""
    if value is not None and not (math.isfinite(value) and least <= value <= most):
        upper = f" to {most:g}" if most < 2**62 else " on"
        raise TrainingError(
            f"The setting {name} cannot be {value}: take a number from {least:g}{upper}."
        )


@dataclass(frozen=True)
class ModelSettings:
    """The network to begin with."""

    # An installed model, "toy", or the file of a checkpoint. The paper starts from SAM 2 and
    # ImageBind: napari-tavis weights import SAM2 IMAGEBIND --name start.
    start: str = "start"
    # pixels per side that the segmenter sees; None for the model's own
    image_size: int | None = 224
    switches: Switches | None = None  # None for those of the model to begin with
    trained: tuple[str, ...] = TRAINED  # patterns of the names of the weights that learn


@dataclass(frozen=True)
class DataSettings:
    """The clips."""

    root: str = ""  # folder of the dataset
    # Folder with AVSBench-semantic, which knows the classes of S4's and MS3's clips; None for
    # `root`.
    semantic: str | None = None
    # s4, ms3, v1s, v1m, v2, avss (the last three together) or ov (open vocabulary)
    subset: str = "s4"
    # file of seen and unseen classes, for ov, which learns from the seen alone
    classes: str | None = None
    holdout: float = 0.0  # share of the training clips to validate on; 0 for the split val
    batch: int = 4  # clips of an optimiser step, over all processes
    workers: int = 2  # processes that read clips, for each process that trains
    cache: bool = True  # keep on disk what ImageBind, which does not learn, makes of the clips

    def __post_init__(self) -> None:
        require("holdout", self.holdout, 0, 0.99)
        require("batch", self.batch, 1, 65_536)
        require("workers", self.workers, 0, 256)


@dataclass(frozen=True)
class OptimizerSettings:
    """How weights are changed: Adam, and the schedule of its rate."""

    learning_rate: float = 1e-4  # at the beginning; it falls along half a cosine
    final_share: float = 0.0  # of the rate that is left at the end: 0 in the paper
    warm_up: int = 0  # steps over which the rate rises at the beginning
    # Steps over which the rate falls at the end, in a straight line, instead of as a cosine over
    # the whole run.
    cool_down: int | None = None
    clip_norm: float | None = None  # greatest norm of the gradient
    accumulation: int = 1  # parts in which a batch is computed where memory is short
    precision: Literal["no", "fp16", "bf16"] = "no"  # of matrix products; "no" for float32
    weight_decay: float = 0.0  # share by which weights shrink at each step, times the rate (AdamW)
    # decay of the means of the gradient and of its square
    betas: tuple[float, float] = (0.9, 0.999)

    def __post_init__(self) -> None:
        require("learning_rate", self.learning_rate, 0)
        require("final_share", self.final_share, 0)
        require("warm_up", self.warm_up, 0)
        require("cool_down", self.cool_down, 1)
        require("clip_norm", self.clip_norm, 0)
        require("accumulation", self.accumulation, 1, 65_536)
        require("weight_decay", self.weight_decay, 0)
        for beta in self.betas:
            require("betas", beta, 0, 0.999999)

    def rate(self, step: int, steps: int) -> float:
        """Give the learning rate of a step, counted from 0, of a run of ``steps`` (section 4.1)."""
        rising = min(1.0, (step + 1) / (self.warm_up + 1))
        if self.cool_down is not None:
            share = max(self.final_share, min(1.0, (steps - step) / self.cool_down))
        else:
            cosine = 0.5 * (1 + math.cos(math.pi * min(step / max(steps, 1), 1.0)))
            share = self.final_share + (1 - self.final_share) * cosine
        return self.learning_rate * rising * share


@dataclass(frozen=True)
class TrainConfig:
    """A training run."""

    model: ModelSettings = field(default_factory=ModelSettings)
    data: DataSettings = field(default_factory=DataSettings)
    loss: LossSwitches = field(default_factory=LossSwitches)
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    epochs: int = 80  # at most
    # epochs without a better score on the validation clips that end the run
    patience: int | None = None
    protocol: Protocol = "memory"  # how SAM 2 decodes while it learns: the paper trains with memory
    validation_protocol: Protocol = "independent"  # how SAM 2 decodes on the validation clips
    # the score that decides on the best model: of the scene mask, or over all classes
    monitor: Literal["M_J", "mIoU"] = "M_J"
    seed: int = 0  # of the order of the clips and everything else that is random
    device: Literal["auto", "cpu"] = "auto"  # "auto": the GPUs that accelerate finds, else the CPU
    # Steps after which the state is written from which a killed run goes on; it is also written
    # after each epoch.
    state_every: int = 200
    pictures: int = 4  # validation clips whose predictions are drawn after each epoch
    tensorboard: bool = False  # write a log for TensorBoard (extra ``tensorboard``)

    def __post_init__(self) -> None:
        require("epochs", self.epochs, 0, 1_000_000)
        require("patience", self.patience, 0)
        require("seed", self.seed, 0, MOST_SEED)
        require("state_every", self.state_every, 1)
        require("pictures", self.pictures, 0)


@dataclass(frozen=True)
class ToyConfig:
    """The recipe of the bundled toy model, which draws its own clips: `ToyTrainingConfig`."""

    smoke: bool = False  # a few steps only: shows that everything runs
    seed: int = 0  # of the weights and the batches
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"

    def __post_init__(self) -> None:
        require("seed", self.seed, 0, MOST_SEED)


@dataclass(frozen=True)
class Stage:
    """A stretch of training with one batch shape."""

    name: str  # shown in the log
    steps: int  # optimiser steps
    task: Literal["align", "segment"]  # encoder alignment alone, or the whole network
    image_size: int = 128  # side of the frames in pixels
    clips: int = 8  # in a batch
    frames: int = 2  # of each clip
    protocol: Protocol = "independent"  # how SAM 2 decodes
    # Learn prompts by hand as well: clicks and boxes, and in clips of several frames to follow an
    # object.
    prompts: bool = False


@dataclass(frozen=True)
class ToyTrainingConfig:
    """The training of the ``toy`` preset on the toy world."""

    # optimiser state and schedule run through all of them
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
    # training clips rendered at each frame size
    clips: dict[int, int] = field(default_factory=lambda: {128: 10_000, 224: 6_000})
    # its limit to the gradient holds for SAM 2 and for what leads to its prompts apart
    optimizer: OptimizerSettings = OptimizerSettings(
        learning_rate=6e-4,
        final_share=0.01,
        warm_up=199,
        cool_down=600,
        clip_norm=1.0,
        weight_decay=0.02,
        betas=(0.9, 0.99),
    )
    # Everything that leads from sound to prompts learns at this factor of the rate once alignment
    # is over: its features are large, and prompts that run away blind SAM 2.
    bridge_rate: float = 0.3
    ema: float = 0.998  # decay of the averaged weights, which are what is shipped
    # One step in this many computes `L_i2t`, which costs five vision passes a frame, and the next
    # one the alignment of sounds.
    extra_every: int = 4

    @property
    def steps(self) -> int:
        """Optimiser steps of all stages together."""
        return sum(stage.steps for stage in self.stages)


# Seconds rather than hours: shows that everything runs, teaches nothing.
TOY_SMOKE = ToyTrainingConfig(
    stages=(
        Stage("align", 4, "align", clips=2, frames=2),
        Stage("segment", 4, "segment", clips=2, frames=2),
        Stage("click", 2, "segment", image_size=224, clips=2, frames=1, prompts=True),
        Stage("follow", 2, "segment", 224, 1, 2, protocol="memory", prompts=True),
    ),
    clips={128: 8, 224: 4},
    optimizer=replace(ToyTrainingConfig.optimizer, warm_up=1, cool_down=4),
    extra_every=2,
)


@dataclass(frozen=True)
class ToyAblation:
    """The same short training for every row.

    Every row starts from the encoders and the mask decoder of one model, as the paper's network
    starts from ImageBind and SAM 2, and from fresh layers between them, drawn by the seed.
    """

    start: str = "toy"  # the model whose encoders and mask decoder are taken
    image_size: int = 128  # pixels per side
    clips: int = 2000  # training clips rendered
    steps: int = 250  # optimiser steps of a row
    batch: int = 8  # frames in a step, each of another clip
    learning_rate: float = 1e-3  # of Adam, for the fresh layers; cosine decay
    decoder_rate: float = 3e-4  # the same for the mask decoder
    # One step in this many looks at what masks highlight (for `L_i2t` and `L_a2i`), which costs
    # five vision passes a frame.
    regions_every: int = 2
    warm_up: int = 20  # steps over which the rates rise
    test_clips: int = 60  # unseen ones
    test_seed: int = 5

    def __post_init__(self) -> None:
        for name in ("clips", "steps", "batch", "regions_every", "warm_up", "test_clips"):
            require(name, getattr(self, name), 1)
        if min(self.learning_rate, self.decoder_rate) <= 0:
            raise TrainingError("The settings learning_rate and decoder_rate must be above 0.")

    @property
    def optimizer(self) -> OptimizerSettings:
        """Give the paper's Adam with a rise and a limit to the gradient: the training is short."""
        return OptimizerSettings(
            learning_rate=self.learning_rate, warm_up=self.warm_up - 1, clip_norm=1.0
        )


# Seconds rather than minutes: shows that everything runs, teaches nothing.
ABLATION_SMOKE = ToyAblation(clips=8, steps=2, batch=2, warm_up=1, test_clips=1)
