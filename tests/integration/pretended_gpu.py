"""A device that is none: finds what is not where it is computed with, where there is no GPU.

Run as a program with a video, an AVSBench tree and a number format, it segments, answers clicks,
follows objects and learns, on the device and on the CPU, and prints how far the two are apart. In
half precision the device chooses formats as NVIDIA's GPUs do, which differ from a CPU's in what
stays float32.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode

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

_HALF = (
    "linear matmul mm bmm addmm baddbmm einsum conv1d conv2d conv3d conv_transpose2d.input "
    "scaled_dot_product_attention"
)
_SINGLE = (
    "layer_norm group_norm softmax.int log_softmax.int exp log pow.Tensor_Scalar pow.Scalar "
    "pow.Tensor_Tensor rsqrt reciprocal sum sum.dim_IntList prod cumsum norm.ScalarOpt_dim "
    "linalg_vector_norm cosine_similarity binary_cross_entropy_with_logits mse_loss l1_loss "
    "smooth_l1_loss nll_loss upsample_nearest2d upsample_bilinear2d upsample_bicubic2d "
    "_upsample_bilinear2d_aa upsample_linear1d"
)
"""What CUDA computes in half and in single precision (PyTorch's notes on `torch.amp`), as far as it
may be met with here."""


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
        return [torch.bfloat16, torch.float16]


class PretendedGpu(TorchDispatchMode):
    """Sees what is computed without a tensor of the device, too: new tensors."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        return compute(func, args, kwargs or {})


def compute(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Compute on the CPU what a GPU would, and refuse what it would refuse."""
    tensors: list[Tensor] = []
    replaced(tensors.append, (args, kwargs))
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
    held = replaced(lambda t: t.held if isinstance(t, OnDevice) else t, (args, kwargs))
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

    return replaced(put, found)


def replaced(function: Callable[[Tensor], Any], value: Any) -> Any:
    """Replace all tensors in what an operation takes or gives: PyTorch's own way is slow."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, list | tuple):
        return type(value)(replaced(function, each) for each in value)
    if isinstance(value, dict):
        return {name: replaced(function, each) for name, each in value.items()}
    return value


def cast_as_cuda_does() -> list[torch.library.Library]:
    """Make autocast on the device choose formats as on a GPU, as long as the result is kept."""
    own, others = torch.library.Library("aten", "IMPL"), torch.library.Library("_", "IMPL")
    for names, single in ((_HALF, False), (_SINGLE, True)):
        for name in names.split():
            base, _, overload = name.partition(".")
            op = getattr(getattr(_aten, base), overload or "default")
            own.impl(name, _casting(op, single), "AutocastPrivateUse1")
    others.fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")
    return [own, others]


def _casting(op: Any, single: bool) -> Callable[..., Any]:
    """Let an operation compute in single precision, or in that of autocast."""
    key = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)

    def run(*args: Any, **kwargs: Any) -> Any:
        dtype = torch.float32 if single else torch.get_autocast_dtype(NAME)

        def cast(tensor: Tensor) -> Tensor:
            wanted = tensor.is_floating_point() and tensor.device.type == NAME
            return tensor.to(dtype) if wanted else tensor

        with torch._C._ExcludeDispatchKeyGuard(key):
            args, kwargs = replaced(cast, (args, kwargs))
            return op(*args, **kwargs)

    return run


def segment(video: Path, device: str, dtype: torch.dtype) -> dict[Hashable, np.ndarray]:
    """Give the masks of all that a person does with a video, by what and where they are."""
    from napari_tavis.annotation.prompts import Prompts
    from napari_tavis.engine import segmenting
    from napari_tavis.engine.encoding import FeatureCache, FrameEncoder
    from napari_tavis.engine.following import propagate
    from napari_tavis.engine.prompting import segment_prompts
    from napari_tavis.engine.segmenting import segment_clip
    from napari_tavis.media import open_clip
    from napari_tavis.model import load_model

    segmenting.choose_device = lambda _: device  # type: ignore[assignment]
    model, cache = load_model("toy", device, image_size=128, precision=dtype), FeatureCache()
    masks: dict[Hashable, np.ndarray] = {}
    with open_clip(video) as clip:
        for protocol in ("memory", "independent"):
            found = segment_clip(clip, model, protocol=protocol, zero_shot=True, cache=cache)
            for proposal in found.objects:
                for frame, mask in proposal.masks.items():
                    masks[protocol, proposal.class_name, frame] = mask
        encoder = FrameEncoder(clip, model)
        clicks = Prompts(points=((40.0, 20.0), (80.0, 60.0)), labels=(True, False))
        clicked = segment_prompts(encoder, 9, clicks)
        again = segment_prompts(encoder, 9, Prompts(box=(10, 10, 60, 60), mask=clicked.mask))
        masks |= {"clicked": clicked.mask, "again": again.mask}
        masks |= {frame: mask for frame, mask, _ in propagate(encoder, {9: again.mask}, [19, 29])}
    return masks


def learn(tree: Path, device: str, dtype: torch.dtype) -> tuple[float, Tensor]:
    """Give the loss of a batch, and the gradient of all weights as one vector."""
    from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
    from napari_tavis.lab.training.dataset_recipe import Objective
    from napari_tavis.lab.training.losses import LossSwitches
    from napari_tavis.lab.training.samples import collate, open_split
    from napari_tavis.model import load_model
    from napari_tavis.model.alignment import class_prompt

    model = load_model("toy", device, image_size=64, precision=torch.float32)
    with torch.no_grad():
        texts = model.text_features([class_prompt(name) for name in AVSBENCH_CLASSES])
    objective = Objective(model, texts, LossSwitches(a2i=True), "memory")
    batch = collate([open_split(tree, "v1s", "train", 64)[0]]).to(device)
    with torch.autocast(batch.images.device.type, dtype, enabled=dtype != torch.float32):
        loss = torch.stack([term.sum() for term in objective(batch).values()]).sum()
    loss.backward()
    # Not of one weight alone: in half precision that may be nothing but noise on some processors.
    gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
    return loss.item(), torch.cat([gradient.float().cpu().flatten() for gradient in gradients])


def both(work: Callable[[str], Any]) -> tuple[Any, Any]:
    """Do something on the device and on the CPU."""
    with PretendedGpu():
        there = work(DEVICE)
    return there, work("cpu")


def main(video: Path, tree: Path, dtype: torch.dtype) -> None:
    """Print how far the device and the CPU are apart."""
    backend_registration._setup_privateuseone_for_python_backend(NAME, DeviceModule())
    kept = cast_as_cuda_does()
    there, here = both(lambda device: segment(video, device, dtype))
    common = there.keys() & here.keys()
    overlaps = [
        (there[name] & here[name]).sum() / max((there[name] | here[name]).sum(), 1)
        for name in common
    ]
    (loss, gradient), (own_loss, own_gradient) = both(lambda device: learn(tree, device, dtype))
    _, exact = learn(tree, "cpu", torch.float32)
    results = {
        "masks": len(here),
        "found": len(common) / len(here),
        "overlap": float(np.mean(overlaps)),
        "loss": loss / own_loss,
        "gradient": ((gradient - own_gradient).norm() / exact.norm()).item(),
        "noise": ((own_gradient - exact).norm() / exact.norm()).item(),
    }
    del kept
    print(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), getattr(torch, sys.argv[3]))
