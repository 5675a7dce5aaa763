"""The network to begin with: which of its weights learn, and how large fresh ones are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import cast

import torch
from torch import Tensor, nn

from napari_tavis.core.errors import TrainingError
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.lab.training.batches import Batch
from napari_tavis.lab.training.settings import ModelSettings
from napari_tavis.model import TAViS, TextFeatures, load_model
from napari_tavis.model.alignment import class_prompt
from napari_tavis.model.decoding import paint_points
from napari_tavis.model.sam2_segmenter import SoundPromptedSam2

# RMS by which fresh prompts differ from sound to sound; the decoder's own tokens have 1
PROMPT_SPREAD = 1.5

_PAPER_COUNT = (
    "The paper counts 54.9 M: its release also carries 7.75 M that no output depends on (three "
    "layers of the queries' attention, and the adapter of a block that does not exist)."
)


@dataclass(frozen=True)
class Parts:
    """How many weights learn, in all and by part of the network."""

    trained: int
    total: int
    by_part: dict[str, int]

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {count / 1e6:.2f} M" for name, count in self.by_part.items())
        counts = f"{self.trained / 1e6:.2f} M of {self.total / 1e6:.2f} M parameters"
        return f"{counts} are trained: {parts}."


def start_model(settings: ModelSettings) -> TAViS:
    """Load the network to begin with, on the CPU.

    Parts that other switches add or reshape start from random weights. Raises `CheckpointError` if
    there is no such model.
    """
    model = load_model(settings.start, image_size=settings.image_size)
    if settings.switches is None or settings.switches == model.config.switches:
        return model
    changed = TAViS(replace(model.config, switches=settings.switches))
    shapes = {name: weight.shape for name, weight in changed.state_dict().items()}
    # A layer that switches reshape, as the aggregation of prompts, starts afresh as well.
    kept = {name: w for name, w in model.state_dict().items() if w.shape == shapes.get(name)}
    changed.load_state_dict(kept, strict=False)
    return changed.eval()


def freeze(model: nn.Module, trained: tuple[str, ...]) -> Parts:
    """Let only the weights learn whose names fit a pattern, and count them.

    Modules in which nothing learns go into evaluation mode, others into training mode. Raises
    `TrainingError` if nothing would learn.
    """
    for name, weight in model.named_parameters():
        weight.requires_grad_(any(fnmatchcase(name, pattern) for pattern in trained))
    parts = count_parts(model)
    if not parts.trained:
        raise TrainingError(f"No weight's name matches model.trained ({', '.join(trained)}).")
    set_modes(model)
    return parts


def count_parts(model: nn.Module) -> Parts:
    by_part: dict[str, int] = {}
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            first, second = name.split(".")[:2]
            part = second if first in ("sam2", "sam", "imagebind") else first
            by_part[part] = by_part.get(part, 0) + weight.numel()
    total = sum(weight.numel() for weight in model.parameters())
    return Parts(sum(by_part.values()), total, by_part)


def describe_parts(model: TAViS, parts: Parts) -> str:
    """Say how many weights learn, beside the paper's number where the network is the paper's."""
    return f"{parts} {_PAPER_COUNT}" if model.config.preset == "large" else str(parts)


def set_modes(model: nn.Module) -> None:
    """Put what learns into training mode, and the rest (its dropout, above all) out of it."""
    for module in model.modules():
        module.training = any(weight.requires_grad for weight in module.parameters())


def class_texts(model: TAViS) -> TextFeatures:
    """Encode the vocabulary of AVSBench."""
    return model.text_features([class_prompt(name) for name in AVSBENCH_CLASSES])


@torch.no_grad()
def scale_prompts(model: TAViS, mel: Tensor) -> None:
    """Bring fresh sparse prompts to the size of the mask decoder's own tokens.

    As they are drawn, what differs from sound to sound is a tenth of those, and the decoder takes
    thousands of steps to hear it. Takes sounds that differ, (B, T, 1, 128, 204), and scales the
    last layer of the prompts' aggregation.
    """
    tokens, summary = model.imagebind.encode_audio(mel.flatten(0, 1))
    learned, decomposed = model.decomposition(tokens, summary)
    seen = summary.new_zeros(len(summary), model.config.imagebind.vision.width)
    prompts = model.prompting(learned, decomposed, summary, seen, model.imagebind.encode_text)
    spread = float((prompts.sparse - prompts.sparse.mean(0)).square().mean().sqrt())
    last = cast(nn.Linear, model.prompting.aggregate.layers[-1])
    last.weight.mul_(PROMPT_SPREAD / spread)
    last.bias.mul_(PROMPT_SPREAD / spread)


@torch.no_grad()
def scale_marks(model: TAViS, batch: Batch) -> None:
    """Bring what points draw to the size of the image embedding, in which it has to be seen.

    As it is drawn, a mark is a hundredth of what the toy's image embedding varies by.
    """
    features = model(batch.images, batch.mel, "independent").frame_features.embedding
    encoder = cast(SoundPromptedSam2, model.segmenter).sam_prompt_encoder
    side, device = features.shape[-1], features.device
    blank = torch.zeros(1, 1, 4 * side, 4 * side, device=device)
    middle = torch.full((1, 1, 2), 0.5, device=device)
    mark = paint_points(middle, torch.ones(1, 1, device=device), blank, (4 * side,) * 2)
    nothing = encoder.mask_downscaling(blank)[:, :, 0, 0]
    seen = (encoder.mask_downscaling(mark) - nothing[..., None, None]).square().mean(1).amax()
    factor = features.std((2, 3)).mean() / seen.sqrt()
    last = cast(nn.Conv2d, encoder.mask_downscaling[-1])
    last.weight.mul_(factor)
    bias = cast(nn.Parameter, last.bias)
    bias.copy_((bias - nothing[0]) * factor)
