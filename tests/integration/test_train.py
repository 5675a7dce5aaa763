"""Training from nothing to a checkpoint that the plugin loads: the smoke settings."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_tavis.core.errors import ToyWorldError, TrainingError
from napari_tavis.core.tasks import Cancelled, CancelToken
from napari_tavis.lab.toyworld.evaluation import toy_test
from napari_tavis.lab.training.config import SMOKE
from napari_tavis.lab.training.toy_trainer import ToyTrainer, train_toy
from napari_tavis.model import load_model


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, which was stopped once and taken up again."""
    output = tmp_path_factory.mktemp("run")
    token = CancelToken()

    def stop_at_six(done: int, total: int, what: str) -> None:
        if total == SMOKE.steps and done == 6:
            token.cancel()

    with pytest.raises(Cancelled):
        train_toy(output, config=SMOKE, progress=stop_at_six, cancel=token)
    assert not (output / "toy.safetensors").exists()
    train_toy(output, config=SMOKE)
    return output


def test_a_stopped_run_goes_on_where_it_was(run: Path) -> None:
    state = torch.load(run / "state.pt", weights_only=True)
    assert state["step"] == SMOKE.steps


def test_the_checkpoint_loads_and_segments(run: Path) -> None:
    model = load_model(str(run / "toy.safetensors"))
    frames = np.zeros((2, 96, 128, 3), np.uint8)
    found = model.segment(frames, np.zeros((2, 1, 128, 204), np.float32))
    assert found.mask_logits.shape == (2, 6, 224, 224)
    assert (run / "toy.safetensors").stat().st_size < 14e6


def test_another_recipe_is_refused_in_the_same_folder(run: Path) -> None:
    other = dataclasses.replace(SMOKE, learning_rate=1.0)
    with pytest.raises(TrainingError, match="other settings"):
        train_toy(run, config=other)


def test_every_weight_that_segmenting_needs_learns(run: Path) -> None:
    fresh = ToyTrainer(SMOKE, run, 0, "cpu").model.state_dict()
    trained = torch.load(run / "state.pt", weights_only=True)["model"]
    parts = ("sam2.sam_mask_decoder.", "sam2.memory_attention.", "prompting.", "decomposition.")
    for part in parts:
        names = [name for name in fresh if name.startswith(part)]
        assert names
        changed = [name for name in names if not torch.equal(fresh[name], trained[name])]
        assert changed, part


def test_toy_test_measures_both_protocols_and_keeps_off_training_seeds(run: Path) -> None:
    model = load_model(str(run / "toy.safetensors"))
    results = json.loads(json.dumps(toy_test(model, 2, 5, size=128)))
    for protocol in ("independent", "memory"):
        assert 0 <= results[protocol]["M_J_all"] <= 1
        assert results[protocol]["silent_frames"] == 10
    assert results["clips"] == 2
    with pytest.raises(ToyWorldError, match="below"):
        toy_test(model, 1, 1 << 20)
