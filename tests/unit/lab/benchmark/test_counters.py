from __future__ import annotations

import pytest
import torch
from torch import Tensor

from napari_tavis.lab.benchmark.counters import count_gflop
from napari_tavis.model import TAViS


@pytest.fixture
def toy() -> TAViS:
    torch.manual_seed(0)
    return TAViS.from_preset("toy", image_size=128)


@pytest.fixture
def images() -> Tensor:
    return torch.rand((2, 3, 3, 128, 128), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def mel() -> Tensor:
    return torch.randn((2, 3, 1, 128, 204), generator=torch.Generator().manual_seed(2))


def test_parts_add_up(toy: TAViS, images: Tensor, mel: Tensor) -> None:
    parts = count_gflop(toy, images, mel)
    total, attention = parts.pop("total"), parts.pop("of it attention")
    assert sum(parts.values()) == pytest.approx(total)
    assert 0 < attention < total
    assert all(gflop > 0 for gflop in parts.values())
    assert parts["rest"] < 0.02 * total


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
