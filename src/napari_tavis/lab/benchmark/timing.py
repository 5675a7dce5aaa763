"""Seconds that a pass through the network spends in each of its parts."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from napari_tavis.model import TAViS
from napari_tavis.model.flops import NESTED, PARTS


def wait_for(device: torch.device) -> None:
    """Wait until a device has done what it was given to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


@contextmanager
def part_seconds(model: TAViS) -> Iterator[dict[str, float]]:
    """Time the parts of all passes through a model while the context lasts.

    At the borders of each part a GPU is waited for, which takes a little time itself.

    Parameters
    ----------
    model : TAViS
        The network.

    Yields
    ------
    dict of str to float
        Seconds by part, as `flops.PARTS` names them; complete at the end of the context.
    """
    seconds: dict[str, float] = defaultdict(float)
    begun: dict[nn.Module, float] = {}

    def begin(module: nn.Module, _inputs: Any) -> None:
        wait_for(model.device)
        begun[module] = time.perf_counter()

    handles = []
    modules = dict(model.named_modules())
    for part, names in PARTS.items():

        def end(module: nn.Module, _inputs: Any, _output: Any, part: str = part) -> None:
            wait_for(model.device)
            seconds[part] += time.perf_counter() - begun.pop(module)

        for module in (modules[name] for name in names if name in modules):
            handles += [module.register_forward_pre_hook(begin), module.register_forward_hook(end)]
    try:
        yield seconds
    finally:
        for handle in handles:
            handle.remove()
        for outer, inner in NESTED.items():
            seconds[outer] -= seconds[inner]
