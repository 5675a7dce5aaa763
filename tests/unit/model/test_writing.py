from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.model.writing import write_tensors


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_the_library_reads_what_is_written(tmp_path: Path, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    base = torch.randn(7, 5)
    tensors = {
        "matrix": base,
        "part of it": base[1:, ::2],
        "vector": torch.randn(3),
        "number": torch.tensor(2.5),
        "nothing": torch.zeros(0, 4),
    }
    path = tmp_path / "weights.safetensors"
    assert write_tensors(path, tensors, dtype, {"seed": "7", "what": "ä"}) == []
    with safe_open(path, framework="pt") as file:
        assert file.metadata() == {"seed": "7", "what": "ä"}
    found = load_file(path)
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        wanted = value.to(dtype) if value.ndim > 1 else value
        assert torch.equal(found[name], wanted)
        assert found[name].dtype == wanted.dtype


def test_what_is_not_finite_in_the_format_is_named(tmp_path: Path) -> None:
    tensors = {"large": torch.full((2, 2), 1e6), "fine": torch.ones(2, 2)}
    path = tmp_path / "weights.safetensors"
    assert write_tensors(path, tensors, torch.float16, {}) == ["large"]
    assert write_tensors(path, tensors, torch.bfloat16, {}) == []


def test_writing_tells_how_far_it_is_and_can_be_stopped(tmp_path: Path) -> None:
    tensors = {f"t{i}": torch.zeros(1000, 1000) for i in range(4)}
    told: list[tuple[int, int, str]] = []

    def stop(done: int, total: int, what: str) -> None:
        told.append((done, total, what))
        if done == 8:
            task.cancel()

    task = Task(stop)

    with pytest.raises(Cancelled):
        write_tensors(tmp_path / "w.safetensors", tensors, torch.float32, {}, task)
    assert told == [(4, 16, "writing w, MB"), (8, 16, "writing w, MB")]
