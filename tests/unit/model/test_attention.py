from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from napari_tavis.model.attention import Attention


@pytest.mark.parametrize("bias_kv", [False, True])
def test_agrees_with_torch(bias_kv: bool) -> None:
    torch.manual_seed(0)
    torchs = nn.MultiheadAttention(32, 4, add_bias_kv=bias_kv, batch_first=True)
    ours = Attention(32, 4, bias_kv=bias_kv)
    ours.load_state_dict(torchs.state_dict())
    query, memory = torch.randn(2, 5, 32), torch.randn(2, 7, 32)
    expected, _ = torchs(query, memory, memory)
    torch.testing.assert_close(ours(query, memory), expected)


def test_self_attention_agrees_with_the_general_case() -> None:
    attention = Attention(32, 4)
    tokens = torch.randn(2, 5, 32)
    torch.testing.assert_close(attention(tokens, tokens), attention(tokens, tokens.clone()))


def test_causal_attention_does_not_look_ahead() -> None:
    attention = Attention(32, 4)
    tokens = torch.randn(1, 6, 32)
    changed = tokens.clone()
    changed[:, 4:] += 1
    before, after = (attention(t, t, causal=True) for t in (tokens, changed))
    torch.testing.assert_close(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:])


@pytest.mark.parametrize("queries", [1, 3, 5, 8, 20])
def test_few_queries_get_the_answers_of_many(queries: int) -> None:
    torch.manual_seed(0)
    torchs = nn.MultiheadAttention(32, 4, batch_first=True)
    nn.init.normal_(torchs.in_proj_bias)
    ours = Attention(32, 4)
    ours.load_state_dict(torchs.state_dict())
    query, memory = torch.randn(2, queries, 32), torch.randn(2, 50, 32)
    expected, _ = torchs(query, memory, memory)
    torch.testing.assert_close(ours(query, memory), expected)


def test_few_queries_make_no_keys_and_values() -> None:
    def operations(attention: Attention) -> int:
        with FlopCounterMode(display=False) as counter:
            attention(torch.randn(1, 2, 64), torch.randn(1, 200, 64))
        return int(counter.get_flop_counts()["Global"].get(torch.ops.aten.addmm, 0))

    keys_and_values = 2 * 200 * 64 * 128
    assert operations(Attention(64, 2)) < keys_and_values
    assert operations(Attention(64, 2, bias_kv=True)) > keys_and_values
