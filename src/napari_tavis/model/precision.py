"""In which precision a network computes when it is used rather than trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import torch
from torch import nn

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Network = TypeVar("Network", bound=nn.Module)

# what a user may choose; "auto" is `usual_precision`
PRECISIONS: dict[str, torch.dtype | None] = {
    "auto": None,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


class Precise(Protocol):
    def inference(self) -> AbstractContextManager[None]: ...


User = TypeVar("User", bound=Precise)


def usual_precision(device: torch.device) -> torch.dtype:
    """Give the number format that a device multiplies matrices in.

    On an NVIDIA GPU bfloat16 where the card has it, else float16; float32 everywhere else: only
    some CPUs multiply bfloat16 faster, and Apple's GPUs gain too little.
    """
    if device.type != "cuda":
        return torch.float32
    has_it = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if has_it else torch.float16


@contextmanager
def inference(device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """Compute without gradients, and matrix products in float32, bfloat16 or float16."""
    enabled = dtype != torch.float32
    with torch.no_grad(), torch.autocast(device.type, dtype if enabled else None, enabled=enabled):
        yield


def for_inference(
    method: Callable[Concatenate[User, Parameters], Result],
) -> Callable[Concatenate[User, Parameters], Result]:
    """Run a method in the context that its object's `inference` gives."""

    @wraps(method)
    def run(self: User, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        with self.inference():
            return method(self, *args, **kwargs)

    return run


def place(
    network: Network, device: str | torch.device, dtype: torch.dtype | None = None
) -> Network:
    """Move a network to a device, its matrices in the number format that it multiplies them in.

    Vectors and single numbers (norms, biases, logit scales) stay float32: they take little room,
    and an error in one of them reaches everything. The network is changed in place; by default its
    matrices take the device's usual format.
    """
    where = torch.device(device)
    matrices = dtype or usual_precision(where)

    def move(weight: Any) -> Any:
        wanted = matrices if weight.ndim > 1 and weight.is_floating_point() else weight.dtype
        return weight.to(where, wanted)

    return network._apply(move)
