"""Training runs on a small tree: killed and taken up, on two processes, in parts, and spoilt."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from napari_tavis.core.errors import TrainingError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import ClipAnnotation, write_clip
from napari_tavis.lab.toyworld import render_clip, sample_scene
from napari_tavis.lab.training.configurations import read_configuration
from napari_tavis.lab.training.dataset_recipe import DatasetRecipe
from napari_tavis.lab.training.run_folder import Entry, read_log
from napari_tavis.lab.training.settings import ToyTrainingConfig, TrainConfig
from napari_tavis.lab.training.trainer import Trainer
from napari_tavis.model import load_model
from napari_tavis.model.checkpoint import read_metadata

SIZE = 64
STEPS = 9
ROUNDING = 0.05
"""Share of what was learned by which equal runs may differ.

Adam takes whole steps also where a gradient is nothing but rounding, which processes, threads and
parts of batches do differently. Other clips or a lost optimiser differ in the losses, too.
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of v1s, six to learn from (their first frames) and two to validate on; five of v1m."""
    root = tmp_path_factory.mktemp("tree")
    for number, split in enumerate(["train"] * 6 + ["val"] * 2):
        clip = render_clip(sample_scene(number + 40, 5.0), SIZE, 5)
        classes = [AVSBENCH_CLASSES.index(name) for name in clip.class_names]
        annotation = ClipAnnotation(
            name=f"clip-{number}",
            frames=clip.frames,
            class_map=np.array([0, *classes], np.uint8)[clip.instances],
            waveform=clip.waveform,
            sound_classes=tuple(clip.class_names),
        )
        write_clip(root, "v1s", split, annotation)
        if number < 5:
            write_clip(root, "v1m", "train", replace(annotation, name=f"many-{number}"))
    return root


@pytest.fixture(scope="module", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> object:
    """Keep features in a folder of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAPARI_TAVIS_HOME", str(tmp_path_factory.mktemp("home")))
        yield


def settings(tree: Path, *changes: str) -> list[str]:
    """Give the settings of a run of nine steps that shows what longer ones would."""
    return [
        f"data.root={tree}",
        *"data.subset=v1s data.batch=2 data.holdout=0 model.image_size=64 epochs=3".split(),
        *"patience=null device=cpu state_every=2 pictures=0 optimizer.learning_rate=1e-4".split(),
        *changes,
    ]


def config_of(tree: Path, *changes: str) -> TrainConfig:
    config = read_configuration("finetune", settings(tree, *changes))
    assert isinstance(config, TrainConfig)
    return config


def command(tree: Path, output: Path, *launcher: str) -> list[str]:
    """Give the command line of the same run."""
    start = [sys.executable, "-m", *(launcher or ["napari_tavis"])]
    return [*start, "train", "--config", "finetune", "--output", str(output), *settings(tree)]


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


KILLED = """
import os, signal, sys
from pathlib import Path
from napari_tavis.cli import main
from napari_tavis.core.tasks import Task

def report_or_die(task, done, total, what):
    if done == 5 and ": loss " in what:
        os.kill(os.getpid(), signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)

Task.report = report_or_die
main(sys.argv[1:])
"""


def steps_of(run: Path) -> list[Entry]:
    return [entry for entry in read_log(run / "log.jsonl") if entry["kind"] == "step"]


def weights_of(run: Path) -> dict[str, Tensor]:
    """Give the trained weights at the end of a run, in full precision."""
    (state,) = (run / "state").iterdir()
    return load_file(state / "trained.safetensors")


def change(run: Path, other: Path) -> float:
    """Give by how much two runs' weights differ, as a share of what was learned."""
    begin = load_model("toy").state_dict()
    ours, theirs = weights_of(run), weights_of(other)
    assert ours.keys() == theirs.keys()
    learned = sum(float((ours[name] - begin[name]).square().sum()) for name in ours)
    between = sum(float((ours[name] - theirs[name]).square().sum()) for name in ours)
    assert learned > 0
    return (between / learned) ** 0.5


@pytest.fixture(scope="module")
def run(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run from beginning to end, in this process."""
    output = tmp_path_factory.mktemp("whole")
    Trainer(DatasetRecipe(config_of(tree, "pictures=2")), output).run()
    return output


def test_a_run_leaves_logs_pictures_and_models(run: Path) -> None:
    entries = steps_of(run)
    assert [entry["step"] for entry in entries] == list(range(1, STEPS + 1))
    assert [entry["epoch"] for entry in entries] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert {"loss", "a2t", "i2t", "a2pt", "separate", "scene"} <= entries[0].keys()
    with (run / "log.csv").open() as file:
        epochs = list(csv.DictReader(file))
    assert [row["epoch"] for row in epochs] == ["0", "1", "2", "3"]
    scores = [float(row["M_J"]) for row in epochs]
    assert all(0 <= score <= 1 for score in scores)
    assert all(0 < float(row["mIoU"]) < 1 for row in epochs)
    picture = Image.open(run / "pictures" / "epoch-003.png")
    assert picture.width > 5 * SIZE
    assert picture.height > 2 * SIZE
    best = read_metadata(run / "best.safetensors")
    assert float(best["validation_M_J"]) == pytest.approx(max(scores), abs=1e-4)
    assert read_metadata(run / "last.safetensors")["epoch"] == "3"
    found = load_model(run / "best.safetensors").segment(
        np.zeros((1, 50, 60, 3), np.uint8), np.zeros((1, 1, 128, 204), np.float32)
    )
    assert found.mask_logits.shape == (1, 6, SIZE, SIZE)


def test_only_what_shall_learn_learns(run: Path) -> None:
    begin, end = load_model("toy").state_dict(), load_model(run / "last.safetensors").state_dict()
    trained = weights_of(run)
    frozen = [name for name in begin if name not in trained]
    assert any(name.startswith("imagebind.") for name in frozen)
    assert any(name.startswith("sam2.image_encoder.") for name in frozen)
    for name in frozen:
        assert torch.equal(begin[name].half(), end[name].half()), name
    for part in ("adapters.", "decomposition.", "prompting.", "sam2.sam_mask_decoder."):
        changed = [n for n in trained if n.startswith(part) and not begin[n].equal(trained[n])]
        assert changed, part


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_nothing_had_happened(
    tree: Path, run: Path, tmp_path: Path
) -> None:
    arguments = command(tree, tmp_path)[3:]
    killed = [sys.executable, "-c", KILLED, *arguments]
    ended = subprocess.run(killed, env=environment(), capture_output=True, text=True)
    assert len(steps_of(tmp_path)) == 5, ended.stderr[-3000:]
    half = tmp_path / "state" / ".partial"  # as if it had been killed while it wrote its state
    half.mkdir(exist_ok=True)
    (half / "trained.safetensors").write_bytes(b"half")

    def stop_before_the_end(_done: int, _total: int, what: str) -> None:
        if what == "validating" and len(steps_of(tmp_path)) == 2 * STEPS // 3:
            task.cancel()

    task = Task(stop_before_the_end)

    with pytest.raises(Cancelled):  # and stopped once more, between training and measuring
        Trainer(DatasetRecipe(config_of(tree)), tmp_path).run(task)
    Trainer(DatasetRecipe(config_of(tree)), tmp_path).run()
    again, once = steps_of(tmp_path), steps_of(run)
    assert [entry["step"] for entry in again] == [entry["step"] for entry in once]
    for name in ("loss", "learning_rate"):
        np.testing.assert_allclose(
            [entry[name] for entry in again], [entry[name] for entry in once], rtol=1e-4
        )
    assert change(tmp_path, run) < ROUNDING


@pytest.mark.slow
def test_two_processes_learn_the_same_as_one(tree: Path, run: Path, tmp_path: Path) -> None:
    launcher = "torch.distributed.run --standalone --nproc_per_node 2 -m napari_tavis"
    done = subprocess.run(
        command(tree, tmp_path, *launcher.split()),
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (state,) = (tmp_path / "state").iterdir()
    assert (state / "random_states_1.pkl").is_file()  # there was a second process indeed
    losses = [[entry["loss"] for entry in steps_of(which)] for which in (tmp_path, run)]
    np.testing.assert_allclose(*losses, rtol=1e-3)
    assert change(tmp_path, run) < ROUNDING


def test_a_batch_in_parts_teaches_the_same(tree: Path, run: Path, tmp_path: Path) -> None:
    Trainer(
        DatasetRecipe(config_of(tree, "optimizer.accumulation=2", "tensorboard=true")), tmp_path
    ).run()
    losses = [[entry["loss"] for entry in steps_of(which)] for which in (tmp_path, run)]
    np.testing.assert_allclose(*losses, rtol=1e-3)
    assert change(tmp_path, run) < ROUNDING

    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [scalar.step for scalar in events.Scalars("loss")] == list(range(1, STEPS + 1))
    assert len(events.Scalars("M_J")) == 4


@pytest.mark.slow
def test_half_precision_learns_nearly_the_same(tree: Path, run: Path, tmp_path: Path) -> None:
    precision = "optimizer.precision=bf16"
    with pytest.raises(TrainingError, match="start this one in a new process"):
        # of full precision were those before
        Trainer(DatasetRecipe(config_of(tree, precision)), tmp_path)
    arguments = [*command(tree, tmp_path), precision, "epochs=1"]
    subprocess.run(arguments, env=environment(), check=True, capture_output=True)
    losses = [[entry["loss"] for entry in steps_of(which)[:3]] for which in (tmp_path, run)]
    assert len(losses[0]) == 3
    assert np.mean(losses[0]) == pytest.approx(np.mean(losses[1]), rel=0.02)
    assert not np.array_equal(*losses)
    assert {weight.dtype for weight in weights_of(tmp_path).values()} == {torch.float32}


def test_the_papers_way_learns_with_memory_and_from_seen_classes(
    tree: Path, tmp_path: Path
) -> None:
    classes = tmp_path / "classes.json"
    classes.write_text('{"unseen": ["wolf", "lion"]}')
    changes = ["model.start=toy", "epochs=1", "pictures=1", "loss.a2i=true"]
    changes += ["data.subset=ov", f"data.classes={classes}"]
    config = read_configuration("ov_224", settings(tree, *changes))
    assert isinstance(config, TrainConfig)
    assert config.protocol == "memory"
    trainer = Trainer(DatasetRecipe(config), tmp_path / "run")
    assert trainer.course.measuring is not None
    clips = trainer.course.measuring.clips
    assert "wolf" not in clips.vocabulary
    assert sorted(set(clips.frames)) == [1, 5]
    trainer.run()
    entries = steps_of(tmp_path / "run")
    assert len(entries) == 5
    assert all(np.isfinite(entry["loss"]) and "a2i" in entry for entry in entries)


def test_a_loss_that_is_no_number_stops_the_run(tree: Path, tmp_path: Path) -> None:
    changed = config_of(
        tree, "optimizer.learning_rate=1e18", "optimizer.warm_up=0", "optimizer.clip_norm=null"
    )
    with pytest.raises(TrainingError, match=r"clip-\d.* is not finite at step \d.*last good"):
        Trainer(DatasetRecipe(changed), tmp_path).run()
    assert all(torch.isfinite(weight).all() for weight in weights_of(tmp_path).values())
    assert (tmp_path / "last.safetensors").is_file()


def test_a_run_ends_when_the_score_no_longer_rises(tree: Path, tmp_path: Path) -> None:
    changed = config_of(tree, "optimizer.learning_rate=1e-12", "patience=1", "epochs=50")
    trainer = Trainer(DatasetRecipe(changed), tmp_path)
    trainer.run()
    assert len(steps_of(tmp_path)) == 3
    assert read_metadata(trainer.best)["epoch"] == "0"


def test_what_cannot_be_trained_on_is_said_before(tree: Path, tmp_path: Path, run: Path) -> None:
    with pytest.raises(TrainingError, match="other settings"):
        Trainer(DatasetRecipe(config_of(tree, "seed=7")), run)
    with pytest.raises(TrainingError, match=r"data\.root=FOLDER"):
        Trainer(DatasetRecipe(config_of(tree, "data.root=''")), tmp_path / "nowhere")
    with pytest.raises(TrainingError, match="too few"):
        Trainer(DatasetRecipe(config_of(tree, "data.batch=7")), tmp_path / "large")
    with pytest.raises(TrainingError, match=r"data\.holdout"):
        Trainer(DatasetRecipe(config_of(tree, "data.subset=v1m")), tmp_path / "no-val")
    with pytest.raises(TrainingError, match=r"model\.trained"):
        Trainer(DatasetRecipe(config_of(tree, "model.trained=[nothing.*]")), tmp_path / "nothing")


def test_the_rate_rises_and_falls_as_a_cosine(tree: Path) -> None:
    paper = read_configuration("s4_224").optimizer
    assert paper.rate(0, 100) == 1e-4
    assert paper.rate(50, 100) == pytest.approx(5e-5)
    assert paper.rate(100, 100) == 0
    warm = config_of(tree).optimizer
    assert warm.rate(0, 100) < warm.rate(8, 100)


def test_the_toys_rate_rises_stays_and_falls_in_a_straight_line() -> None:
    toy = ToyTrainingConfig()
    rate = partial(toy.optimizer.rate, steps=toy.steps)
    assert rate(0) == pytest.approx(6e-4 / 200)
    assert rate(199) == rate(toy.steps - 600) == 6e-4
    assert rate(toy.steps - 300) == pytest.approx(3e-4)
    assert rate(toy.steps - 1) == pytest.approx(6e-6)
