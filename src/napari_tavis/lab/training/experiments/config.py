"""What can be set about a training run; the files in ``configurations/`` hold the values."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from napari_tavis.core.errors import TrainingError
from napari_tavis.lab.training.losses import LossSwitches
from napari_tavis.model.backbone import Protocol
from napari_tavis.model.switches import Switches

TRAINED = (
    "adapters.*",
    "decomposition.*",
    "prompting.*",
    "*.memory_attention.*",
    "*.memory_encoder.*",
    "*.obj_ptr_proj.*",
    "*mask_decoder.*",
)
"""What the paper trains (section 3.5); ImageBind and the image encoder stay as they are.

The paper names memory attention and mask decoder of SAM 2. The sizes of its released weights add
up to its 54.9 M only with the memory encoder and the projection of object pointers, 1.6 M.
"""

MOST_SEED = 2**32 - 1
"""What all the sources of random numbers take that a run draws from."""


def require(name: str, value: float | None, least: float, most: float = 2**62) -> None:
    """Refuse a number out of its range; None stands for none.

    Raises
    ------
    TrainingError
        Naming the setting and what it may be.
    """
    if value is not None and not (math.isfinite(value) and least <= value <= most):
        upper = f" to {most:g}" if most < 2**62 else " on"
        raise TrainingError(
            f"The setting {name} cannot be {value}: take a number from {least:g}{upper}."
        )


@dataclass(frozen=True)
class ModelSettings:
    """The network to begin with.

    Attributes
    ----------
    start : str
        An installed model, ``toy``, or the file of a checkpoint. The paper starts from SAM 2 and
        ImageBind: ``napari-tavis weights import SAM2 IMAGEBIND --name start``.
    image_size : int, optional
        Pixels per side that the segmenter sees; by default the model's own.
    switches : Switches, optional
        Which parts are there; by default those of the model to begin with.
    trained : tuple of str
        Patterns of the names of the weights that learn.
    """

    start: str = "start"
    image_size: int | None = 224
    switches: Switches | None = None
    trained: tuple[str, ...] = TRAINED


@dataclass(frozen=True)
class DataSettings:
    """The clips.

    Attributes
    ----------
    root : str
        Folder of the dataset.
    semantic : str, optional
        Folder with AVSBench-semantic, which knows the classes of S4's and MS3's clips; by
        default `root`.
    subset : str
        ``s4``, ``ms3``, ``v1s``, ``v1m``, ``v2``, ``avss`` (the last three together) or ``ov``
        (open vocabulary). Clips of as many frames share a batch.
    classes : str, optional
        File with the seen and the unseen classes, for ``ov``: learns from the seen ones alone.
    holdout : float
        Share of the training clips that is held out to validate on instead of the split ``val``;
        0 for that split.
    batch : int
        Clips of an optimiser step, over all processes.
    workers : int
        Processes that read clips, for each process that trains.
    cache : bool
        Keep on disk what ImageBind, which does not learn, makes of the clips.
    """

    root: str = ""
    semantic: str | None = None
    subset: str = "s4"
    classes: str | None = None
    holdout: float = 0.0
    batch: int = 4
    workers: int = 2
    cache: bool = True

    def __post_init__(self) -> None:
        require("holdout", self.holdout, 0, 0.99)
        require("batch", self.batch, 1, 65_536)
        require("workers", self.workers, 0, 256)


@dataclass(frozen=True)
class OptimizerSettings:
    """How weights are changed: Adam.

    Attributes
    ----------
    learning_rate : float
        At the beginning; it falls to `final_share` of it as a half cosine.
    final_share : float
        0 in the paper.
    warm_up : int
        Steps over which the rate rises at the beginning.
    clip_norm : float, optional
        Greatest norm of the gradient.
    accumulation : int
        Parts that a batch is computed in, one after the other, where memory is short.
    precision : {"no", "fp16", "bf16"}
        Number format of matrix products, besides float32.
    """

    learning_rate: float = 1e-4
    final_share: float = 0.0
    warm_up: int = 0
    clip_norm: float | None = None
    accumulation: int = 1
    precision: Literal["no", "fp16", "bf16"] = "no"

    def __post_init__(self) -> None:
        require("learning_rate", self.learning_rate, 0)
        require("final_share", self.final_share, 0)
        require("warm_up", self.warm_up, 0)
        require("clip_norm", self.clip_norm, 0)
        require("accumulation", self.accumulation, 1, 65_536)


@dataclass(frozen=True)
class TrainConfig:
    """A training run.

    Attributes
    ----------
    model, data, loss, optimizer
        See there.
    epochs : int
        At most.
    patience : int, optional
        Epochs without a better score on the validation clips after which the run ends.
    protocol : {"independent", "memory"}
        How SAM 2 decodes while it learns. The paper trains with memory.
    validation_protocol : {"independent", "memory"}
        How SAM 2 decodes on the validation clips.
    monitor : {"M_J", "mIoU"}
        Which score on the validation clips tells the best model: of the scene mask, or over all
        classes.
    seed : int
        Of the order of the clips and all else that is random.
    device : {"auto", "cpu"}
        ``auto``: the GPUs that accelerate finds, else the CPU.
    state_every : int
        Steps after which the state is written, from which a run that was killed goes on; it is
        written after each epoch as well.
    pictures : int
        Validation clips whose predictions are drawn after each epoch.
    tensorboard : bool
        Write a log for TensorBoard (extra ``tensorboard``).
    """

    model: ModelSettings = field(default_factory=ModelSettings)
    data: DataSettings = field(default_factory=DataSettings)
    loss: LossSwitches = field(default_factory=LossSwitches)
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    epochs: int = 80
    patience: int | None = None
    protocol: Protocol = "memory"
    validation_protocol: Protocol = "independent"
    monitor: Literal["M_J", "mIoU"] = "M_J"
    seed: int = 0
    device: Literal["auto", "cpu"] = "auto"
    state_every: int = 200
    pictures: int = 4
    tensorboard: bool = False

    def __post_init__(self) -> None:
        require("epochs", self.epochs, 0)
        require("patience", self.patience, 0)
        require("seed", self.seed, 0, MOST_SEED)
        require("state_every", self.state_every, 1)
        require("pictures", self.pictures, 0)


@dataclass(frozen=True)
class ToyConfig:
    """The recipe of the bundled toy model, which draws its own clips: `ToyTrainingConfig`.

    Attributes
    ----------
    smoke : bool
        A few steps only: shows that everything runs.
    seed : int
        Of the weights and the batches.
    device : str
        Where to train.
    """

    smoke: bool = False
    seed: int = 0
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"

    def __post_init__(self) -> None:
        require("seed", self.seed, 0, MOST_SEED)
