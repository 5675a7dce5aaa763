"""Devices: which one, how a model gets there, what runs there, and when its memory is short."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from napari_tavis.annotation.prompts import Prompts
from napari_tavis.core.errors import InferenceError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.engine import device
from napari_tavis.engine.device import (
    Cancellable,
    choose_device,
    explain_out_of_memory,
    load_on_device,
    run_in_batches,
)
from napari_tavis.engine.encoding import FeatureCache, FrameEncoder
from napari_tavis.engine.following import propagate
from napari_tavis.engine.prompting import segment_prompts
from napari_tavis.engine.segmenting import segment_clip
from napari_tavis.media import Clip, open_clip
from napari_tavis.model import CheckpointError, TAViS
from napari_tavis.model.precision import place


class SmallMemory:
    """Work that fails as an accelerator does when it is given more than it can hold."""

    def __init__(self, room: int, error: BaseException) -> None:
        self.room, self.error = room, error
        self.calls: list[tuple[int, int]] = []

    def __call__(self, start: int, stop: int) -> list[int]:
        self.calls.append((start, stop))
        if stop - start > self.room:
            raise self.error
        return list(range(start, stop))


ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"),
    MemoryError(),
]


def test_batches_cover_everything_in_order() -> None:
    work = SmallMemory(10, MemoryError())
    done = list(run_in_batches(23, 10, work))
    assert [(start, stop) for start, stop, _ in done] == [(0, 10), (10, 20), (20, 23)]
    assert [item for _, _, items in done for item in items] == list(range(23))
    assert list(run_in_batches(0, 10, work)) == []


@pytest.mark.parametrize("error", ERRORS)
def test_a_batch_is_halved_until_it_fits_and_stays_so(error: BaseException) -> None:
    work = SmallMemory(3, error)
    done = list(run_in_batches(12, 10, work))
    assert [item for _, _, items in done for item in items] == list(range(12))
    assert work.calls[:3] == [(0, 10), (0, 5), (0, 2)]
    assert all(stop - start <= 2 for start, stop in work.calls[2:])


@pytest.mark.parametrize("error", ERRORS)
def test_when_one_frame_does_not_fit_the_user_is_told_what_to_try(error: BaseException) -> None:
    with pytest.raises(InferenceError, match="smaller model") as caught:
        list(run_in_batches(4, 4, SmallMemory(0, error)))
    of_a_gpu = "CUDA" in str(error) or "MPS" in str(error)
    assert ("'cpu'" in str(caught.value)) == ("GPU" in str(caught.value)) == of_a_gpu
    with pytest.raises(InferenceError, match="not enough memory"), explain_out_of_memory():
        raise error


def test_other_errors_are_not_hidden() -> None:
    error = RuntimeError("shapes do not match")
    with pytest.raises(RuntimeError, match="shapes"):
        list(run_in_batches(4, 4, SmallMemory(1, error)))
    with pytest.raises(RuntimeError, match="shapes"), explain_out_of_memory():
        raise error


def test_memory_that_really_is_not_there() -> None:
    """The allocator's own error, not one of ours."""
    with pytest.raises(InferenceError, match="not enough memory"), explain_out_of_memory():
        torch.empty(1 << 55, dtype=torch.uint8)


def test_auto_takes_what_is_there() -> None:
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    expected = next((name for name, present in there.items() if present), "cpu")
    assert choose_device() == choose_device("auto") == expected
    assert choose_device("cpu") == "cpu"


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_an_absent_device_is_refused(name: str) -> None:
    present = torch.cuda.is_available() if name == "cuda" else torch.backends.mps.is_available()
    if present:
        assert choose_device(name) == name
    else:
        with pytest.raises(InferenceError, match=f"'{name}' cannot be used.*'auto'"):
            choose_device(name)


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(InferenceError, match="auto, cuda, mps, cpu"):
        choose_device("tpu")


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


DOUBLE = (torch.float64, torch.complex128)


class SinglePrecision(TorchDispatchMode):
    """Fails as Apple's GPUs do when a tensor of double precision is made."""

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for part in tree_leaves(result):
            if isinstance(part, torch.Tensor) and part.dtype in DOUBLE:
                raise TypeError(f"{func} made {part.dtype}, which MPS does not have")
        return result


def use(clip: Clip, model: TAViS) -> None:
    """Segment a clip both ways, click in a frame, and follow what was found."""
    cache = FeatureCache()
    for protocol in ("memory", "independent"):
        found = segment_clip(
            clip, model, vocabulary=("dog", "bell"), device="cpu", protocol=protocol,
            zero_shot=True, cache=cache,
        )  # fmt: skip
        assert found.frame_indices.tolist() == [9, 19, 29, 39, 49]
    encoder = FrameEncoder(clip, model, cache=cache)
    clicks = Prompts(points=((40.0, 20.0), (80.0, 60.0)), labels=(True, False))
    shown = segment_prompts(encoder, 9, clicks)
    again = segment_prompts(encoder, 9, Prompts(box=(10, 10, 60, 60), mask=shown.mask))
    mask = again.mask.copy()
    mask[20:60, 20:60] = True
    followed = [frame for frame, _, _ in propagate(encoder, {9: mask}, [19, 29])]
    assert followed == [19, 29]


def test_nothing_is_computed_in_double_precision(short: Path, model: TAViS) -> None:
    with open_clip(short) as clip, SinglePrecision():
        use(clip, model)
        with pytest.raises(TypeError, match="MPS"):
            torch.ones(1).double()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_runs_everywhere_with_the_same_code(short: Path, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model = TAViS.from_preset("toy", image_size=64)
    model.precision = dtype
    place(model, "cpu", dtype)
    with open_clip(short) as clip:
        use(clip, model)
