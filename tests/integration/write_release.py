"""Writes a checkpoint of 5.9 GB as the authors' is, with the weights of ``recipe.py``.

A program of its own, whose memory is free again when it ends: ``python write_release.py FILE``.
"""

from __future__ import annotations

import json
import math
import runpy
import sys
from pathlib import Path

import torch
from torch import Tensor

DATA = Path(__file__).parents[1] / "data" / "parity"


def main(path: Path) -> None:
    """Write all 2,552 weights into one file, as `torch.save` does."""
    recipe = runpy.run_path(str(DATA / "recipe.py"))
    shapes = json.loads((DATA / "official_state_dict.json").read_text())
    state = {
        name: torch.from_numpy(recipe["tensor"](name, shape))
        if recipe["is_generated"](name)
        else _constant(name, shape)
        for name, shape in shapes.items()
    }
    torch.save(state, path)


def _constant(name: str, shape: list[int]) -> Tensor:
    """Give what the recipe does not: logit scales, the causal mask, encoders never used."""
    if "logit_scale" in name:
        return torch.tensor(math.log(20.0 if ".audio." in name else 1 / 0.07))
    if name.endswith(".mask"):
        return torch.full(shape, -math.inf).triu_(1)
    return torch.zeros(shape)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
