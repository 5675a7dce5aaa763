"""Small models and inputs that the model's tests share."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from napari_tavis.model import TAViS

SIZE = 128


@pytest.fixture
def toy() -> TAViS:
    """A toy with random weights, always the same."""
    torch.manual_seed(0)
    return TAViS.from_preset("toy", image_size=SIZE)


@pytest.fixture
def images() -> Tensor:
    """Two clips of three frames, ``[2, 3, 3, S, S]``."""
    return torch.rand((2, 3, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def mel() -> Tensor:
    """The sound of `images`, ``[2, 3, 1, 128, 204]``."""
    return torch.randn((2, 3, 1, 128, 204), generator=torch.Generator().manual_seed(2))
