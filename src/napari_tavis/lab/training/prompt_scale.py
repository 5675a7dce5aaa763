"""Bringing fresh prompts to a size at which the mask decoder can hear them."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from napari_tavis.model import TAViS

PROMPT_SPREAD = 1.5
"""RMS by which fresh prompts differ from sound to sound; the decoder's own tokens have 1."""


@torch.no_grad()
def scale_prompts(model: TAViS, mel: Tensor) -> None:
    """Bring fresh sparse prompts to the size of the mask decoder's own tokens.

    As they are drawn, what differs from sound to sound is a tenth of those, and the decoder takes
    thousands of steps to hear it.

    Parameters
    ----------
    model : TAViS
        Changed in place: the last layer of the prompts' aggregation.
    mel : Tensor, shape (B, T, 1, 128, 204)
        Sounds that differ.
    """
    tokens, summary = model.imagebind.encode_audio(mel.flatten(0, 1))
    learned, decomposed = model.decomposition(tokens, summary)
    seen = summary.new_zeros(len(summary), model.config.imagebind.vision.width)
    prompts = model.prompting(learned, decomposed, summary, seen, model.imagebind.encode_text)
    spread = float((prompts.sparse - prompts.sparse.mean(0)).square().mean().sqrt())
    last = cast(nn.Linear, model.prompting.aggregate.layers[-1])
    last.weight.mul_(PROMPT_SPREAD / spread)
    last.bias.mul_(PROMPT_SPREAD / spread)
