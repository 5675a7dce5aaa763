"""Text-bridged hybrid prompting (TbHP; paper, section 3.3)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from sam2.modeling.sam2_utils import MLP
from torch import Tensor, nn
from torch.nn import functional as F

from napari_tavis.model.config import TAViSConfig
from napari_tavis.model.features import SoundPrompts

# `ImageBind.encode_text`: token embeddings to features of the text trunk
TextEncoder = Callable[..., Tensor]


class HybridPrompting(nn.Module):
    """Turns audio queries, by way of text, into prompts of the mask decoder."""

    def __init__(self, config: TAViSConfig) -> None:
        super().__init__()
        audio, text = config.imagebind.audio.width, config.imagebind.text.width
        vision, width = config.imagebind.vision.width, config.segmenter.width
        self.pseudo_tokens = config.pseudo_tokens
        self.switches, self.text_width = config.switches, text
        if self.switches.pseudo_text == "text":
            self.token_projection = nn.Linear(audio, config.pseudo_tokens * text)
            self.position_scores = nn.Linear(audio, config.pseudo_tokens)
        elif self.switches.pseudo_text == "mlp":
            self.text_mlp = MLP(audio, text, text, 3)
        if self.switches.pseudo_text != "none":
            self.text_projection = nn.Linear(text, width)
        self.query_projection = nn.Linear(audio, width)
        self.query_mlp = MLP(width, width, width, 3)
        self.scene_projection = nn.Linear(audio, width)
        of_text = 0 if self.switches.pseudo_text == "none" else width
        self.aggregate = MLP(width + of_text, width, width, 3)
        if self.switches.vision_prompt:
            self.dense_projection = nn.Linear(vision, width)

    def forward(
        self,
        learned_queries: Tensor,
        decomposed_queries: Tensor,
        audio_cls: Tensor,
        vision_cls: Tensor,
        encode_text: TextEncoder,
    ) -> SoundPrompts:
        """Make the prompts of ``n`` frames.

        Takes ``t_W`` and ``t'_a`` of the decomposition, (n, N, C); the sound as a whole ``t_a``,
        (n, C), which becomes the scene query; the image as a whole ``t_v``, (n, Cv); and the causal
        text trunk.
        """
        sounds = torch.cat((decomposed_queries, audio_cls[:, None]), dim=1)
        of_queries = self.query_mlp(self.query_projection(learned_queries))
        of_scene = self.scene_projection(audio_cls)
        audio = torch.cat((of_queries, of_scene[:, None]), dim=1)
        if self.switches.pseudo_text == "none":
            pseudo_text = sounds.new_zeros(*sounds.shape[:2], self.text_width)
            sparse, text = self.aggregate(audio), torch.zeros_like(audio)
        else:
            pseudo_text = self._pseudo_text(sounds.flatten(0, 1), encode_text)
            pseudo_text = pseudo_text.unflatten(0, sounds.shape[:2])
            text = self.text_projection(pseudo_text)
            sparse = self.aggregate(torch.cat((audio, text), dim=-1))
        return SoundPrompts(sparse, self._dense(vision_cls, audio), pseudo_text, audio, text)

    def _dense(self, vision_cls: Tensor, audio: Tensor) -> Tensor:
        """Give the picture's part of the prompt, (n, C); zeros if it has none."""
        if self.switches.vision_prompt:
            return self.dense_projection(vision_cls)
        return torch.zeros_like(audio[:, 0])

    def _pseudo_text(self, sounds: Tensor, encode_text: TextEncoder) -> Tensor:
        """Give the text feature (m, W) of sounds (m, C) at the best position."""
        if self.switches.pseudo_text == "mlp":
            return self.text_mlp(sounds)
        tokens = self.token_projection(sounds).unflatten(-1, (self.pseudo_tokens, -1))
        scores = self.position_scores(sounds)
        if self.training:  # the choice can only be learned from all positions
            return _straight_through_choice(scores, encode_text(tokens, all_positions=True))
        return _features_at(scores.argmax(dim=-1), tokens, encode_text)


def _straight_through_choice(scores: Tensor, features: Tensor) -> Tensor:
    """Choose features (m, t, W) by scores (m, t): hard forwards, softly backwards."""
    soft = scores.softmax(dim=-1)
    hard = F.one_hot(scores.argmax(dim=-1), scores.shape[-1]).to(soft.dtype)
    weights = hard + soft - soft.detach()
    return (weights[..., None] * features).sum(dim=1)


def _features_at(positions: Tensor, tokens: Tensor, encode_text: TextEncoder) -> Tensor:
    """Run the text trunk on tokens (m, t, W) only up to each row's position: (m, W)."""
    # Rows of equal length at a time: the trunk is causal, so what follows need not be there.
    rows = [(positions == p).nonzero()[:, 0] for p in range(tokens.shape[1])]
    found = [encode_text(tokens[r, : p + 1]) for p, r in enumerate(rows) if len(r)]
    return torch.cat(found)[torch.cat(rows).argsort()]
