"""One row of an ablation: a short training with the losses of the paper."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from napari_tavis.core.errors import TrainingError
from napari_tavis.core.tasks import CancelToken, Progress
from napari_tavis.lab.training.ablation.recipe import ToyAblation
from napari_tavis.lab.training.ablation.rows import Row
from napari_tavis.lab.training.ablation.start import class_texts, fresh_network
from napari_tavis.lab.training.alignment import region_embedding
from napari_tavis.lab.training.batches import Batch, make_targets
from napari_tavis.lab.training.losses import tavis_loss
from napari_tavis.lab.training.toy_clips import ToyClips
from napari_tavis.model import TAViS, TextFeatures


def train_row(
    row: Row,
    recipe: ToyAblation,
    seed: int,
    start: TAViS,
    clips: ToyClips,
    progress: Progress,
    cancel: CancelToken,
) -> TAViS:
    """Train a row's network. All rows of a seed see the same batches.

    Parameters
    ----------
    row : Row
        What to train.
    recipe : ToyAblation
        How.
    seed : int
        Of the fresh layers and the batches.
    start : TAViS
        See `start.load_start`.
    clips : ToyClips
        To learn from.
    progress : Progress
        Told of every step.
    cancel : CancelToken
        Looked at before every step.

    Returns
    -------
    TAViS
        In evaluation mode.

    Raises
    ------
    TrainingError
        If the loss is not finite.
    """
    batches = clips.batches(recipe.batch, 1, np.random.default_rng(seed))
    model = fresh_network(row, recipe, seed, start, next(batches))
    texts = class_texts(model)
    optimizer = _optimizer(model, recipe)
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, recipe))
    for step in range(recipe.steps):
        cancel.check()
        loss = row_loss(model, row, next(batches), texts, look=step % recipe.regions_every == 0)
        if not torch.isfinite(loss):
            raise TrainingError(
                f"The loss of {row.name} is not finite at step {step}: take a smaller rate."
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        what = f"{row.name}, seed {seed}: loss {float(loss.detach()):.3f}"
        progress(step + 1, recipe.steps, what)
    return model.eval()


def row_loss(
    model: TAViS, row: Row, batch: Batch, texts: TextFeatures, look: bool = True
) -> Tensor:
    """Sum the terms that a row learns by, frames being decoded independently.

    Parameters
    ----------
    model : TAViS
        In training mode.
    row : Row
        Which terms there are.
    batch : Batch
        Clips with the truth.
    texts : TextFeatures
        The vocabulary.
    look : bool, optional
        Whether to look at what masks highlight, if any term asks for it.

    Returns
    -------
    Tensor, scalar
        Differentiable.
    """
    output = model(batch.images, batch.mel, "independent")
    regions = None
    if look and row.losses.regions:
        regions = region_embedding(model, batch, output.mask_logits[:, :, :-1].sigmoid())
    targets = make_targets(batch, output.mask_logits.shape[-1])
    terms = tavis_loss(output, targets, texts, regions, row.losses)
    return torch.stack(list(terms.values())).sum()


def _optimizer(model: TAViS, recipe: ToyAblation) -> torch.optim.Adam:
    """Make the paper's Adam, with a smaller rate for what has been trained before."""
    decoder = [weight for weight in model.segmenter.parameters() if weight.requires_grad]
    known = {id(weight) for weight in decoder}
    fresh = [w for w in model.parameters() if w.requires_grad and id(w) not in known]
    return torch.optim.Adam(
        [
            {"params": fresh, "lr": recipe.learning_rate},
            {"params": decoder, "lr": recipe.decoder_rate},
        ]
    )


def _rate(step: int, recipe: ToyAblation) -> float:
    """Give the factor of the learning rates: a short rise, then half a cosine down to zero."""
    decay = 0.5 * (1 + math.cos(math.pi * step / recipe.steps))
    return min(1.0, (step + 1) / recipe.warm_up) * decay
