from __future__ import annotations

import pytest
import torch

from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.engine.device import Cancellable


def test_cancelling_stops_before_the_next_function_of_a_tensor() -> None:
    cancel = Task()
    ones = torch.ones(3)
    with Cancellable(cancel):
        assert ones.sum() == 3
        cancel.cancel()
        with pytest.raises(Cancelled):
            ones.sum()


def test_cancelling_leaves_gradients_as_they_were() -> None:
    cancel = Task()
    ones = torch.ones(3)
    cancel.cancel()
    with pytest.raises(Cancelled), Cancellable(cancel), torch.no_grad():
        ones.sum()
    assert torch.is_grad_enabled()
    with Cancellable(cancel), torch.no_grad():
        pass  # asked to stop just before the end
    assert torch.is_grad_enabled()
