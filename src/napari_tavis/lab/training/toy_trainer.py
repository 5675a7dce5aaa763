"""Training the ``toy`` preset on the toy world: ``napari-tavis train``."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from napari_tavis.core.errors import TrainingError
from napari_tavis.core.tasks import CancelToken, Progress, no_progress
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.lab.training.alignment import (
    TrainingHeads,
    alignment_losses,
    audio_loss,
    pixel_loss,
    region_embedding,
)
from napari_tavis.lab.training.batches import Batch, make_targets
from napari_tavis.lab.training.config import Stage, ToyTrainingConfig
from napari_tavis.lab.training.losses import tavis_loss
from napari_tavis.lab.training.prompt_scale import scale_prompts
from napari_tavis.lab.training.prompts import prompt_losses, tracking_losses
from napari_tavis.lab.training.run_folder import claim_folder
from napari_tavis.lab.training.toy_clips import ToyClips, render_toy_clips
from napari_tavis.model import TAViS, TAViSOutput, TextFeatures, save_checkpoint
from napari_tavis.model.alignment import class_prompt
from napari_tavis.model.points import paint_points
from napari_tavis.model.sam2_segmenter import SoundPromptedSam2

STATE_EVERY = 250
LOG_EVERY = 20

DENSE_SCALE = 0.1


class ToyTrainer:
    """One training run, which can be stopped at any moment and taken up again.

    Parameters
    ----------
    config : ToyTrainingConfig
        What to do.
    output : Path
        Directory of the run: clips, log, state and, at the end, the checkpoint.
    seed : int
        Of the weights and of the batches.
    device : str
        Where to train.
    """

    def __init__(self, config: ToyTrainingConfig, output: Path, seed: int, device: str) -> None:
        torch.manual_seed(seed)
        self.config, self.output, self.seed = config, output, seed
        self.device = torch.device(device)
        self.model = TAViS.from_preset("toy").to(self.device).train()
        self.average = AveragedModel(self.model, multi_avg_fn=get_ema_multi_avg_fn(config.ema))
        self._mask_features = torch.empty(0)
        self._upscaling().register_forward_hook(self._keep_mask_features)
        widths = self._feature_widths()
        mask_width = self._mask_features.shape[1]
        self.heads = TrainingHeads(widths, mask_width, len(AVSBENCH_CLASSES)).to(self.device)
        self.optimizer = self._optimizer()
        self.step = 0
        self._texts: TextFeatures | None = None

    def _feature_widths(self) -> list[int]:
        """Channels of the image features, found by asking the network."""
        with torch.no_grad():
            output = self.model(
                torch.zeros(1, 1, 3, 128, 128, device=self.device),
                torch.zeros(1, 1, 1, 128, 204, device=self.device),
                protocol="independent",
            )
        return [feature.shape[1] for feature in output.image_features]

    def _upscaling(self) -> nn.Module:
        """Last activation of the mask decoder's upscaling, whose output meets the mask tokens."""
        return self.model.get_submodule("sam2.sam_mask_decoder.output_upscaling.4")

    def _keep_mask_features(self, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        """Keep the decoder's features of the last pass (a forward hook)."""
        self._mask_features = output

    def _mask_pixel_logits(self) -> Tensor:
        """Class logits per pixel from the decoder's features for the scene query."""
        of_queries = self._mask_features.unflatten(0, (-1, self.model.config.queries + 1))
        return self.heads.mask_pixels(of_queries[:, -1])

    def _optimizer(self) -> torch.optim.AdamW:
        """Make AdamW with SAM 2 in one group and all that leads to its prompts in the other."""
        sam2 = [*self.model.segmenter.parameters(), *self.heads.parameters()]
        known = {id(parameter) for parameter in sam2}
        bridge = [p for p in self.model.parameters() if id(p) not in known]
        return torch.optim.AdamW(
            [{"params": bridge}, {"params": sam2}],
            lr=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
            betas=(0.9, 0.99),
        )

    def run(self, progress: Progress, cancel: CancelToken) -> None:
        """Train from where the run stands to the end.

        Raises
        ------
        Cancelled
            When asked to stop; the state is on disk.
        TrainingError
            If a loss is not finite.
        """
        first = 0
        for number, stage in enumerate(self.config.stages):
            if self.step < first + stage.steps:
                self._run_stage(number, stage, first, progress, cancel)
            first += stage.steps
        self.save_state()

    def _run_stage(
        self, number: int, stage: Stage, first: int, progress: Progress, cancel: CancelToken
    ) -> None:
        """Train one stage from where the run stands."""
        clips = self._clips(stage.image_size, progress)
        generator = np.random.default_rng((self.seed, number, self.step))
        batches = clips.batches(stage.clips, stage.frames, generator)
        begins = self.step == first
        if begins and stage.prompts and not any(s.prompts for s in self.config.stages[:number]):
            self._scale_marks(next(batches).to(self.device))
        started, first_step = time.monotonic(), self.step
        while self.step < first + stage.steps:
            if cancel.cancelled:
                self.save_state()
                cancel.check()
            terms = self._train_step(stage, next(batches))
            self.step += 1
            if self.step % LOG_EVERY == 0:
                pace = (time.monotonic() - started) / (self.step - first_step)
                self._log(stage, terms, pace)
            if self.step % STATE_EVERY == 0:
                self.save_state()
            progress(self.step, self.config.steps, f"{stage.name}: loss {sum(terms.values()):.3f}")
        if stage.task == "align":
            self._scale_prompts(next(batches).to(self.device))

    def _clips(self, size: int, progress: Progress) -> ToyClips:
        """Open the training clips of a size, rendering them at the first call."""
        directory = self.output / "clips" / str(size)
        return render_toy_clips(directory, self.config.clips[size], size=size, progress=progress)

    def _train_step(self, stage: Stage, batch: Batch) -> dict[str, float]:
        """Take one step and give the weighted terms of its loss."""
        batch = batch.to(self.device)
        self._set_rate(stage)
        losses = self._align(batch) if stage.task == "align" else self._segment(stage, batch)
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            raise TrainingError(
                f"The loss is not finite at step {self.step}; the last good state is in "
                f"{self.output}: continue with a smaller learning rate."
            )
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        for group in self.optimizer.param_groups:
            torch.nn.utils.clip_grad_norm_(group["params"], self.config.clip_norm)
        self.optimizer.step()
        self.average.update_parameters(self.model)
        return {name: float(value.detach()) for name, value in losses.items()}

    @torch.no_grad()
    def _scale_prompts(self, batch: Batch) -> None:
        """Bring fresh prompts to a size at which they are heard, and do not drown the picture."""
        prompting = self.model.prompting
        scale_prompts(self.model, batch.mel)
        prompting.dense_projection.weight.mul_(DENSE_SCALE)
        prompting.dense_projection.bias.mul_(DENSE_SCALE)
        cast(TAViS, self.average.module).prompting.load_state_dict(prompting.state_dict())

    @torch.no_grad()
    def _scale_marks(self, batch: Batch) -> None:
        """Bring what points draw to the size of the image embedding, in which it has to be seen.

        As it is drawn, a mark is a hundredth of what the toy's image embedding varies by.
        """
        features = self.model(batch.images, batch.mel, "independent").frame_features.embedding
        encoder = _sam2(self.model).sam_prompt_encoder
        side = features.shape[-1]
        blank = torch.zeros(1, 1, 4 * side, 4 * side, device=self.device)
        middle = torch.full((1, 1, 2), 0.5, device=self.device)
        mark = paint_points(middle, torch.ones(1, 1, device=self.device), blank, (4 * side,) * 2)
        nothing = encoder.mask_downscaling(blank)[:, :, 0, 0]
        seen = (encoder.mask_downscaling(mark) - nothing[..., None, None]).square().mean(1).amax()
        factor = features.std((2, 3)).mean() / seen.sqrt()
        last = cast(nn.Conv2d, encoder.mask_downscaling[-1])
        last.weight.mul_(factor)
        bias = cast(nn.Parameter, last.bias)
        bias.copy_((bias - nothing[0]) * factor)
        averaged = _sam2(cast(TAViS, self.average.module)).sam_prompt_encoder
        averaged.load_state_dict(encoder.state_dict())

    def _set_rate(self, stage: Stage) -> None:
        """Warm up, stay, and at the end fall in a straight line to a hundredth."""
        config = self.config
        left = min(1.0, (config.steps - self.step) / config.cool_down)
        rate = config.learning_rate * max(0.01, left) * min(1.0, (self.step + 1) / config.warm_up)
        bridge, sam2 = self.optimizer.param_groups
        sam2["lr"] = rate
        bridge["lr"] = rate * (1.0 if stage.task == "align" else config.bridge_rate)

    def _align(self, batch: Batch) -> dict[str, Tensor]:
        """Losses of the alignment stage."""
        return alignment_losses(self.model, self.heads, batch, self._encode_texts())

    def _segment(self, stage: Stage, batch: Batch) -> dict[str, Tensor]:
        """Losses of the whole network, the class texts being constant from now on."""
        if self._texts is None:
            self._freeze_texts()
        assert self._texts is not None
        output = self.model(batch.images, batch.mel, protocol=stage.protocol)
        regions = None
        if self.step % self.config.extra_every == 0:
            masks = output.mask_logits[:, :, :-1].sigmoid()
            regions = region_embedding(self.model, batch, masks)
        targets = make_targets(batch, output.mask_logits.shape[-1])
        losses = tavis_loss(output, targets, self._texts, regions)
        features = self.heads.pixel_logits(output.image_features)
        losses["pixels"] = 0.2 * pixel_loss(features, batch)
        if stage.protocol == "independent":
            losses["mask_pixels"] = 0.2 * pixel_loss(self._mask_pixel_logits(), batch)
        if self.step % self.config.extra_every == 1:
            # Keeps the sounds at their texts while the audio encoder learns on.
            sound = output.sound_embedding.flatten(0, 1)
            losses["audio"] = audio_loss(self.heads, sound, batch, self._texts.embedding)
        if stage.prompts:
            losses.update(self._prompted(output, batch))
        return losses

    def _prompted(self, output: TAViSOutput, batch: Batch) -> dict[str, Tensor]:
        """Losses of what a person does: prompt an object, and have it followed."""
        generator = np.random.default_rng((self.seed, self.step))
        features = output.frame_features
        losses = prompt_losses(self.model, features, batch, generator)
        if batch.images.shape[1] > 1:
            losses.update(tracking_losses(self.model, features, batch, generator))
        return losses

    def _encode_texts(self) -> TextFeatures:
        """Encode the vocabulary, differentiably."""
        return self.model.text_features([class_prompt(name) for name in AVSBENCH_CLASSES])

    def _freeze_texts(self) -> None:
        """Make the text encoder constant, as it is in the paper, and encode the vocabulary once.

        The averaged weights are set to the same, so that they share this one text space.
        """
        for copy in (self.model, self.average.module):
            for parameter in _text_parameters(copy):
                parameter.requires_grad_(False)
        with torch.no_grad():
            pairs = zip(
                _text_parameters(self.average.module),
                _text_parameters(self.model),
                strict=True,
            )
            for averaged, own in pairs:
                averaged.copy_(own)
            self._texts = self._encode_texts()

    def _log(self, stage: Stage, terms: dict[str, float], pace: float) -> None:
        """Append a line to the run's log."""
        entry = {"step": self.step, "stage": stage.name, "seconds_per_step": round(pace, 3)}
        entry.update({name: round(value, 4) for name, value in terms.items()})
        with (self.output / "log.jsonl").open("a") as log:
            log.write(json.dumps(entry) + "\n")

    def save_state(self) -> None:
        """Write everything that is needed to go on, atomically."""
        state: dict[str, Any] = {
            "step": self.step,
            "model": self.model.state_dict(),
            "heads": self.heads.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        partial = self.output / "state.pt.partial"
        torch.save(state, partial)
        os.replace(partial, self.output / "state.pt")

    def load_state(self) -> None:
        """Go back to where the run was last saved; without a state, start at the beginning."""
        path = self.output / "state.pt"
        if not path.is_file():
            return
        state = torch.load(path, weights_only=True, map_location=self.device)
        self.model.load_state_dict(state["model"])
        self.heads.load_state_dict(state["heads"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]

    def save_checkpoint(self, path: Path, **card: str) -> None:
        """Write the averaged weights as a checkpoint that the plugin can load."""
        averaged = cast(TAViS, self.average.module).eval()
        save_checkpoint(averaged, path, card, torch.float16)


def _sam2(model: TAViS) -> SoundPromptedSam2:
    """Give the toy's segmenter."""
    return cast(SoundPromptedSam2, model.segmenter)


def _text_parameters(model: nn.Module) -> list[nn.Parameter]:
    """Weights of ImageBind's text encoder, its head and its logit scale."""
    named = model.get_submodule("imagebind").named_parameters()
    return [weight for name, weight in named if ".text." in name]


def train_toy(
    output: Path,
    *,
    config: ToyTrainingConfig | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Path:
    """Train the toy preset, or go on with a run that was stopped.

    Parameters
    ----------
    output : Path
        Directory of the run; about 13 GB with the rendered clips.
    config : ToyTrainingConfig, optional
        What to do; the run that made the shipped checkpoint by default.
    seed : int, optional
        Of the weights and the batches.
    device : str, optional
        Where to train.
    progress : Progress, optional
        Told of every step.
    cancel : CancelToken, optional
        Stops the run with its state saved.

    Returns
    -------
    Path
        The checkpoint, ``toy.safetensors``.

    Raises
    ------
    TrainingError
        If a loss is not finite, or the directory holds another run or cannot be written.
    """
    config = config or ToyTrainingConfig()
    claim_folder(output, {"seed": seed, **asdict(config)})
    trainer = ToyTrainer(config, output, seed, device)
    trainer.load_state()
    trainer.run(progress, cancel or CancelToken())
    path = output / "toy.safetensors"
    trainer.save_checkpoint(path, seed=str(seed), steps=str(config.steps))
    return path
