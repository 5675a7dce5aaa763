from __future__ import annotations

import pytest
from torch import Tensor

from napari_tavis.model import TAViS
from napari_tavis.model.flops import count_gflop, format_gflop


def test_parts_add_up(toy: TAViS, images: Tensor, mel: Tensor) -> None:
    parts = count_gflop(toy, images, mel)
    total, attention = parts.pop("total"), parts.pop("of it attention")
    assert sum(parts.values()) == pytest.approx(total)
    assert 0 < attention < total
    assert all(gflop > 0 for gflop in parts.values())
    assert parts["rest"] < 0.02 * total
    assert format_gflop({"total": total}).split() == ["total", f"{total:.2f}"]


def test_single_frames_need_no_memory(toy: TAViS, images: Tensor, mel: Tensor) -> None:
    alone = count_gflop(toy, images, mel, "independent")
    clip = count_gflop(toy, images, mel, "memory")
    assert alone["memory attention"] == alone["memory encoder"] == 0
    assert clip["mask decoder"] == pytest.approx(alone["mask decoder"])


def test_counts_are_those_made_by_hand(toy: TAViS, images: Tensor, mel: Tensor) -> None:
    parts = count_gflop(toy, images, mel)
    width, hidden = 128, 64
    sound = 2 * width * hidden
    layers = sum(2 * hidden * hidden + 2 * hidden * w for w in toy.config.segmenter.block_widths)
    assert parts["adapters"] == pytest.approx((sound + layers) / 1e9)
