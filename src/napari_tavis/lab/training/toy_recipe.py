"""The recipe of the bundled toy model: from nothing, in stages, on clips that it draws itself.

The paper starts from ImageBind, whose sound, picture and text already share one space, and from a
SAM 2 that has seen millions of masks. The toy preset starts from nothing, so its first stage gives
it a beginning of both: sounds are drawn to the texts of their classes by a sigmoid loss, and a
throw-away head names every pixel's object from SAM 2's image features.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as functional
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from napari_tavis.core.errors import TrainingError
from napari_tavis.core.tasks import Task
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.lab.training.batches import Batch, make_targets
from napari_tavis.lab.training.losses import region_embedding, tavis_loss
from napari_tavis.lab.training.prompt_losses import prompt_losses, tracking_losses
from napari_tavis.lab.training.settings import Stage, ToyTrainingConfig
from napari_tavis.lab.training.starting import class_texts, scale_marks, scale_prompts
from napari_tavis.lab.training.toy_clips import render_toy_clips
from napari_tavis.lab.training.trainer import Course, Recipe, Stretch, Trainer, weights_besides
from napari_tavis.model import TAViS, TAViSOutput, TextFeatures, preprocess, save_checkpoint

STATE_EVERY = 250
DENSE_SCALE = 0.1


def train_toy(
    output: Path,
    *,
    config: ToyTrainingConfig | None = None,
    seed: int = 0,
    device: str = "cpu",
    task: Task | None = None,
) -> Path:
    """Train the toy preset, or go on with a run that was stopped; give the averaged weights' file.

    The directory takes about 13 GB with the rendered clips. Cancelled, the run stops with its state
    saved. Raises `TrainingError` if a loss is not finite, or the directory holds another run or
    cannot be written.
    """
    config = config or ToyTrainingConfig()
    trainer = Trainer(ToyRecipe(config, seed, device), output)
    trainer.run(task)
    facts = {"seed": str(seed), "steps": str(config.steps)}
    average = cast(AveragedModel, trainer.course.average)
    path = output / "toy.safetensors"
    save_checkpoint(cast(TAViS, average.module).eval(), path, facts, torch.float16)
    return path


class ToyRecipe(Recipe):
    """Align the small encoders, then learn masks, prompts by hand, and following."""

    def __init__(self, config: ToyTrainingConfig, seed: int = 0, device: str = "cpu") -> None:
        self.config = config
        card = {"seed": seed, **asdict(config)}
        super().__init__(card, config.optimizer, seed, device, STATE_EVERY)

    def prepare(self, accelerator: Accelerator, output: Path, task: Task) -> Course:
        """Build the network with random weights."""
        if accelerator.num_processes > 1:
            raise TrainingError("The toy model is trained by one process: start only one.")
        return _ToyCourse(self.config, self.seed, output / "clips", accelerator.device)


class _ToyCourse(Course):
    """The stages; optimiser and schedule run through all of them."""

    objective: _ToyObjective
    average: AveragedModel
    clip_apart = True

    def __init__(
        self, config: ToyTrainingConfig, seed: int, clips: Path, device: torch.device
    ) -> None:
        self._config, self._seed, self._clips = config, seed, clips
        self.model = TAViS.from_preset("toy").to(device).train()
        self.average = AveragedModel(self.model, multi_avg_fn=get_ema_multi_avg_fn(config.ema))
        self.objective = _ToyObjective(self.model, config, seed, device)
        self.stretches = [Stretch(stage.name, stage.steps) for stage in config.stages]

    @property
    def _averaged(self) -> TAViS:
        return cast(TAViS, self.average.module)

    def groups(self) -> list[list[nn.Parameter]]:
        """Give all that leads to SAM 2's prompts, and SAM 2 itself."""
        sam2 = [*self.model.segmenter.parameters(), *self.objective.heads.parameters()]
        return [weights_besides(self.model.parameters(), sam2), sam2]

    def factors(self, number: int) -> tuple[float, float]:
        aligning = self._config.stages[number].task == "align"
        return (1.0 if aligning else self._config.bridge_rate, 1.0)

    def enter(self, number: int, step: int, task: Task) -> Iterator[Batch]:
        stages = self._config.stages
        stage = self.objective.stage = stages[number]
        folder = self._clips / str(stage.image_size)
        clips = render_toy_clips(
            folder, self._config.clips[stage.image_size], size=stage.image_size, task=task
        )
        if step == 0 or self.generator is None:  # else the draws of the state go on
            first = sum(earlier.steps for earlier in stages[:number])
            self.generator = np.random.default_rng((self._seed, number, first))
        batches = clips.batches(stage.clips, stage.frames, self.generator)
        if stage.task == "segment":
            self._freeze_texts()
        if step == 0 and stage.prompts and not any(s.prompts for s in stages[:number]):
            scale_marks(self.model, self._to_device(next(batches)))
            encoders = [
                network.segmenter.get_submodule("sam_prompt_encoder")
                for network in (self.model, self._averaged)
            ]
            # Otherwise the average would take hundreds of steps to reach the new scale.
            encoders[1].load_state_dict(encoders[0].state_dict())
        return batches

    def leave(self, number: int, batches: Iterator[Batch]) -> None:
        if self._config.stages[number].task == "align":
            self._scale_prompts(self._to_device(next(batches)))

    def _to_device(self, batch: Batch) -> Batch:
        return batch.to(self.model.device)

    @torch.no_grad()
    def _scale_prompts(self, batch: Batch) -> None:
        """Bring fresh prompts to a size at which they are heard, and do not drown the picture."""
        prompting = self.model.prompting
        scale_prompts(self.model, batch.mel)
        prompting.dense_projection.weight.mul_(DENSE_SCALE)
        prompting.dense_projection.bias.mul_(DENSE_SCALE)
        self._averaged.prompting.load_state_dict(prompting.state_dict())

    @torch.no_grad()
    def _freeze_texts(self) -> None:
        """Make the text encoder constant, as it is in the paper, and encode the vocabulary once.

        The averaged weights are set to the same, so that they share this one text space.
        """
        own, averaged = _text_parameters(self.model), _text_parameters(self._averaged)
        for weight, follower in zip(own, averaged, strict=True):
            weight.requires_grad_(False)
            follower.requires_grad_(False)
            follower.copy_(weight)
        self.objective.texts = class_texts(self.model)


class _ToyObjective(nn.Module):
    """The losses of the stage that a run is in, with the heads that only training needs."""

    def __init__(
        self, model: TAViS, config: ToyTrainingConfig, seed: int, device: torch.device
    ) -> None:
        super().__init__()
        self.model, self._config, self._seed = model, config, seed
        self._mask_features = torch.empty(0)
        # The last activation of the upscaling: what meets the mask tokens.
        upscaled = model.get_submodule("sam2.sam_mask_decoder.output_upscaling.4")
        upscaled.register_forward_hook(self._keep_mask_features)
        widths = self._feature_widths(device)
        self.heads = TrainingHeads(widths, self._mask_features.shape[1], len(AVSBENCH_CLASSES))
        self.heads.to(device)
        self.stage = config.stages[0]
        self.texts: TextFeatures | None = None

    @torch.no_grad()
    def _feature_widths(self, device: torch.device) -> list[int]:
        """Give the channels of the image features, found by asking the network."""
        images = torch.zeros(1, 1, 3, 128, 128, device=device)
        mel = torch.zeros(1, 1, 1, 128, 204, device=device)
        output = self.model(images, mel, protocol="independent")
        return [feature.shape[1] for feature in output.image_features]

    def _keep_mask_features(self, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        """Keep the decoder's features of the last pass (a forward hook)."""
        self._mask_features = output

    def _mask_pixel_logits(self) -> Tensor:
        """Give class logits per pixel from the decoder's features for the scene query."""
        of_queries = self._mask_features.unflatten(0, (-1, self.model.config.queries + 1))
        logits: Tensor = self.heads.mask_pixels(of_queries[:, -1])
        return logits

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Give the weighted terms, scalars."""
        if self.stage.task == "align":
            return alignment_losses(self.model, self.heads, batch, class_texts(self.model))
        return self._segment(self.stage, batch, step)

    def _segment(self, stage: Stage, batch: Batch, step: int) -> dict[str, Tensor]:
        """Give the losses of the whole network, the class texts being constant."""
        assert self.texts is not None
        output = self.model(batch.images, batch.mel, protocol=stage.protocol)
        regions = None
        if step % self._config.extra_every == 0:
            masks = output.mask_logits[:, :, :-1].sigmoid()
            regions = region_embedding(self.model, batch, masks)
        targets = make_targets(batch, output.mask_logits.shape[-1])
        losses = tavis_loss(output, targets, self.texts, regions)
        features = self.heads.pixel_logits(output.image_features)
        losses["pixels"] = 0.2 * pixel_loss(features, batch)
        if stage.protocol == "independent":
            losses["mask_pixels"] = 0.2 * pixel_loss(self._mask_pixel_logits(), batch)
        if step % self._config.extra_every == 1:
            # Keeps the sounds at their texts while the audio encoder goes on learning.
            sound = output.sound_embedding.flatten(0, 1)
            losses["audio"] = audio_loss(self.heads, sound, batch, self.texts.embedding)
        if stage.prompts:
            losses.update(self._prompted(output, batch, step))
        return losses

    def _prompted(self, output: TAViSOutput, batch: Batch, step: int) -> dict[str, Tensor]:
        """Give the losses of what a person does: prompt an object, and have it followed."""
        generator = np.random.default_rng((self._seed, step))
        features = output.frame_features
        losses = prompt_losses(self.model, features, batch, generator)
        if batch.images.shape[1] > 1:
            losses.update(tracking_losses(self.model, features, batch, generator))
        return losses


def _text_parameters(model: TAViS) -> list[nn.Parameter]:
    """Give the weights of ImageBind's text encoder, its head and its logit scale."""
    named = model.get_submodule("imagebind").named_parameters()
    return [weight for name, weight in named if ".text." in name]


class TrainingHeads(nn.Module):
    """What only training needs, and no checkpoint keeps.

    ``channels`` are those of the image features, finest level first, ``mask_channels`` those of
    what the mask decoder multiplies its mask tokens with.
    """

    def __init__(self, channels: list[int], mask_channels: int, classes: int) -> None:
        super().__init__()
        self.mask_pixels = nn.Conv2d(mask_channels, classes, 1)
        # A cosine starts out ten times as large, and shifted: few of the classes are there.
        self.temperature = nn.Parameter(torch.tensor(2.3))
        self.bias = nn.Parameter(torch.tensor(-4.0))
        self.levels = nn.ModuleList(nn.Conv2d(width, 64, 1) for width in channels)
        self.pixels = nn.Sequential(nn.GELU(), nn.Conv2d(64, classes, 1))

    def presence_logits(self, embedding: Tensor, text: Tensor) -> Tensor:
        """Compare embeddings (..., D) with texts (P, D) by a scaled and shifted cosine.

        Gives logits of "holds this class", (..., P).
        """
        cosine = functional.normalize(embedding, dim=-1) @ functional.normalize(text, dim=-1).T
        return cosine * self.temperature.exp() + self.bias

    def pixel_logits(self, features: list[Tensor]) -> Tensor:
        """Name the object at each cell of the finest feature level: class logits (n, P, h_0, w_0).

        Features are (n, C_l, h_l, w_l), finest first.
        """
        size = features[0].shape[-2:]
        merged = sum(
            functional.interpolate(level(feature), size=size, mode="bilinear")
            for level, feature in zip(self.levels, features, strict=True)
        )
        return self.pixels(merged)


def presence_loss(logits: Tensor, present: Tensor) -> Tensor:
    """Binary cross entropy summed over the classes, averaged over the rest."""
    truth = present.to(logits.dtype)
    entropy = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return entropy.sum(-1).mean()


def audio_loss(heads: TrainingHeads, embedding: Tensor, batch: Batch, text: Tensor) -> Tensor:
    """Draw the sound (n, D) of each window to the texts (P, D) of the classes heard in it.

    Silence is drawn to the background's text.
    """
    present = batch.heard.flatten(0, 1).clone()
    present[:, 0] = ~present.any(1)
    return presence_loss(heads.presence_logits(embedding, text), present)


def alignment_losses(
    model: TAViS, heads: TrainingHeads, batch: Batch, texts: TextFeatures
) -> dict[str, Tensor]:
    """Give the weighted terms of the alignment stage; no mask is decoded."""
    tokens, cls = model.imagebind.encode_audio(batch.mel.flatten(0, 1))
    images = preprocess.normalise(batch.images.flatten(0, 1))
    features, _ = model.segmenter.encode(images, model.adapters(tokens))
    audio = model.imagebind.audio_head(cls)
    return {
        "audio": audio_loss(heads, audio, batch, texts.embedding),
        "pixels": pixel_loss(heads.pixel_logits(features), batch),
    }


def pixel_loss(logits: Tensor, batch: Batch) -> Tensor:
    """Name every pixel's object, sounding or not, from class logits (n, P, h, w)."""
    seen = batch.visible.flatten(0, 1)
    step = seen.shape[-1] // logits.shape[-1]
    labels = seen[:, step // 2 :: step, step // 2 :: step].long()
    return functional.cross_entropy(logits, labels)
