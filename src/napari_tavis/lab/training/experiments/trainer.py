"""The training run: many epochs, on one process or many, that can be killed at any moment."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, DataLoaderConfiguration, DistributedDataParallelKwargs
from accelerate.utils import gather_object, set_seed
from torch import Tensor
from torch.utils.data import DataLoader

from napari_tavis.core.errors import TrainingError
from napari_tavis.core.tasks import Cancelled, CancelToken, Progress, no_progress
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.lab.training.batches import Batch
from napari_tavis.lab.training.experiments.batching import EpochBatches
from napari_tavis.lab.training.experiments.clips import RunClips, open_clips
from napari_tavis.lab.training.experiments.config import OptimizerSettings, TrainConfig
from napari_tavis.lab.training.experiments.log import RunLog
from napari_tavis.lab.training.experiments.objective import Objective
from napari_tavis.lab.training.experiments.pictures import ClipResult, draw_results, write_picture
from napari_tavis.lab.training.experiments.starting import freeze, set_modes, start_model
from napari_tavis.lab.training.experiments.state import RunState, kept_states
from napari_tavis.lab.training.experiments.validation import validate
from napari_tavis.lab.training.run_folder import claim_folder
from napari_tavis.lab.training.samples import collate
from napari_tavis.model import save_checkpoint
from napari_tavis.model.alignment import class_prompt

BEST, LAST = "best.safetensors", "last.safetensors"
FREE = ("device", "state_every", "pictures", "tensorboard")
"""Settings that may change when a run is taken up."""


class Trainer:
    """One training run.

    Parameters
    ----------
    config : TrainConfig
        What to do.
    output : Path
        Folder of the run: state, log, pictures, ``best.safetensors`` and ``last.safetensors``.
        A run that was stopped or killed is taken up from it.
    clips : RunClips, optional
        What to learn from; by default what the configuration names.
    progress, cancel : optional
        Told of every clip whose files are checked, and asked whether to go on.

    Attributes
    ----------
    parts : Parts
        How many weights learn.

    Raises
    ------
    TrainingError
        If the settings do not fit together, or the folder holds another run.
    DatasetError
        If clips are missing or broken; it names all of them.
    """

    def __init__(
        self,
        config: TrainConfig,
        output: Path,
        clips: RunClips | None = None,
        *,
        progress: Progress = no_progress,
        cancel: CancelToken | None = None,
    ) -> None:
        self.config, self.output = config, output
        claim_folder(output, _recipe(config), begun=bool(kept_states(output)))
        self.accelerator = _accelerator(config, output)
        set_seed(config.seed)
        self.model = start_model(config.model)
        self.parts = freeze(self.model, config.model.trained)
        self.model.to(self.accelerator.device)
        self.clips = clips or open_clips(config.data, self.model, config.seed, progress, cancel)
        self._batches = EpochBatches(
            self.clips.frames,
            config.data.batch,
            config.optimizer.accumulation,
            config.seed,
            self.accelerator.num_processes,
        )
        self._fill_cache(progress, cancel)
        self._prepare(self._make_objective())
        self.state = RunState(self.accelerator, output, self.model)
        set_seed(config.seed, device_specific=True)  # no process drops out what another does

    def _fill_cache(self, progress: Progress, cancel: CancelToken | None) -> None:
        """Compute what is frozen, each process for its share of the clips."""
        rank, processes = self.accelerator.process_index, self.accelerator.num_processes
        self.model.eval()
        self.clips.fill_cache(
            self.model, slice(rank, None, processes), self.config.data.workers, progress, cancel
        )
        set_modes(self.model)
        self.accelerator.wait_for_everyone()

    def _make_objective(self) -> Objective:
        """Join the network with its loss; the classes' texts are constant."""
        with torch.no_grad():
            texts = self.model.text_features([class_prompt(c) for c in self.clips.vocabulary])
        all_classes = tuple(self.clips.vocabulary) == AVSBENCH_CLASSES
        self._all_texts = texts.embedding if all_classes else None
        objective = Objective(self.model, texts, self.config.loss, self.config.protocol)
        return objective.to(self.accelerator.device)

    def _prepare(self, objective: Objective) -> None:
        """Hand everything to accelerate."""
        loader = DataLoader(
            self.clips.train,
            batch_sampler=self._batches,
            collate_fn=collate,
            num_workers=self.config.data.workers,
            generator=torch.Generator(),  # else taking up a run would draw from the common one
        )
        self._trained = [weight for weight in self.model.parameters() if weight.requires_grad]
        optimizer = torch.optim.Adam(self._trained, lr=self.config.optimizer.learning_rate)
        self._objective, self._optimizer = self.accelerator.prepare(objective, optimizer)
        self._loader = self.accelerator.prepare_data_loader(loader, device_placement=False)

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        return self.config.epochs * self._batches.steps

    def run(self, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Path:
        """Train from where the run stands to its end.

        Parameters
        ----------
        progress : Progress, optional
            Told of every step.
        cancel : CancelToken, optional
            Stops the run with its state saved.

        Returns
        -------
        Path
            The checkpoint that did best on the validation clips.

        Raises
        ------
        Cancelled
            When asked to stop.
        TrainingError
            If a loss is not finite; it names the clip. The state before it is kept.
        """
        self.state.load()
        position, cancel = self.state.position, cancel or CancelToken()
        if self.accelerator.is_main_process:
            done = position.epoch if position.begun else -1
            self._log = RunLog(self.output, position.step, done)
        self._open_trackers(position.step)
        try:
            if not position.begun:
                self._close_epoch(0, progress, cancel)
            while position.epoch < self.config.epochs and not self._is_done():
                self._train_epoch(progress, cancel)
                self._close_epoch(position.epoch + 1, progress, cancel)
        except Cancelled:
            self.state.save()
            raise
        self.accelerator.end_training()
        return self.output / BEST

    def _is_done(self) -> bool:
        """Tell whether the score has not risen for too long."""
        patience = self.config.patience
        return patience is not None and self.state.position.since_best >= patience

    def _train_epoch(self, progress: Progress, cancel: CancelToken) -> None:
        """Train one epoch, or the rest of it."""
        position, settings = self.state.position, self.config.optimizer
        self._batches.go_to(position.epoch, position.step_in_epoch)
        parts = iter(self._loader)
        label = f"epoch {position.epoch + 1} of {self.config.epochs}"
        while position.step_in_epoch < self._batches.steps:
            if self._anyone(cancel.cancelled):
                raise Cancelled
            rate = learning_rate(settings, position.step, self.steps)
            for group in self._optimizer.param_groups:
                group["lr"] = rate
            began = time.monotonic()
            terms = self._train_step(parts)
            position.step += 1
            position.step_in_epoch += 1
            loss = sum(terms.values())
            entry = {"step": position.step, "epoch": position.epoch + 1, "loss": loss, **terms}
            entry |= {"learning_rate": rate, "seconds": time.monotonic() - began}
            if self.accelerator.is_main_process:
                self._log.add_step(entry)
            self.accelerator.log({"loss": loss, "learning_rate": rate, **terms}, position.step)
            progress(position.step, self.steps, f"{label}: loss {loss:.3f}")
            if position.step % self.config.state_every == 0:
                self.state.save()
        next(parts, None)  # lets accelerate see the end

    def _train_step(self, parts: Iterator[Batch]) -> dict[str, float]:
        """Take one step, and give the terms of its loss, the mean over its clips."""
        accumulation = self.config.optimizer.accumulation
        sums: dict[str, Tensor] = {}
        names: list[str] = []
        for _ in range(accumulation):
            batch = next(parts).to(self.accelerator.device)
            names += batch.names
            with self.accelerator.accumulate(self._objective):
                terms = self._objective(batch)
                per_clip = torch.stack(list(terms.values())).sum(0)
                self._check_losses(per_clip.detach(), batch.names)
                self.accelerator.backward(per_clip.mean())
                if self.accelerator.sync_gradients:
                    self._check_gradient(names)
                self._optimizer.step()
                self._optimizer.zero_grad()
            for name, values in terms.items():
                sums[name] = sums.get(name, 0) + values.detach().mean() / accumulation
        means = self.accelerator.reduce(torch.stack(list(sums.values())), "mean")
        return dict(zip(sums, means.tolist(), strict=True))

    def _check_losses(self, per_clip: Tensor, names: tuple[str, ...]) -> None:
        """Stop before a loss that is no number reaches the weights."""
        finite = torch.isfinite(self.accelerator.gather(per_clip))
        if finite.all():
            return
        spoilt = [
            name
            for name, good in zip(gather_object(list(names)), finite.tolist(), strict=True)
            if not good
        ]
        self._stop(f"The loss of {', '.join(spoilt)} is not finite")

    def _check_gradient(self, names: list[str]) -> None:
        """Limit the gradient; stop if it is no number, unless precision takes care of that."""
        limit = self.config.optimizer.clip_norm or math.inf
        norm = self.accelerator.clip_grad_norm_(self._trained, limit)
        if self.accelerator.scaler is None and norm is not None and not torch.isfinite(norm):
            self._stop(f"The gradient of the batch {', '.join(gather_object(names))} is not finite")

    def _stop(self, reason: str) -> None:
        """Keep the state before the step, and say what happened."""
        self._optimizer.optimizer.zero_grad()
        self.state.save()
        raise TrainingError(
            f"{reason} at step {self.state.position.step + 1}. The last good state is kept in "
            f"{self.output}: look at the clip, or begin anew with a smaller "
            "optimizer.learning_rate."
        )

    def _close_epoch(self, epoch: int, progress: Progress, cancel: CancelToken) -> None:
        """Validate, write checkpoints, log and state."""
        position = self.state.position
        scores, shown = validate(
            self.model,
            self.clips,
            self.accelerator,
            self.config.validation_protocol,
            self._all_texts,
            self.config.pictures,
            progress,
            cancel,
        )
        position.begun, position.epoch, position.step_in_epoch = True, epoch, 0
        score = scores.get(self.config.monitor)
        if score is None:
            raise TrainingError(
                f"The validation clips have no classes, so there is no {self.config.monitor}: "
                "choose monitor=M_J."
            )
        better = score > position.best
        position.since_best = 0 if better else position.since_best + 1
        position.best = max(score, position.best)
        if self.accelerator.is_main_process:
            self._write_checkpoints(epoch, scores, better)
            entry = {"epoch": epoch, "step": position.step, **scores, "best": position.best}
            self._log.add_epoch({**entry, "loss": self._log.mean_loss(epoch)})
            self._draw(epoch, shown)
        self.accelerator.log(scores, position.step)
        self.accelerator.wait_for_everyone()
        self.state.save()

    def _write_checkpoints(self, epoch: int, scores: dict[str, float], better: bool) -> None:
        """Write the last and, if it is that, the best checkpoint; the plugin loads either."""
        facts = {
            "started_from": self.config.model.start,
            "trained_on": self.config.data.subset,
            "epoch": str(epoch),
            **{f"validation_{name}": f"{score:.4f}" for name, score in scores.items()},
        }
        for name in [LAST, *([BEST] if better else [])]:
            save_checkpoint(self.model, self.output / name, facts, torch.float16)

    def _draw(self, epoch: int, shown: list[ClipResult]) -> None:
        """Draw what the network finds in the same few clips after every epoch."""
        if not shown:
            return
        picture = draw_results(shown)
        write_picture(picture, self.output / "pictures" / f"epoch-{epoch:03d}.png")
        if self.config.tensorboard:
            tracker = self.accelerator.get_tracker("tensorboard")
            tracker.log_images({"validation": picture[None]}, epoch, dataformats="NHWC")

    def _open_trackers(self, step: int) -> None:
        """Begin the log for TensorBoard, or go on with it."""
        if self.config.tensorboard:
            self.accelerator.init_trackers(
                "tensorboard", init_kwargs={"tensorboard": {"purge_step": step}}
            )

    def _anyone(self, flag: bool) -> bool:
        """Tell whether something holds in any process."""
        if self.accelerator.num_processes == 1:
            return flag
        flags = torch.tensor([float(flag)], device=self.accelerator.device)
        return bool(self.accelerator.gather(flags).any())


def learning_rate(settings: OptimizerSettings, step: int, steps: int) -> float:
    """Give the learning rate of a step: a short rise, then half a cosine (paper, section 4.1).

    Parameters
    ----------
    settings : OptimizerSettings
        Rates at the beginning and the end, and how long it rises.
    step : int
        From 0.
    steps : int
        Of the whole run.
    """
    rising = min(1.0, (step + 1) / (settings.warm_up + 1))
    cosine = 0.5 * (1 + math.cos(math.pi * min(step / max(steps, 1), 1.0)))
    share = settings.final_share + (1 - settings.final_share) * cosine
    return settings.learning_rate * rising * share


def _recipe(config: TrainConfig) -> dict[str, Any]:
    """Give the settings that decide on what a run computes."""
    recipe = {name: value for name, value in asdict(config).items() if name not in FREE}
    recipe["data"] = {
        name: value for name, value in recipe["data"].items() if name not in ("workers", "cache")
    }
    return recipe


def _accelerator(config: TrainConfig, output: Path) -> Accelerator:
    """Make what runs on one process or many, on whatever device there is."""
    try:
        return Accelerator(
            cpu=config.device == "cpu",
            mixed_precision=config.optimizer.precision,
            gradient_accumulation_steps=config.optimizer.accumulation,
            dataloader_config=DataLoaderConfiguration(split_batches=True),
            kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
            log_with="tensorboard" if config.tensorboard else None,
            project_dir=str(output),
        )
    except ValueError as error:  # of all runs in a process, accelerate keeps the first one's
        raise TrainingError(
            f"No run with precision {config.optimizer.precision!r} on device {config.device!r} can "
            f"begin ({error}); if a run with others came before, start this one in another process."
        ) from error
