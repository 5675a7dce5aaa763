"""Models on the device that they shall run on."""

from __future__ import annotations

import pytest
import torch

from napari_tavis.core.errors import InferenceError
from napari_tavis.engine import device
from napari_tavis.engine.device import load_on_device
from napari_tavis.model import CheckpointError


def test_a_model_is_loaded_ready_to_use() -> None:
    model = load_on_device("toy", "cpu", torch.bfloat16)
    assert not model.training
    assert model.device == torch.device("cpu")
    assert model.precision == torch.bfloat16


def test_unknown_models_and_devices_are_said() -> None:
    with pytest.raises(CheckpointError, match="no model file"):
        load_on_device("missing", "cpu")
    with pytest.raises(InferenceError, match="no device 'tpu'"):
        load_on_device("toy", "tpu")


def test_a_device_that_is_too_small_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(device, "load_model", fail)
    with pytest.raises(InferenceError, match="not enough memory"):
        load_on_device("toy", "cpu")
