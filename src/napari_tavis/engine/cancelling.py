"""Cancelling in the middle of what the model computes, without the model knowing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

from napari_tavis.core.tasks import CancelToken


class Cancellable(TorchFunctionMode):
    """A context in which every function of tensors that this thread calls can be the last.

    Results do not change. What a GPU was already given to do, it finishes first.

    Parameters
    ----------
    cancel : CancelToken
        Looked at before each function; `Cancelled` is raised once it says so.

    Examples
    --------
    >>> with Cancellable(CancelToken()):
    ...     total = torch.ones(3).sum()
    """

    def __init__(self, cancel: CancelToken) -> None:
        super().__init__()
        self._cancel = cancel

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
            self._cancel.check()
        return func(*args, **(kwargs or {}))
