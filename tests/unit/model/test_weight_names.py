from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from napari_tavis.model import CheckpointError, TAViS, load_official_state_dict
from napari_tavis.model.config import preset_config
from napari_tavis.model.weight_names import official_name

MANIFEST = Path(__file__).parents[2] / "data" / "parity" / "official_state_dict.json"

State = dict[str, Tensor]


@pytest.fixture
def released() -> State:
    """Every name of a released checkpoint; the values take no memory."""
    shapes = json.loads(MANIFEST.read_text())
    return {name: torch.zeros(()).expand(shape) for name, shape in shapes.items()}


@pytest.fixture
def large() -> TAViS:
    return TAViS.without_weights(preset_config("large"))


def test_a_released_checkpoint_fits(large: TAViS, released: State) -> None:
    load_official_state_dict(large, released)
    assert not any(value.is_meta for value in large.state_dict().values())
    assert large.sam2.memory_attention.layers[0].self_attn.freqs_cis.shape == (14 * 14, 128)


def test_names_are_translated_one_to_one(large: TAViS, released: State) -> None:
    official = [official_name(name) for name in large.state_dict()]
    assert len(set(official)) == len(official)
    assert set(official) <= set(released)


def test_unused_names_and_logit_scales_may_be_absent(large: TAViS, released: State) -> None:
    used = {official_name(name) for name in large.state_dict()}
    state = {name: released[name] for name in used if "logit_scale" not in name}
    load_official_state_dict(large, state)
    scales = large.imagebind.modality_postprocessors
    assert scales["audio"][1].log_logit_scale.exp().item() == pytest.approx(20.0)
    assert scales["text"][1].log_logit_scale.exp().item() == pytest.approx(1 / 0.07)


def test_what_does_not_fit_is_listed_at_once(large: TAViS, released: State) -> None:
    del released["mlp_audio.weight"]
    released["down.weight"] = torch.zeros(())
    released["memory_attention.layers.9.norm1.weight"] = torch.zeros(())
    with pytest.raises(CheckpointError) as caught:
        load_official_state_dict(large, released)
    message = str(caught.value)
    assert "missing: mlp_audio.weight" in message
    assert "surplus: memory_attention.layers.9.norm1.weight" in message
    assert "down.weight (is (), needs (256, 1280))" in message
    assert all(value.is_meta for value in large.parameters() if value.ndim)


def test_a_toy_has_no_official_weights(released: State) -> None:
    with pytest.raises(CheckpointError, match="do not fit the 'toy' preset"):
        load_official_state_dict(TAViS.without_weights(preset_config("toy")), released)
