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

DEVICES = ("auto", "cuda", "mps", "cpu")
"""What a user may choose."""

Result = TypeVar("Result")

_OUT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")


def choose_device(name: str = "auto") -> str:
    """Choose the device that the model runs on.

    Parameters
    ----------
    name : {"auto", "cuda", "mps", "cpu"}
        "auto" takes an NVIDIA or Apple GPU where there is one, and the CPU otherwise.

    Returns
    -------
    str
        "cuda", "mps" or "cpu".

    Raises
    ------
    InferenceError
        If this machine, or its PyTorch, does not have the device.
    """
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return next(device for device, there in present.items() if there)
    if name not in present:
        raise InferenceError(f"There is no device {name!r}: choose one of {', '.join(DEVICES)}.")
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
    """Load a model onto a device, see `load_model`.

    Parameters
    ----------
    name_or_path : str or path-like
        Name or file of the model.
    device : {"auto", "cuda", "mps", "cpu"}
        As `choose_device` takes it.
    precision : torch.dtype, optional
        Number format of matrices instead of the device's usual one.

    Returns
    -------
    TAViS
        In evaluation mode.

    Raises
    ------
    CheckpointError
        If there is no such model, or its file does not fit.
    InferenceError
        If there is no such device, or too little memory on it.
    """
    where = choose_device(device)
    with explain_out_of_memory():
        return load_model(name_or_path, where, precision=precision)


class Cancellable(TorchFunctionMode):
    """A context in which every function of tensors that this thread calls can be the last.

    Results do not change. What a GPU was already given to do, it finishes first.

    Parameters
    ----------
    task : Task
        Looked at before each function; `Cancelled` is raised once it was cancelled.

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
        """Call a function of torch, unless the user asked to stop.

        Functions without a tensor pass: among them are those that end `torch.no_grad`, without
        which the thread would compute no gradient any more.
        """
        if any(isinstance(argument, Tensor) for argument in args):
            self._task.check()
        return func(*args, **(kwargs or {}))


def run_in_batches(
    count: int, batch: int, run: Callable[[int, int], Result]
) -> Iterator[tuple[int, int, Result]]:
    """Run something over ``count`` items, a batch at a time.

    When memory runs out the batch is halved, and stays so for what follows.

    Parameters
    ----------
    count : int
        Number of items.
    batch : int
        Items at once, at least 1.
    run : callable
        Called as ``run(start, stop)``.

    Yields
    ------
    start, stop : int
        The items that were run.
    result
        What `run` returned for them.

    Raises
    ------
    InferenceError
        If memory does not suffice for a single item; it says what to try.
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
    """Tell whether an error says that memory ran out, on whichever device."""
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
