"""Writing weights to a file in no more memory than the largest of them needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from napari_tavis.core.tasks import Task

_NAMES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
_ALIGNMENT = 8
_MEGABYTE = 1_000_000


def write_tensors(
    path: Path,
    tensors: Mapping[str, Tensor],
    dtype: torch.dtype,
    facts: Mapping[str, str],
    task: Task | None = None,
) -> list[str]:
    """Write tensors to a safetensors file, converted and written one after another.

    The library's own function holds all of them in memory, twice; a checkpoint of 5.9 GB shall
    be converted on a computer of ordinary size. Format:
    https://github.com/huggingface/safetensors#format.

    Parameters
    ----------
    path : Path
        File to write.
    tensors : mapping of str to Tensor
        By name, anywhere; memory-mapped ones are read as they are written.
    dtype : torch.dtype
        Number format of matrices: float32, float16 or bfloat16. Vectors and single numbers
        (norms, biases, logit scales) are written as float32: they take little room, and an error
        in one of them reaches everything.
    facts : mapping of str to str
        Metadata.
    task : Task, optional
        Told how far it is; stops the work when cancelled.

    Returns
    -------
    list of str
        Names of those that hold an infinity or no number as they were written.

    Raises
    ------
    OSError
        If the file cannot be written.
    Cancelled
        If `task` was cancelled.
    """
    task = task or Task()
    formats = {n: dtype if value.ndim > 1 else torch.float32 for n, value in tensors.items()}
    # Long numbers first: every tensor then starts at a multiple of its number's length.
    names = sorted(tensors, key=lambda name: (-formats[name].itemsize, name))
    sizes = {name: tensors[name].numel() * formats[name].itemsize for name in names}
    total, done, broken = sum(sizes.values()), 0, []
    with path.open("wb") as file:
        file.write(_header(names, tensors, formats, sizes, facts))
        for name in names:
            task.check()
            value = tensors[name].detach().to("cpu", formats[name]).contiguous()
            if not is_finite(value):
                broken.append(name)
            file.write(value.view(-1).view(torch.uint8).numpy().data)
            done += sizes[name]
            task.report(done // _MEGABYTE, total // _MEGABYTE, f"writing {path.stem}, MB")
    return broken


def is_finite(value: Tensor) -> bool:
    """Tell whether all values are finite numbers, in one pass that allocates nothing."""
    if not value.is_floating_point() or not value.numel():
        return True
    # both ends are no number if any value is none
    return all(bool(end.isfinite()) for end in value.aminmax())


def _header(
    names: list[str],
    tensors: Mapping[str, Tensor],
    formats: Mapping[str, torch.dtype],
    sizes: Mapping[str, int],
    facts: Mapping[str, str],
) -> bytes:
    """Give the start of the file: its length, then what lies where."""
    table: dict[str, object] = {"__metadata__": dict(facts)}
    start = 0
    for name in names:
        end = start + sizes[name]
        table[name] = {
            "dtype": _NAMES[formats[name]],
            "shape": list(tensors[name].shape),
            "data_offsets": [start, end],
        }
        start = end
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text
