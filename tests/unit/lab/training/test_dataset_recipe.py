"""The loss of a batch, however it is computed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.lab.training.batches import Batch
from napari_tavis.lab.training.dataset_recipe import Objective
from napari_tavis.lab.training.losses import LossSwitches
from napari_tavis.lab.training.samples import collate, open_split
from napari_tavis.lab.training.starting import freeze
from napari_tavis.model import TextFeatures, load_model
from napari_tavis.model.alignment import class_prompt


@pytest.fixture(scope="module")
def objective() -> Objective:
    model = load_model("toy", image_size=64)
    freeze(model, ("prompting.*",))
    with torch.no_grad():
        texts = model.text_features([class_prompt(name) for name in AVSBENCH_CLASSES])
    return Objective(model, texts, LossSwitches(), "memory")


@pytest.fixture(scope="module")
def batch(trees: Path) -> Batch:
    first, second = (open_split(trees, "v1s", split, 64)[0] for split in ("train", "val"))
    return collate([first, second])


def total(terms: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(terms.values())).sum(0)


def test_a_clip_has_the_loss_that_it_has_alone(
    objective: Objective, batch: Batch, trees: Path
) -> None:
    together = objective(batch)
    clips = [open_split(trees, "v1s", split, 64)[0] for split in ("train", "val")]
    apart = [objective(collate([clip])) for clip in clips]
    for name, values in together.items():
        expected = torch.cat([terms[name] for terms in apart])
        torch.testing.assert_close(values, expected, rtol=1e-4, atol=1e-5)


def test_half_precision_gives_nearly_the_same(objective: Objective, batch: Batch) -> None:
    with torch.no_grad():
        full = total(objective(batch))
        with torch.autocast("cpu", torch.bfloat16):
            half = total(objective(batch))
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, full, rtol=0.05, atol=0.05)


def test_terms_follow_the_switches(objective: Objective, batch: Batch) -> None:
    plain = Objective(
        objective.model,
        TextFeatures(objective.text_trunk, objective.text_embedding),
        LossSwitches(i2t=False, a2i=True),
        "independent",
    )
    terms = plain(batch)
    assert "a2i" in terms
    assert "i2t" not in terms
    assert all(values.shape == (2,) for values in terms.values())
