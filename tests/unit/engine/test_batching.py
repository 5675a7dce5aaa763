from __future__ import annotations

import pytest
import torch

from napari_tavis.core.errors import InferenceError
from napari_tavis.engine.device import explain_out_of_memory, run_in_batches


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
