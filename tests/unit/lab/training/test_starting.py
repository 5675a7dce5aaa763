"""Which weights learn, and how many these are."""

from __future__ import annotations

import pytest
import torch

from napari_tavis.core.errors import TrainingError
from napari_tavis.lab.training.ablation_rows import ROWS
from napari_tavis.lab.training.settings import TRAINED, ModelSettings
from napari_tavis.lab.training.starting import describe_parts, freeze, start_model
from napari_tavis.model import TAViS, load_model
from napari_tavis.model.config import Switches, preset_config


def test_the_papers_number_of_trained_parameters_is_explained() -> None:
    model = TAViS.without_weights(preset_config("large"))
    parts = freeze(model, TRAINED)
    attention = sum(w.numel() for w in model.decomposition.query_attention.parameters())
    adapter = 512 * 1152 + 512 * 128 + 1152 + 512  # of a 49th block
    dead = 3 * attention + adapter
    assert parts.trained / 1e6 == pytest.approx(47.1, abs=0.05)
    assert (parts.trained + dead) / 1e6 == pytest.approx(54.9, abs=0.06)
    assert dead / 1e6 == pytest.approx(7.75, abs=0.01)
    assert parts.total / 1e6 == pytest.approx(1332, abs=1)
    assert parts.trained == sum(parts.by_part.values())
    assert "47.10 M" in describe_parts(model, parts)
    assert "54.9 M" in describe_parts(model, parts)


def test_what_is_frozen_is_in_evaluation_mode() -> None:
    model = load_model("toy")
    freeze(model, TRAINED)
    assert not any(weight.requires_grad for weight in model.imagebind.parameters())
    assert not model.imagebind.training
    assert not model.get_submodule("sam2.image_encoder").training
    assert model.get_submodule("sam2.memory_attention").training
    assert model.get_submodule("prompting").training
    with pytest.raises(TrainingError, match=r"model\.trained"):
        freeze(model, ("nothing.*",))


def test_other_switches_keep_the_weights_that_stay() -> None:
    model, toy = start_model(ModelSettings("toy", 64, Switches(decompose=False))), load_model("toy")
    assert model.image_size == 64
    assert model.config.switches == Switches(decompose=False)
    weight = "sam2.sam_mask_decoder.iou_token.weight"
    assert model.state_dict()[weight].equal(toy.state_dict()[weight])


@pytest.mark.parametrize("name", [n for n, row in ROWS.items() if row.segmenter == "sam2"])
def test_a_row_keeps_the_weights_that_fit(name: str) -> None:
    switches = ROWS[name].switches
    model = start_model(ModelSettings(start="toy", image_size=64, switches=switches))
    assert model.config.switches == switches
    toy = load_model("toy").state_dict()
    kept = model.imagebind.state_dict()
    assert all(torch.equal(value, toy[f"imagebind.{part}"]) for part, value in kept.items())
