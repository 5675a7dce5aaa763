"""The one training loop: on one process or many, killed at any moment and taken up again.

What a run learns, from what and by what loss, is its `Recipe`: the paper's and fine-tuning's
(`dataset_recipe`), the bundled model's (`toy_recipe`), and an ablation's on the toy world
(`row_recipe`).
"""

from __future__ import annotations

import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator, DataLoaderConfiguration, DistributedDataParallelKwargs
from accelerate.utils import gather_object, set_seed
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from napari_tavis.core.errors import TrainingError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.lab.training.batches import Batch
from napari_tavis.lab.training.epochs import RunClips
from napari_tavis.lab.training.run_folder import RunLog, RunState, claim_folder, kept_states
from napari_tavis.lab.training.settings import OptimizerSettings
from napari_tavis.lab.training.starting import count_parts
from napari_tavis.lab.training.validation import ClipResult, draw_results, validate, write_picture
from napari_tavis.model import TAViS, save_checkpoint
from napari_tavis.model.backbone import Protocol

BEST, LAST = "best.safetensors", "last.safetensors"


@dataclass(frozen=True)
class Stretch:
    """Steps in a row: an epoch of a dataset, or a stage of the toy's training."""

    name: str
    steps: int


@dataclass(frozen=True)
class Measuring:
    """How a run is measured before it begins and after every stretch."""

    clips: RunClips  # of which some are held out
    protocol: Protocol  # how the segmenter decodes
    monitor: str  # the score that decides on the best model
    # (P, D), all classes of AVSBench; without them classes are not measured
    texts: Tensor | None = None
    patience: int | None = None  # stretches without a better score after which the run ends
    pictures: int = 0  # clips whose masks are drawn
    # what checkpoints say of where they come from
    facts: Mapping[str, str] = field(default_factory=dict)


class Course(ABC):
    """What a recipe brings into the loop."""

    model: TAViS  # what is to learn has gradients
    # The network with its loss: objective(batch, step) gives the weighted terms by name, of each
    # clip (B,) or of all together (scalars). Their sum is minimised.
    objective: nn.Module
    stretches: Sequence[Stretch]
    measuring: Measuring | None = None
    average: AveragedModel | None = None  # follows the network, step by step
    # by which clips are drawn; a run that is taken up goes on with it
    generator: np.random.Generator | None = None
    clip_apart: bool = False  # limit the gradient of each group of weights by itself

    def groups(self) -> list[list[nn.Parameter]]:
        """Give what learns, in groups that may learn at rates of their own."""
        return [[weight for weight in self.model.parameters() if weight.requires_grad]]

    def factors(self, number: int) -> Sequence[float]:
        """Give the factors of the groups' rates in a stretch."""
        return (1.0,)

    @abstractmethod
    def enter(self, number: int, step: int, task: Task) -> Iterator[Batch]:
        """Begin a stretch, or with ``step > 0`` go on with it, and give its batches.

        Each batch comes in as many parts as the optimiser's settings say.
        """

    def leave(self, number: int, batches: Iterator[Batch]) -> None:
        """End a stretch, of which batches may be left."""
        next(batches, None)  # lets accelerate see the end of an epoch


def weights_besides(
    weights: Iterable[nn.Parameter], group: Iterable[nn.Parameter]
) -> list[nn.Parameter]:
    """Give the weights that are not in a group."""
    known = {id(weight) for weight in group}  # `in` would compare the values of tensors
    return [weight for weight in weights if id(weight) not in known]


class Recipe(ABC):
    """What a run does, before anything is loaded.

    The card is everything that decides on what is computed, ready for JSON. The state
    is written every ``state_every`` steps and after every stretch; with None it is never written,
    and a run that was stopped starts again.
    """

    def __init__(
        self,
        card: Mapping[str, Any],
        optimizer: OptimizerSettings,
        seed: int,
        device: str,
        state_every: int | None,
        tensorboard: bool = False,
    ) -> None:
        self.card, self.optimizer, self.seed, self.device = card, optimizer, seed, device
        self.state_every, self.tensorboard = state_every, tensorboard

    @abstractmethod
    def prepare(self, accelerator: Accelerator, output: Path, task: Task) -> Course:
        """Load the network, open the clips, and join both with the loss."""


class Trainer:
    """One training run.

    The folder keeps state, log and, where the recipe measures, pictures, ``best.safetensors`` and
    ``last.safetensors``; a run that was stopped or killed is taken up from it. Building it checks
    the clips' files and raises `TrainingError` if the settings do not fit together or the folder
    holds another run, and `DatasetError` naming all clips that are missing or broken.
    """

    def __init__(self, recipe: Recipe, output: Path, *, task: Task | None = None) -> None:
        self.recipe, self.output = recipe, output
        claim_folder(output, recipe.card, begun=bool(kept_states(output)))
        self.accelerator = _accelerator(recipe, output)
        set_seed(recipe.seed)
        self.course = course = recipe.prepare(self.accelerator, output, task or Task())
        self.parts = count_parts(course.model)
        self.steps = sum(stretch.steps for stretch in course.stretches)
        groups = course.groups()
        self._clipped = groups if course.clip_apart else [[w for group in groups for w in group]]
        optimizer = torch.optim.AdamW(  # without decay of the weights, this is Adam
            [{"params": group} for group in groups],
            lr=recipe.optimizer.learning_rate,
            betas=recipe.optimizer.betas,
            weight_decay=recipe.optimizer.weight_decay,
        )
        kept = _kept_weights(course)
        self._objective, self._optimizer = self.accelerator.prepare(course.objective, optimizer)
        self.state = RunState(self.accelerator, output, kept)
        set_seed(recipe.seed, device_specific=True)  # no process drops out what another does

    @property
    def model(self) -> TAViS:
        return self.course.model

    @property
    def best(self) -> Path:
        """The checkpoint that did best on the clips held out, once the run is done."""
        return self.output / BEST

    def run(self, task: Task | None = None) -> None:
        """Train from where the run stands to its end.

        Raises `Cancelled` with the state saved, and `TrainingError` if a loss is not finite, naming
        the clip; the state before it is kept.
        """
        task = task or Task()
        self._resume()
        position, stretches = self.state.position, self.course.stretches
        try:
            if not position.begun:
                self._end_stretch(0, task)
            while position.stretch < len(stretches) and not self._is_done():
                self._learn(stretches[position.stretch], task)
                self._end_stretch(position.stretch + 1, task)
        except Cancelled:
            self._save()
            raise
        self.accelerator.end_training()

    def _resume(self) -> None:
        """Take up where the run was last saved; without a state, at the beginning."""
        self.state.load()
        position = self.state.position
        if position.draws:
            self.course.generator = np.random.default_rng()
            self.course.generator.bit_generator.state = json.loads(position.draws)
        if self.accelerator.is_main_process:
            done = position.stretch if position.begun else -1
            self._log = RunLog(self.output, position.step, done)
        if self.recipe.tensorboard:
            settings = {"tensorboard": {"purge_step": position.step}}
            self.accelerator.init_trackers("tensorboard", init_kwargs=settings)

    def _save(self) -> None:
        """Write the state, if the recipe keeps any."""
        if self.recipe.state_every is None:
            return
        generator = self.course.generator
        if generator is not None:
            self.state.position.draws = json.dumps(generator.bit_generator.state)
        self.state.save()

    def _is_done(self) -> bool:
        """Whether the score has not risen for too long."""
        measuring = self.course.measuring
        patience = measuring.patience if measuring else None
        return patience is not None and self.state.position.since_best >= patience

    def _check(self, task: Task) -> None:
        """Stop here if any process was asked to."""
        if self.accelerator.num_processes == 1:
            task.check()
            return
        # One that leaves alone would have the others wait for it forever.
        flags = torch.tensor([float(task.cancelled)], device=self.accelerator.device)
        if self.accelerator.gather(flags).any():
            raise Cancelled

    def _learn(self, stretch: Stretch, task: Task) -> None:
        """Train a stretch, or the rest of it."""
        position, settings = self.state.position, self.recipe.optimizer
        self._check(task)
        batches = self.course.enter(position.stretch, position.step_in_stretch, task)
        factors = self.course.factors(position.stretch)
        while position.step_in_stretch < stretch.steps:
            rate = settings.rate(position.step, self.steps)
            for group, factor in zip(self._optimizer.param_groups, factors, strict=True):
                group["lr"] = rate * factor
            began = time.monotonic()
            terms = self._take_step(batches)
            position.step += 1
            position.step_in_stretch += 1
            loss = sum(terms.values())
            entry = {"step": position.step, "epoch": position.stretch + 1, "loss": loss, **terms}
            entry |= {"learning_rate": rate, "seconds": time.monotonic() - began}
            if self.accelerator.is_main_process:
                self._log.add_step(entry)
            self.accelerator.log({"loss": loss, "learning_rate": rate, **terms}, position.step)
            task.report(position.step, self.steps, f"{stretch.name}: loss {loss:.3f}")
            if self.recipe.state_every and position.step % self.recipe.state_every == 0:
                self._save()
            self._check(task)
        self.course.leave(position.stretch, batches)

    def _take_step(self, batches: Iterator[Batch]) -> dict[str, float]:
        """Take one step, and give the terms of its loss, the mean over its clips."""
        accumulation = self.recipe.optimizer.accumulation
        sums: dict[str, Tensor] = {}
        names: list[str] = []
        for _ in range(accumulation):
            batch = next(batches).to(self.accelerator.device)
            names += batch.names
            with self.accelerator.accumulate(self._objective):
                terms = self._objective(batch, self.state.position.step)
                per_clip = torch.stack(list(terms.values())).sum(0)
                self._check_losses(per_clip.detach(), batch.names)
                self.accelerator.backward(per_clip.mean())
                if self.accelerator.sync_gradients:
                    self._check_gradient(names)
                self._optimizer.step()
                self._optimizer.zero_grad()
            for name, values in terms.items():
                sums[name] = sums.get(name, 0) + values.detach().mean() / accumulation
        if self.course.average is not None:
            self.course.average.update_parameters(self.model)
        means = self.accelerator.reduce(torch.stack(list(sums.values())), "mean")
        return dict(zip(sums, means.tolist(), strict=True))

    def _check_losses(self, per_clip: Tensor, names: tuple[str, ...]) -> None:
        """Stop before a loss that is not finite reaches the weights."""
        finite = torch.isfinite(self.accelerator.gather(per_clip))
        if finite.all():
            return
        every = gather_object(list(names))  # all processes stop for a clip of any of them
        spoilt = [name for name, good in zip(every, finite.flatten().tolist()) if not good]  # noqa: B905 (toy clips have no names)
        self._fail(f"The loss{' of ' if spoilt else ''}{', '.join(spoilt)} is not finite")

    def _check_gradient(self, names: list[str]) -> None:
        """Limit the gradient; stop if it is not finite, unless loss scaling takes care of that."""
        limit = self.recipe.optimizer.clip_norm or math.inf
        norms = [self.accelerator.clip_grad_norm_(weights, limit) for weights in self._clipped]
        if self.accelerator.scaler is None and not all(
            norm is None or torch.isfinite(norm) for norm in norms
        ):
            batch = ", ".join(gather_object(names)) or "this step"
            self._fail(f"The gradient of the batch {batch} is not finite")

    def _fail(self, reason: str) -> None:
        """Keep the state before the step, and raise the error."""
        self._optimizer.optimizer.zero_grad()
        self._save()
        kept = f"The last good state is kept in {self.output}: look at the clip, or start"
        raise TrainingError(
            f"{reason} at step {self.state.position.step + 1}. "
            f"{kept if self.recipe.state_every else 'Start'} again with a smaller learning rate."
        )

    def _end_stretch(self, done: int, task: Task) -> None:
        """End a stretch: measure, write checkpoints, log and state."""
        measuring, position = self.course.measuring, self.state.position
        found = self._measure(measuring, task) if measuring else None
        position.begun, position.stretch, position.step_in_stretch = True, done, 0
        if measuring and found:
            self._record(measuring, *found)
            self.accelerator.log(found[0], position.step)
            self.accelerator.wait_for_everyone()
        self._save()

    def _measure(
        self, measuring: Measuring, task: Task
    ) -> tuple[dict[str, float], list[ClipResult]]:
        scores, shown = validate(
            self.model,
            measuring.clips,
            self.accelerator,
            measuring.protocol,
            measuring.texts,
            measuring.pictures,
            task,
        )
        if measuring.monitor not in scores:
            raise TrainingError(
                f"The validation clips have no classes, so there is no {measuring.monitor}: "
                "choose monitor=M_J."
            )
        return scores, shown

    def _record(
        self, measuring: Measuring, scores: dict[str, float], shown: list[ClipResult]
    ) -> None:
        """Write the last and, if it is that, the best checkpoint; log and draw."""
        position = self.state.position
        score = scores[measuring.monitor]
        better = score > position.best
        position.since_best = 0 if better else position.since_best + 1
        position.best = max(score, position.best)
        if not self.accelerator.is_main_process:
            return
        epoch = position.stretch
        facts = {
            **measuring.facts,
            "epoch": str(epoch),
            **{f"validation_{name}": f"{value:.4f}" for name, value in scores.items()},
        }
        for name in [LAST, *([BEST] if better else [])]:
            save_checkpoint(self.model, self.output / name, facts, torch.float16)
        entry = {"epoch": epoch, "step": position.step, **scores, "best": position.best}
        self._log.add_epoch({**entry, "loss": self._log.mean_loss(epoch)})
        if shown:
            picture = draw_results(shown)
            write_picture(picture, self.output / "pictures" / f"epoch-{epoch:03d}.png")
            if self.recipe.tensorboard:
                tracker = self.accelerator.get_tracker("tensorboard")
                tracker.log_images({"validation": picture[None]}, epoch, dataformats="NHWC")


def _kept_weights(course: Course) -> dict[str, Tensor]:
    """Give all that learns or follows what learns, by names in which the network's are its own."""
    kept: dict[str, Tensor] = {
        name.removeprefix("model."): weight
        for name, weight in course.objective.named_parameters()
        if weight.requires_grad
    }
    if course.average is not None:
        kept |= {f"average.{name}": w for name, w in course.average.state_dict().items()}
    return kept


def _accelerator(recipe: Recipe, output: Path) -> Accelerator:
    settings = recipe.optimizer
    try:
        return Accelerator(
            cpu=recipe.device == "cpu",
            mixed_precision=settings.precision,
            gradient_accumulation_steps=settings.accumulation,
            # A batch of the loader is divided among the processes, however many there are.
            dataloader_config=DataLoaderConfiguration(split_batches=True),
            # Which weights get a gradient depends on the batch: of one frame, the memory gets none.
            kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
            log_with="tensorboard" if recipe.tensorboard else None,
            project_dir=str(output),
        )
    except ValueError as error:  # of all runs in a process, accelerate keeps the first one's
        raise TrainingError(
            f"No run with precision {settings.precision!r} on device {recipe.device!r} can start "
            f"({error}); if a run with other settings came before, start this one in a new process."
        ) from error
