"""The recipe for AVSBench trees: the paper's training, and fine-tuning on what was corrected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader

from napari_tavis.core.tasks import Task
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.lab.training.batches import Batch, make_targets
from napari_tavis.lab.training.epochs import EpochBatches, RunClips, open_clips
from napari_tavis.lab.training.losses import LossSwitches, tavis_loss
from napari_tavis.lab.training.samples import collate
from napari_tavis.lab.training.settings import TrainConfig
from napari_tavis.lab.training.starting import freeze, set_modes, start_model
from napari_tavis.lab.training.trainer import Course, Measuring, Recipe, Stretch
from napari_tavis.model import TAViS, TAViSOutput, TextFeatures
from napari_tavis.model.alignment import class_prompt
from napari_tavis.model.backbone import Protocol

# settings that may change when a run is taken up
FREE = ("device", "state_every", "pictures", "tensorboard")
FREE_OF_DATA = ("workers", "cache")  # the same, of its data


class Objective(nn.Module):
    """The network with its loss (paper, section 3.5): what processes share the gradient of.

    The loss of a batch is the mean over its clips, each normalised by what that clip holds: so it
    is the same however the batch is divided among processes or computed part by part, and a clip
    that spoils it can be named. The vocabulary's texts are constant.
    """

    text_embedding: Tensor
    text_trunk: Tensor

    def __init__(
        self, model: TAViS, texts: TextFeatures, switches: LossSwitches, protocol: Protocol
    ) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("text_embedding", texts.embedding, persistent=False)
        self.register_buffer("text_trunk", texts.trunk, persistent=False)
        self.switches, self.protocol = switches, protocol

    def forward(self, batch: Batch, step: int = 0) -> dict[str, Tensor]:
        """Give the weighted terms by name, (B,) each; their sum is minimised."""
        output = self.model(batch.images, batch.mel, self.protocol, batch.features)
        output = _in_single_precision(output)
        regions = None
        if self.switches.regions:
            queries = output.audio_embedding.shape[2]
            regions = self.model.region_embedding(batch.images, output.mask_logits[:, :, :queries])
        with torch.autocast(batch.images.device.type, enabled=False):
            return self._terms(batch, output, regions)

    def _terms(
        self, batch: Batch, output: TAViSOutput, regions: Tensor | None
    ) -> dict[str, Tensor]:
        """Compare what was found with the truth, clip by clip."""
        texts = TextFeatures(embedding=self.text_embedding, trunk=self.text_trunk)
        size = output.mask_logits.shape[-1]
        regions = None if regions is None else regions.float()
        alone = replace(self.switches, a2i=False)  # it contrasts the clips of a batch
        clips = []
        frames = torch.arange(batch.images.shape[1], device=batch.images.device)
        for row in range(len(batch.images)):
            targets = make_targets(clip_of(batch, row), size)
            found = output.choose(row * len(frames) + frames)
            seen = None if regions is None else regions[row : row + 1]
            clips.append(tavis_loss(found, targets, texts, seen, alone))
        terms = {name: torch.stack([clip[name] for clip in clips]) for name in clips[0]}
        if self.switches.a2i:
            whole = tavis_loss(output, make_targets(batch, size), texts, regions, self.switches)
            terms["a2i"] = whole["a2i"].expand(len(clips))
        return terms


def clip_of(batch: Batch, row: int) -> Batch:
    """Give one clip of a batch as a batch; its ready-made features are left out."""
    chosen: dict[str, Any] = {
        field.name: value[row : row + 1]
        for field in fields(batch)
        if isinstance(value := getattr(batch, field.name), Tensor | tuple)
    }
    return replace(batch, **{**chosen, "features": None})


def _in_single_precision(output: TAViSOutput) -> TAViSOutput:
    """Turn what was computed in half precision into float32."""
    changed: dict[str, Any] = {
        field.name: value.float()
        for field in fields(output)
        if isinstance(value := getattr(output, field.name), Tensor)
    }
    return replace(output, **changed)


class DatasetRecipe(Recipe):
    """Learn from a dataset, epoch by epoch, measured after each."""

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
