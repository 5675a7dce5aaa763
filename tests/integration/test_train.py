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
from napari_tavis.lab.training.settings import TOY_SMOKE, Stage
from napari_tavis.lab.training.toy_recipe import ToyRecipe, train_toy
from napari_tavis.lab.training.trainer import Trainer
from napari_tavis.model import load_model


def stop_after(step: int, steps: int) -> Task:
    """Give a task that is cancelled when so many steps of a run are taken."""

    def stop(done: int, total: int, what: str) -> None:
        if (done, total) == (step, steps):
            task.cancel()

    task = Task(stop)
    return task


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, which was stopped once and taken up again."""
    output = tmp_path_factory.mktemp("run")
    with pytest.raises(Cancelled):
        train_toy(output, config=TOY_SMOKE, task=stop_after(6, TOY_SMOKE.steps))
    assert not (output / "toy.safetensors").exists()
    train_toy(output, config=TOY_SMOKE)
    return output


def test_a_stopped_run_goes_on_where_it_was(run: Path) -> None:
    entries = read_log(run / "log.jsonl")
    assert [entry["step"] for entry in entries] == list(range(1, TOY_SMOKE.steps + 1))
    (state,) = kept_states(run)
    assert state.name.startswith(f"{TOY_SMOKE.steps:08d}")


@pytest.mark.slow
def test_a_stopped_run_learns_as_one_that_was_not(run: Path, tmp_path: Path) -> None:
    stages = (
        Stage("align", 2, "align", clips=2, frames=1),
        Stage("segment", 3, "segment", clips=2, frames=1),
        Stage("click", 2, "segment", clips=1, frames=2, prompts=True),
    )
    config = dataclasses.replace(TOY_SMOKE, stages=stages)

    def train(folder: Path, *stops: int) -> tuple[list[float], dict[str, torch.Tensor]]:
        (folder / "clips").mkdir(parents=True)
        (folder / "clips" / "128").symlink_to(run / "clips" / "128")
        for stop in stops:
            task = stop_after(stop, config.steps)
            with pytest.raises(Cancelled):
                train_toy(folder, config=config, seed=1, task=task)
        weights = load_file(train_toy(folder, config=config, seed=1))
        return [entry["loss"] for entry in read_log(folder / "log.jsonl")], weights

    losses, weights = train(tmp_path / "whole")
    again, same = train(tmp_path / "stopped", 2, 4, 6)
    assert len(losses) == 7
    np.testing.assert_allclose(again, losses, rtol=1e-4)
    for name, weight in weights.items():
        torch.testing.assert_close(same[name], weight, rtol=1e-2, atol=1e-3)


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
