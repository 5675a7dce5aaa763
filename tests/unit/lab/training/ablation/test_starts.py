"""Every row can be trained from any model, as on AVSBench from SAM 2 and ImageBind."""

from __future__ import annotations

import pytest
import torch

from napari_tavis.lab.training.ablation.rows import ROWS
from napari_tavis.lab.training.experiments.config import ModelSettings
from napari_tavis.lab.training.experiments.starting import start_model
from napari_tavis.model import load_model


@pytest.mark.parametrize("name", [n for n, row in ROWS.items() if row.segmenter == "sam2"])
def test_a_row_keeps_the_weights_that_fit(name: str) -> None:
    switches = ROWS[name].switches
    model = start_model(ModelSettings(start="toy", image_size=64, switches=switches))
    assert model.config.switches == switches
    toy = load_model("toy").state_dict()
    kept = model.imagebind.state_dict()
    assert all(torch.equal(value, toy[f"imagebind.{part}"]) for part, value in kept.items())
