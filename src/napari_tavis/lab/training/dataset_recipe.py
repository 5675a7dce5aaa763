"""The recipe for AVSBench trees: the paper's training, and fine-tuning on what was corrected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader

from napari_tavis.core.tasks import Task
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.lab.training.batches import Batch
from napari_tavis.lab.training.epochs import EpochBatches, RunClips, open_clips
from napari_tavis.lab.training.objective import Objective
from napari_tavis.lab.training.samples import collate
from napari_tavis.lab.training.settings import TrainConfig
from napari_tavis.lab.training.starting import freeze, set_modes, start_model
from napari_tavis.lab.training.trainer import Course, Measuring, Recipe, Stretch
from napari_tavis.model import TAViS
from napari_tavis.model.alignment import class_prompt

FREE = ("device", "state_every", "pictures", "tensorboard")
"""Settings that may change when a run is taken up; so may `FREE_OF_DATA`."""

FREE_OF_DATA = ("workers", "cache")


class DatasetRecipe(Recipe):
    """Learn from a dataset, epoch by epoch, measured after each.

    Parameters
    ----------
    config : TrainConfig
        What to do.
    """

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        super().__init__(
            _card(config),
            config.optimizer,
            config.seed,
            config.device,
            config.state_every,
            config.tensorboard,
        )

    def prepare(self, accelerator: Accelerator, output: Path, task: Task) -> Course:
        """Load the network, open the clips, and compute what is frozen."""
        config = self.config
        model = start_model(config.model)
        freeze(model, config.model.trained)
        model.to(accelerator.device)
        clips = open_clips(config.data, model, config.seed, task)
        order = EpochBatches(
            clips.frames,
            config.data.batch,
            config.optimizer.accumulation,
            config.seed,
            accelerator.num_processes,
        )
        model.eval()
        share = slice(accelerator.process_index, None, accelerator.num_processes)
        clips.fill_cache(model, share, config.data.workers, task)
        set_modes(model)
        accelerator.wait_for_everyone()
        return _EpochCourse(config, accelerator, model, clips, order)


class _EpochCourse(Course):
    """Epochs over a dataset's clips."""

    def __init__(
        self,
        config: TrainConfig,
        accelerator: Accelerator,
        model: TAViS,
        clips: RunClips,
        order: EpochBatches,
    ) -> None:
        self.model, self._order = model, order
        with torch.no_grad():
            texts = model.text_features([class_prompt(name) for name in clips.vocabulary])
        objective = Objective(model, texts, config.loss, config.protocol)
        self.objective = objective.to(accelerator.device)
        loader = DataLoader(
            clips.train,
            batch_sampler=order,
            collate_fn=collate,
            num_workers=config.data.workers,
            generator=torch.Generator(),  # else taking up a run would draw from the common one
        )
        self._loader = accelerator.prepare_data_loader(loader, device_placement=False)
        self.stretches = [
            Stretch(f"epoch {number} of {config.epochs}", order.steps)
            for number in range(1, config.epochs + 1)
        ]
        all_classes = tuple(clips.vocabulary) == AVSBENCH_CLASSES
        self.measuring = Measuring(
            clips,
            config.validation_protocol,
            config.monitor,
            texts.embedding if all_classes else None,
            config.patience,
            config.pictures,
            {"started_from": config.model.start, "trained_on": config.data.subset},
        )

    def enter(self, number: int, step: int, task: Task) -> Iterator[Batch]:
        self._order.go_to(number, step)
        return iter(self._loader)


def _card(config: TrainConfig) -> Mapping[str, Any]:
    """Give the settings that decide on what a run computes."""
    card = {name: value for name, value in asdict(config).items() if name not in FREE}
    data = {name: value for name, value in card["data"].items() if name not in FREE_OF_DATA}
    return {**card, "data": data}
