"""Files of weights, read and written in little memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.model.tensor_files import read_tensors, write_tensors

_PEAK = """
import sys, torch
from pathlib import Path
from napari_tavis.lab.benchmark.counters import peak_host_bytes, reset_peaks
from napari_tavis.model.tensor_files import read_tensors
reset_peaks(torch.device("cpu"))
before = peak_host_bytes()
weights = read_tensors(sys.argv[1])
print((peak_host_bytes() - before) / sum(w.nbytes for w in weights.values()))
"""


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_all_formats_become_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    weights = {"a": torch.randn(3, 4).to(dtype), "b": torch.tensor(2.0), "c": torch.zeros(0)}
    save_file(weights, tmp_path / "w.safetensors")
    found = read_tensors(tmp_path / "w.safetensors")
    assert found.keys() == weights.keys()
    for name, value in weights.items():
        assert found[name].dtype == torch.float32
        assert torch.equal(found[name], value.float())


def test_matrices_come_in_the_format_that_is_asked_for(tmp_path: Path) -> None:
    weights = {"matrix": torch.randn(3, 4).half(), "vector": torch.randn(4)}
    save_file(weights, tmp_path / "w.safetensors")
    found = read_tensors(tmp_path / "w.safetensors", "cpu", torch.bfloat16)
    assert torch.equal(found["matrix"], weights["matrix"].bfloat16())
    assert torch.equal(found["vector"], weights["vector"])


def test_changing_weights_does_not_change_the_file(tmp_path: Path) -> None:
    save_file({"a": torch.ones(5)}, tmp_path / "w.safetensors")
    read_tensors(tmp_path / "w.safetensors")["a"].zero_()
    assert read_tensors(tmp_path / "w.safetensors")["a"].sum() == 5


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts peaks anew")
def test_the_file_is_not_held_beside_the_weights(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    matrix = torch.ones(1000, 2500, dtype=torch.bfloat16)
    weights = {f"{index:02}.weight": matrix + index for index in range(40)}
    save_file(weights | {f"{index:02}.bias": torch.ones(8) for index in range(40)}, path)
    run = subprocess.run(
        [sys.executable, "-c", _PEAK, path], capture_output=True, text=True, check=True
    )
    assert 0.9 < float(run.stdout) < 1.2


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
