"""Training from nothing to a checkpoint that the plugin loads: the smoke settings."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from napari_tavis.core.errors import ToyWorldError, TrainingError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.lab.toyworld.evaluation import toy_test
from napari_tavis.lab.training.run_folder import TRAINED_FILE, kept_states, read_log
from napari_tavis.lab.training.settings import TOY_SMOKE
from napari_tavis.lab.training.toy_recipe import ToyRecipe, train_toy
from napari_tavis.lab.training.trainer import Trainer
from napari_tavis.model import load_model


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, which was stopped once and taken up again."""
    output = tmp_path_factory.mktemp("run")

    def stop_at_six(done: int, total: int, what: str) -> None:
        if total == TOY_SMOKE.steps and done == 6:
            task.cancel()

    task = Task(stop_at_six)
    with pytest.raises(Cancelled):
        train_toy(output, config=TOY_SMOKE, task=task)
    assert not (output / "toy.safetensors").exists()
    train_toy(output, config=TOY_SMOKE)
    return output


@pytest.fixture(scope="module")
def once(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run, which nothing stopped."""
    output = tmp_path_factory.mktemp("once")
    (output / "clips").symlink_to(run / "clips")
    train_toy(output, config=TOY_SMOKE)
    return output


def test_a_stopped_run_goes_on_as_if_nothing_had_happened(run: Path, once: Path) -> None:
    again, whole = (read_log(folder / "log.jsonl") for folder in (run, once))
    assert [entry["step"] for entry in again] == list(range(1, TOY_SMOKE.steps + 1))
    np.testing.assert_allclose(
        [entry["loss"] for entry in again], [entry["loss"] for entry in whole], rtol=1e-4
    )
    averages = [load_file(folder / "toy.safetensors") for folder in (run, once)]
    for name, weight in averages[0].items():
        torch.testing.assert_close(weight, averages[1][name], rtol=1e-2, atol=1e-3)


def test_the_checkpoint_loads_and_segments(run: Path) -> None:
    model = load_model(str(run / "toy.safetensors"))
    frames = np.zeros((2, 96, 128, 3), np.uint8)
    found = model.segment(frames, np.zeros((2, 1, 128, 204), np.float32))
    assert found.mask_logits.shape == (2, 6, 224, 224)
    assert (run / "toy.safetensors").stat().st_size < 14e6


def test_another_recipe_is_refused_in_the_same_folder(run: Path) -> None:
    other = dataclasses.replace(TOY_SMOKE, bridge_rate=1.0)
    with pytest.raises(TrainingError, match="other settings"):
        train_toy(run, config=other)


def test_every_weight_that_segmenting_needs_learns(run: Path) -> None:
    fresh = dict(Trainer(ToyRecipe(TOY_SMOKE), run).model.named_parameters())
    trained = load_file(kept_states(run)[-1] / TRAINED_FILE)
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
