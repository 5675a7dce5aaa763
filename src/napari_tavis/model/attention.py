"""Multi-head attention with the parameter names of `torch.nn.MultiheadAttention`.

Torch's own module cannot share keys and values between queries of one batch row, nor leave
out queries that nobody reads, without computing weights it then throws away; nor does it spare
the keys and values of many tokens that only a few queries ask.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Attention(nn.Module):
    """Multi-head attention of some tokens over the same or others."""

    def __init__(self, width: int, heads: int, bias_kv: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        self.bias_k = nn.Parameter(torch.empty(1, 1, width)) if bias_kv else None
        self.bias_v = nn.Parameter(torch.empty(1, 1, width)) if bias_kv else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.in_proj_bias)
        nn.init.xavier_uniform_(self.out_proj.weight)
        nn.init.zeros_(self.out_proj.bias)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                nn.init.xavier_normal_(bias)

    def forward(self, query: Tensor, memory: Tensor, causal: bool = False) -> Tensor:
        """Let queries (n, q, width) gather from a memory (n, m, width): (n, q, width).

        In causal attention, of as many queries as tokens, token ``i`` sees only tokens 0 to ``i``.
        """
        width = query.shape[-1]
        # Fewer than that, and one product per head and query is cheaper than keys and values.
        few = query is not memory and 2 * self.heads * query.shape[1] < width
        if few and self.bias_k is None and not causal:
            return self.out_proj(self._ask_tokens(query, memory))
        weight_q, weight_kv = self.in_proj_weight.split((width, 2 * width))
        bias_q, bias_kv = self.in_proj_bias.split((width, 2 * width))
        if query is memory:
            q, k, v = F.linear(query, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        else:
            q = F.linear(query, weight_q, bias_q)
            k, v = F.linear(memory, weight_kv, bias_kv).chunk(2, dim=-1)
        if self.bias_k is not None and self.bias_v is not None:
            k = torch.cat((k, self.bias_k.expand(len(k), -1, -1)), dim=1)
            v = torch.cat((v, self.bias_v.expand(len(v), -1, -1)), dim=1)
        answer = F.scaled_dot_product_attention(
            self._split(q), self._split(k), self._split(v), is_causal=causal
        )
        return self.out_proj(answer.transpose(1, 2).flatten(2))

    def _ask_tokens(self, query: Tensor, memory: Tensor) -> Tensor:
        """Answer a few queries without making keys and values of many tokens.

        ``q (W_k m) = (q W_k) m``: rather than every token to the space of the keys, the queries are
        taken to the space of the tokens, one per head; the values follow in the same way. A bias of
        the keys adds the same to all scores of a query, which softmax does not see.
        """
        weight_q, weight_k, weight_v = self.in_proj_weight.chunk(3)
        bias_q, _, bias_v = self.in_proj_bias.chunk(3)
        to_tokens = weight_k.unflatten(0, (self.heads, -1))
        to_values = weight_v.unflatten(0, (self.heads, -1)).transpose(1, 2)
        asked = self._split(F.linear(query, weight_q, bias_q))
        tokens = memory[:, None]
        gathered = F.scaled_dot_product_attention(
            (asked @ to_tokens).flatten(1, 2)[:, None],
            tokens,
            tokens,
            scale=asked.shape[-1] ** -0.5,
        )
        answer = gathered[:, 0].unflatten(1, (self.heads, -1)) @ to_values
        return answer.transpose(1, 2).flatten(2) + bias_v

    def _split(self, tokens: Tensor) -> Tensor:
        """Give each head its channels: (n, t, width) to (n, heads, t, width / heads)."""
        return tokens.unflatten(-1, (self.heads, -1)).transpose(1, 2)
