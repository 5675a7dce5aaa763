"""What Apple's GPUs and plain CPUs ask of the code that NVIDIA's GPUs run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from napari_tavis.annotation.prompts import Prompts
from napari_tavis.engine.encoding import FeatureCache, FrameEncoder
from napari_tavis.engine.following import propagate
from napari_tavis.engine.prompting import segment_prompts
from napari_tavis.engine.segmenting import segment_clip
from napari_tavis.media import Clip, open_clip
from napari_tavis.model import TAViS
from napari_tavis.model.precision import place

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
