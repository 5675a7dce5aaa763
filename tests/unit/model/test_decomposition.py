from __future__ import annotations

import torch

from napari_tavis.model.config import preset_config
from napari_tavis.model.decomposition import CrossAttentionLayer, QueryDecomposition


def test_queries_do_not_see_each_other() -> None:
    layer = CrossAttentionLayer(32, 4)
    queries, memory = torch.randn(2, 5, 32), torch.randn(2, 9, 32)
    changed = queries.clone()
    changed[:, 0] += 1
    before, after = layer(queries, memory), layer(changed, memory)
    torch.testing.assert_close(before[:, 1:], after[:, 1:])
    assert not torch.allclose(before[:, 0], after[:, 0])


def test_each_frame_is_decomposed_by_its_own_sound() -> None:
    decompose = QueryDecomposition(preset_config("toy"))
    tokens, cls_token = torch.randn(3, 96, 128), torch.randn(3, 128)
    together = decompose(tokens, cls_token)
    for frame in range(3):
        alone = decompose(tokens[frame : frame + 1], cls_token[frame : frame + 1])
        for of_all, of_one in zip(together, alone, strict=True):
            assert of_all.shape == (3, 5, 128)
            torch.testing.assert_close(of_all[frame : frame + 1], of_one)
