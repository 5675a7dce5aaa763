"""Frames in batches, smaller ones when memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from napari_tavis.core.errors import InferenceError

Result = TypeVar("Result")

_OUT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")


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
            "or take a smaller model."
        )
    return InferenceError(
        "There is not enough memory for this model and a single frame: close other programs that "
        "use the GPU, choose the device 'cpu', or take a smaller model."
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
