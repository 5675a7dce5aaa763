"""A device that is none: finds what is not where it is computed with, where there is no GPU.

Run as a program with a video and an AVSBench tree, it segments, answers clicks, follows objects and
learns, on the device and on the CPU, and prints how far the two are apart.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

NAME = "pretended"
DEVICE = f"{NAME}:0"
_aten = torch.ops.aten
_MIXING = {
    _aten._to_copy.default,
    _aten.copy_.default,
    _aten.index.Tensor,
    _aten.index_put.default,
    _aten.index_put_.default,
    _aten._index_put_impl_.default,
}
"""What takes tensors of a GPU and of the CPU at once."""


class OnDevice(Tensor):
    """A tensor that says that it is on the device, and holds one that is on the CPU."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> OnDevice:
        tensor = Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=torch.device(DEVICE),
        )
        tensor.held = held
        return tensor

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        return compute(func, args, kwargs or {})

    def new_tensor(self, data: Any, dtype: torch.dtype | None = None, **_: Any) -> Tensor:
        return torch.tensor(data, dtype=dtype or self.dtype).to(DEVICE)

    def tolist(self) -> Any:
        return self.cpu().tolist()


class DeviceModule(backend_registration._DummyBackendModule):
    """What torch asks a device for."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return []


class PretendedGpu(TorchDispatchMode):
    """Sees what is computed without a tensor of the device, too: new tensors."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        return compute(func, args, kwargs or {})


def compute(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Compute on the CPU what a GPU would, and refuse what it would refuse."""
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    inside = [tensor for tensor in tensors if isinstance(tensor, OnDevice)]
    outside = [tensor for tensor in tensors if not isinstance(tensor, OnDevice) and tensor.ndim]
    if inside and outside and func not in _MIXING:
        shapes = [[tuple(tensor.shape) for tensor in which] for which in (inside, outside)]
        raise RuntimeError(f"{func}: {shapes[0]} are on the device, {shapes[1]} are not")
    if func is _aten._fused_sdp_choice.default:
        return 0  # attention in plain steps
    wanted = kwargs.get("device")
    if wanted is not None and torch.device(wanted).type == NAME:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    held = tree_map_only(OnDevice, lambda tensor: tensor.held, (args, kwargs))
    found = func(*held[0], **held[1])
    if func is _aten.copy_.default:
        stays = isinstance(args[0], OnDevice)
    else:
        stays = bool(inside) if wanted is None else torch.device(wanted).type == NAME
    if not stays:
        return found
    # what is changed in place stays itself
    known = {id(tensor.held): tensor for tensor in inside}

    def put(tensor: Tensor) -> Tensor:
        return known[id(tensor)] if id(tensor) in known else OnDevice(tensor)

    return tree_map_only(Tensor, put, found)


def segment(video: Path, device: str) -> list[np.ndarray]:
    """Give the masks of all that a person does with a video."""
    from napari_tavis.inference import (
        FrameEncoder,
        Prompts,
        pipeline,
        propagate,
        segment_clip,
        segment_prompts,
    )
    from napari_tavis.inference.feature_cache import FeatureCache
    from napari_tavis.media import open_clip
    from napari_tavis.model import load_model

    pipeline.choose_device = lambda _: device  # type: ignore[assignment]
    model, cache = load_model("toy", device, precision=torch.float32), FeatureCache()
    masks = []
    with open_clip(video) as clip:
        for protocol in ("memory", "independent"):
            found = segment_clip(clip, model, protocol=protocol, zero_shot=True, cache=cache)
            for proposal in found.objects:
                masks += proposal.masks.values()
        encoder = FrameEncoder(clip, model)
        clicks = Prompts(points=((40.0, 20.0), (80.0, 60.0)), labels=(True, False))
        clicked = segment_prompts(encoder, 9, clicks)
        again = segment_prompts(encoder, 9, Prompts(box=(10, 10, 60, 60), mask=clicked.mask))
        masks += [clicked.mask, again.mask]
        masks += [mask for _, mask, _ in propagate(encoder, {9: again.mask}, [19, 29])]
    return masks


def learn(tree: Path, device: str) -> tuple[float, Tensor]:
    """Give the loss of a batch, and a gradient."""
    from napari_tavis.model import load_model
    from napari_tavis.model.alignment import class_prompt
    from napari_tavis.training.experiments.objective import Objective
    from napari_tavis.training.losses import LossSwitches
    from napari_tavis.training.samples import collate, open_split
    from napari_tavis.vocabulary import AVSBENCH_CLASSES

    model = load_model("toy", device, image_size=64, precision=torch.float32)
    with torch.no_grad():
        texts = model.text_features([class_prompt(name) for name in AVSBENCH_CLASSES])
    objective = Objective(model, texts, LossSwitches(a2i=True), "memory")
    batch = collate([open_split(tree, "v1s", "train", 64)[0]]).to(device)
    loss = torch.stack([term.sum() for term in objective(batch).values()]).sum()
    loss.backward()
    gradient = model.prompting.query_projection.weight.grad
    assert gradient is not None
    return loss.item(), gradient.cpu()


def both(work: Callable[[str], Any]) -> tuple[Any, Any]:
    """Do something on the device and on the CPU."""
    with PretendedGpu():
        there = work(DEVICE)
    return there, work("cpu")


def main(video: Path, tree: Path) -> None:
    """Print how far the device and the CPU are apart."""
    backend_registration._setup_privateuseone_for_python_backend(NAME, DeviceModule())
    there, here = both(lambda device: segment(video, device))
    overlaps = [(a & b).sum() / max((a | b).sum(), 1) for a, b in zip(there, here, strict=True)]
    (loss, gradient), (own_loss, own_gradient) = both(lambda device: learn(tree, device))
    difference = (gradient - own_gradient).norm() / own_gradient.norm()
    results = {
        "masks": len(here),
        "overlap": float(min(overlaps)),
        "loss": loss / own_loss,
        "gradient": difference.item(),
    }
    print(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
