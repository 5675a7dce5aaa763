"""Where every row of an ablation starts: encoders that hear and see, and fresh layers between."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import torch
from torch import nn

from napari_tavis.core.errors import TrainingError
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.lab.training.ablation.recipe import ToyAblation
from napari_tavis.lab.training.ablation.rows import Row
from napari_tavis.lab.training.batches import Batch
from napari_tavis.lab.training.prompt_scale import scale_prompts
from napari_tavis.model import TAViS, TextFeatures, load_model
from napari_tavis.model.alignment import class_prompt
from napari_tavis.model.config import PRESETS, TAViSConfig


def class_texts(model: TAViS) -> TextFeatures:
    """Encode the vocabulary once: the text encoder is frozen."""
    with torch.no_grad():
        return model.text_features([class_prompt(name) for name in AVSBENCH_CLASSES])


def load_start(recipe: ToyAblation) -> TAViS:
    """Load the model that every row starts from, frozen."""
    model = load_model(recipe.start, image_size=recipe.image_size)
    return model.requires_grad_(False)


def row_config(row: Row, recipe: ToyAblation, base: TAViSConfig) -> TAViSConfig:
    """Give the sizes of a row's network.

    Raises
    ------
    TrainingError
        If the start has no counterpart on SAM.
    """
    if row.segmenter != base.segmenter.family:
        preset = f"{base.preset}_{row.segmenter}"
        if preset not in PRESETS:
            raise TrainingError(
                f"{recipe.start!r} has no counterpart on {row.segmenter!r}; leave the row "
                f"{row.name!r} out."
            )
        base = replace(PRESETS[preset](), image_size=recipe.image_size)
    return replace(base, switches=row.switches)


def fresh_network(row: Row, recipe: ToyAblation, seed: int, start: TAViS, batch: Batch) -> TAViS:
    """Build a row's network: the start's encoders and decoder, and fresh layers between them.

    Parameters
    ----------
    row : Row
        What to build.
    recipe : ToyAblation
        How.
    seed : int
        Of the fresh layers.
    start : TAViS
        See `load_start`.
    batch : Batch
        To bring the fresh prompts to the size of the decoder's own tokens.

    Returns
    -------
    TAViS
        In training mode; ImageBind and the image encoder are frozen, a SAM without weights not.
    """
    torch.manual_seed(seed)
    model = TAViS(row_config(row, recipe, start.config))
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
