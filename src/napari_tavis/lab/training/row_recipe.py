"""The recipe of an ablation's row on the toy world: a short training with the paper's losses.

Every row starts from encoders that hear and see, and from fresh layers between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from napari_tavis.core.errors import TrainingError
from napari_tavis.core.tasks import Task
from napari_tavis.lab.training.ablation_rows import Row
from napari_tavis.lab.training.batches import Batch, make_targets
from napari_tavis.lab.training.losses import LossSwitches, region_embedding, tavis_loss
from napari_tavis.lab.training.settings import ToyAblation
from napari_tavis.lab.training.starting import class_texts, scale_prompts
from napari_tavis.lab.training.toy_clips import ToyClips
from napari_tavis.lab.training.trainer import Course, Recipe, Stretch, Trainer, weights_besides
from napari_tavis.model import TAViS, TextFeatures, load_model
from napari_tavis.model.config import PRESETS, TAViSConfig


def train_row(
    row: Row,
    settings: ToyAblation,
    seed: int,
    start: TAViS,
    clips: ToyClips,
    task: Task | None = None,
) -> TAViS:
    """Train a row's network, and give it in evaluation mode.

    All rows of a seed see the same batches. Stopped, the row starts again next time. Raises
    `TrainingError` if the loss is not finite.
    """
    with TemporaryDirectory() as folder:
        trainer = Trainer(RowRecipe(row, settings, seed, start, clips), Path(folder))
        trainer.run(task)
        return trainer.model.eval()


class RowRecipe(Recipe):
    """Train one row of an ablation with one seed."""

    def __init__(
        self, row: Row, settings: ToyAblation, seed: int, start: TAViS, clips: ToyClips
    ) -> None:
        self._row, self._settings, self._start, self._clips = row, settings, start, clips
        card = {"row": row.name, "seed": seed, **asdict(settings)}
        super().__init__(card, settings.optimizer, seed, "cpu", state_every=None)

    def prepare(self, accelerator: Accelerator, output: Path, task: Task) -> Course:
        return _RowCourse(self._row, self._settings, self.seed, self._start, self._clips)


class _RowCourse(Course):
    """One stretch, with a smaller rate for what has been trained before."""

    def __init__(
        self, row: Row, settings: ToyAblation, seed: int, start: TAViS, clips: ToyClips
    ) -> None:
        self._settings, self._clips = settings, clips
        self.generator = np.random.default_rng(seed)
        first = next(self._batches())  # drawn by the seed, so all rows of it go on alike
        self.model = fresh_network(row, settings, seed, start, first)
        with torch.no_grad():
            texts = class_texts(self.model)
        self.objective = _RowObjective(self.model, row.losses, texts, settings.regions_every)
        self.stretches = [Stretch(f"{row.name}, seed {seed}", settings.steps)]

    def _batches(self) -> Iterator[Batch]:
        assert self.generator is not None
        return self._clips.batches(self._settings.batch, 1, self.generator)

    def groups(self) -> list[list[nn.Parameter]]:
        """Give the fresh layers, and the mask decoder."""
        decoder = [weight for weight in self.model.segmenter.parameters() if weight.requires_grad]
        (learned,) = super().groups()
        return [weights_besides(learned, decoder), decoder]

    def factors(self, number: int) -> tuple[float, float]:
        return (1.0, self._settings.decoder_rate / self._settings.learning_rate)

    def enter(self, number: int, step: int, task: Task) -> Iterator[Batch]:
        return self._batches()


class _RowObjective(nn.Module):
    """The terms that a row learns by, frames being decoded independently."""

    def __init__(
        self, model: TAViS, switches: LossSwitches, texts: TextFeatures, regions_every: int
    ) -> None:
        super().__init__()
        self.model, self._switches, self._texts = model, switches, texts
        self._regions_every = regions_every

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Give the weighted terms, scalars."""
        output = self.model(batch.images, batch.mel, "independent")
        regions = None
        if self._switches.regions and step % self._regions_every == 0:
            regions = region_embedding(self.model, batch, output.mask_logits[:, :, :-1].sigmoid())
        targets = make_targets(batch, output.mask_logits.shape[-1])
        return tavis_loss(output, targets, self._texts, regions, self._switches)


def load_start(settings: ToyAblation) -> TAViS:
    """Load the model that every row starts from, frozen."""
    model = load_model(settings.start, image_size=settings.image_size)
    return model.requires_grad_(False)


def row_config(row: Row, settings: ToyAblation, base: TAViSConfig) -> TAViSConfig:
    """Give the sizes of a row's network.

    Raises `TrainingError` if the start has no counterpart on SAM.
    """
    if row.segmenter != base.segmenter.family:
        preset = f"{base.preset}_{row.segmenter}"
        if preset not in PRESETS:
            raise TrainingError(
                f"{settings.start!r} has no counterpart on {row.segmenter!r}; leave the row "
                f"{row.name!r} out."
            )
        base = replace(PRESETS[preset], image_size=settings.image_size)
    return replace(base, switches=row.switches)


def fresh_network(row: Row, settings: ToyAblation, seed: int, start: TAViS, batch: Batch) -> TAViS:
    """Build a row's network: the start's encoders and decoder, and fresh layers between them.

    The batch serves to bring the fresh prompts to the size of the decoder's own tokens. The network
    is in training mode; ImageBind and the image encoder are frozen, a SAM without weights is not.
    """
    torch.manual_seed(seed)
    model = TAViS(row_config(row, settings, start.config))
    model.imagebind.load_state_dict(start.imagebind.state_dict())
    model.imagebind.requires_grad_(False)
    if row.segmenter == start.config.segmenter.family:
        model.segmenter.load_state_dict(start.segmenter.state_dict())
        model.segmenter.get_submodule("image_encoder").requires_grad_(False)
    for layer in model.adapters.output:  # what is not yet learned changes nothing
        nn.init.zeros_(cast(nn.Linear, layer).weight)
        nn.init.zeros_(cast(nn.Linear, layer).bias)
    scale_prompts(model, batch.mel)
    return model.train()
