"""ImageBind-guided query decomposition (IBQD; paper, section 3.2, equations 1 and 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from napari_tavis.model.attention import Attention
from napari_tavis.model.config import TAViSConfig


class CrossAttentionLayer(nn.Module):
    """Post-norm attention: ``LayerNorm(query + attention(query + position, memory))``."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.multihead_attn = Attention(width, heads)
        self.norm = nn.LayerNorm(width)

    def forward(self, query: Tensor, memory: Tensor, position: Tensor | None = None) -> Tensor:
        """Update queries (n, N, C) from tokens (n, F, C); queries do not see each other."""
        asked = query if position is None else query + position
        return self.norm(query + self.multihead_attn(asked, memory))


class QueryDecomposition(nn.Module):
    """Splits the sound of a frame into five queries, each meant for one sounding object."""

    def __init__(self, config: TAViSConfig) -> None:
        super().__init__()
        width = config.imagebind.audio.width
        self.decomposes = config.switches.decompose
        self.queries = nn.Parameter(torch.empty(config.queries, width))
        nn.init.normal_(self.queries)
        if not self.decomposes:
            self.bias = nn.Linear(width, width)
            return
        self.query_positions = nn.Parameter(torch.empty(config.queries, width))
        nn.init.normal_(self.query_positions)
        # The release stores four layers here but applies each to the same initial queries and
        # keeps the last result, so only one counts.
        self.query_attention = CrossAttentionLayer(width, config.bias_heads)
        self.bias = nn.Linear(width, width)
        self.audio_attention = nn.ModuleList(
            CrossAttentionLayer(width, config.refine_heads) for _ in range(config.refine_layers)
        )

    def forward(self, audio_tokens: Tensor, cls_token: Tensor) -> tuple[Tensor, Tensor]:
        """Decompose ``f_a``, (n, F, C), and ``t_a``, (n, C), into ``t_W`` and ``t'_a``, (n, N, C).

        ``t_W`` are the learnable queries after they attended to the sound; without decomposition
        (`Switches.decompose`) they are as learned. ``t'_a = t_a + Linear(t_W)``, after it attended
        to the sound again, if it does.
        """
        frames = len(audio_tokens)
        initial = self.queries.repeat(frames, 1, 1)
        if not self.decomposes:
            return initial, cls_token[:, None] + self.bias(initial)
        positions = self.query_positions.repeat(frames, 1, 1)
        learned = self.query_attention(initial, audio_tokens, positions)
        decomposed = cls_token[:, None] + self.bias(learned)
        for layer in self.audio_attention:
            decomposed = layer(decomposed, audio_tokens)
        return learned, decomposed
