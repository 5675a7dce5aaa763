"""Running the network on this machine: which device, loading, memory that runs out, cancelling."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from napari_tavis.core.errors import InferenceError
from napari_tavis.core.tasks import Task
from napari_tavis.model import TAViS, load_model

Result = TypeVar("Result")

_OUT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")


def choose_device(name: str = "auto") -> str:
    """Choose the device that the model runs on: "cuda", "mps" or "cpu".

    "auto" takes an NVIDIA or Apple GPU where there is one, and the CPU otherwise.
    `InferenceError` if this machine, or its PyTorch, does not have the device.
    """
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return next(device for device, there in present.items() if there)
    if name not in present:
        choices = ", ".join(("auto", *present))
        raise InferenceError(f"There is no device {name!r}: choose one of {choices}.")
    if not present[name]:
        reason = (
            "PyTorch finds no NVIDIA GPU (is its driver installed, and a PyTorch with CUDA?)"
            if name == "cuda"
            else "PyTorch finds no Apple GPU"
        )
        raise InferenceError(f"The device {name!r} cannot be used: {reason}. Choose 'auto'.")
    return name


def load_on_device(
    name_or_path: str | os.PathLike[str],
    device: str = "auto",
    precision: torch.dtype | None = None,
) -> TAViS:
    """Load a model, see `load_model`, onto a device as `choose_device` takes it.

    `precision` is the number format of matrices instead of the device's usual one. Raises
    `CheckpointError` if there is no such model, or its file does not fit, and `InferenceError` if
    there is no such device, or too little memory on it.
    """
    where = choose_device(device)
    with explain_out_of_memory():
        return load_model(name_or_path, where, precision=precision)


class Cancellable(TorchFunctionMode):
    """A context in which every call of a tensor function in this thread can be the last.

    Results do not change. `Cancelled` is raised before a call once the task was cancelled, but a
    GPU finishes what it was already given.

    Examples
    --------
    >>> with Cancellable(Task()):
    ...     total = torch.ones(3).sum()
    """

    def __init__(self, task: Task) -> None:
        super().__init__()
        self._task = task

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        # Functions without a tensor always run: among them are those that end `torch.no_grad`,
        # without which this thread would never compute a gradient again.
        if any(isinstance(argument, Tensor) for argument in args):
            self._task.check()
        return func(*args, **(kwargs or {}))


def run_in_batches(
    count: int, batch: int, run: Callable[[int, int], Result]
) -> Iterator[tuple[int, int, Result]]:
    """Call ``run(start, stop)`` over ``count`` items, at most ``batch`` at a time.

    Yields start, stop and what `run` gave for each batch. When memory runs out the batch is halved,
    and stays so for what follows; `InferenceError`, with what to try, if it does not suffice for a
    single item.
    """
    start = 0
    while start < count:
        stop = min(start + batch, count)
        try:
            result = run(start, stop)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if stop - start == 1:
                raise _not_enough(error) from error
            batch = (stop - start) // 2
        else:
            yield start, stop, result
            start = stop
            continue
        free_cached_memory()  # outside the handler, whose traceback still holds the tensors


@contextmanager
def explain_out_of_memory() -> Iterator[None]:
    """Turn running out of memory into an `InferenceError` that says what to try."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise _not_enough(error) from error
        raise


def _not_enough(error: Exception) -> InferenceError:
    """Say what to try, for the memory that ran out: the computer's, or the GPU's."""
    if isinstance(error, MemoryError) or "DefaultCPUAllocator" in str(error):
        return InferenceError(
            "There is not enough memory for this model and a single frame: close other programs, "
            "or choose a smaller model."
        )
    return InferenceError(
        "There is not enough memory for this model and a single frame: close other programs that "
        "use the GPU, choose the device 'cpu', or choose a smaller model."
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that memory ran out, on whichever device."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(sign in text for sign in _OUT_OF_MEMORY)


def free_cached_memory() -> None:
    """Give back the GPU memory that PyTorch holds in reserve."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
