"""An ablation from the command line, stopped and taken up again: the smoke settings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_tavis.cli import main
from napari_tavis.core.errors import TrainingError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import ClipAnnotation, write_clip
from napari_tavis.lab.toyworld import render_clip, sample_scene
from napari_tavis.lab.training.ablation_rows import ROWS, choose_rows
from napari_tavis.lab.training.ablation_study import (
    DATASET_MEASURES,
    DatasetTrial,
    ToyTrial,
    run_study,
)
from napari_tavis.lab.training.batches import Batch
from napari_tavis.lab.training.configurations import read_settings
from napari_tavis.lab.training.row_recipe import class_texts, fresh_network, load_start, train_row
from napari_tavis.lab.training.run_folder import RECIPE_FILE
from napari_tavis.lab.training.settings import (
    ABLATION_SMOKE,
    DataSettings,
    ToyAblation,
    TrainConfig,
)
from napari_tavis.lab.training.toy_clips import ToyClips, render_toy_clips
from napari_tavis.model import load_model


@pytest.fixture(scope="module")
def clips_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    render_toy_clips(folder, ABLATION_SMOKE.clips, size=ABLATION_SMOKE.image_size, workers=1)
    return folder


@pytest.fixture(scope="module")
def clips(clips_folder: Path) -> ToyClips:
    return render_toy_clips(clips_folder, ABLATION_SMOKE.clips, size=ABLATION_SMOKE.image_size)


def _ablate(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["ablate", "--smoke", *map(str, arguments)])
    return int(ended.value.code or 0)


def test_a_stopped_study_goes_on_and_prints_the_table(
    tmp_path: Path, clips_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "study"

    def stop_at_the_second(_done: int, _total: int, what: str) -> None:
        if what.startswith("no-ibqd"):
            task.cancel()

    task = Task(stop_at_the_second)
    rows = choose_rows(names=["paper", "no-ibqd"])
    with pytest.raises(Cancelled):
        run_study(
            output,
            rows,
            [0],
            ToyTrial(ABLATION_SMOKE, output / "clips", clips_folder),
            task=task,
        )
    kept = output / "paper-0.json"
    before = kept.stat().st_mtime_ns
    assert {path.name for path in output.iterdir()} == {RECIPE_FILE, kept.name}

    wanted = ("--row", "paper", "--row", "no-ibqd", "--seeds", 1)
    assert _ablate("--output", output, "--clips", clips_folder, *wanted) == 0
    assert kept.stat().st_mtime_ns == before
    printed = capsys.readouterr().out
    assert "Table 1" in printed
    mj = json.loads((output / "no-ibqd-0.json").read_text())["M_J"]
    assert f"| w/o IBQD | {100 * mj:.1f} |" in printed


def test_another_recipe_is_refused_in_the_same_folder(tmp_path: Path) -> None:
    run_study(tmp_path, [], [0], ToyTrial(ABLATION_SMOKE, tmp_path))
    with pytest.raises(TrainingError, match="other settings"):
        run_study(tmp_path, [], [0], ToyTrial(ToyAblation(), tmp_path))


@pytest.mark.parametrize("wrong", ["steps=many", "steps=0", "warm_up=0", "stops=9", "steps"])
def test_wrong_settings_are_one_sentence(
    wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["ablate", "--output", str(tmp_path / "study"), wrong])
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err
    assert not (tmp_path / "study").exists()


def test_the_toys_training_can_be_made_longer() -> None:
    recipe = read_settings(ToyAblation, ["steps=1000", "learning_rate=5e-4"])
    assert recipe == ToyAblation(steps=1000, learning_rate=5e-4)


@pytest.mark.parametrize(
    "wrong",
    [("steps=9",), ("--row", "no-sound"), ("--table", 3), ("--config", "s5"), ("--clips", ".")],
)
def test_wrong_words_are_one_sentence(
    wrong: tuple[object, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _ablate("--output", tmp_path / "study", *wrong) == 2
    assert "error:" in capsys.readouterr().err
    assert not (tmp_path / "study").exists()


def _batch(clips: ToyClips) -> Batch:
    return next(clips.batches(2, 1, np.random.default_rng(0)))


def test_rows_start_from_the_same_frozen_encoders(clips: ToyClips) -> None:
    start, batch = load_start(ABLATION_SMOKE), _batch(clips)
    one, other = (
        fresh_network(ROWS["paper"], ABLATION_SMOKE, seed, start, batch) for seed in (0, 1)
    )
    changed = {
        name.split(".")[0]
        for name, weight in one.named_parameters()
        if not torch.equal(weight, other.get_parameter(name))
    }
    assert changed == {"adapters", "decomposition", "prompting"}
    frozen = [n for n, weight in one.named_parameters() if not weight.requires_grad]
    assert all(name.startswith(("imagebind.", "sam2.image_encoder.")) for name in frozen)
    on_sam = fresh_network(ROWS["sam"], ABLATION_SMOKE, 0, start, batch)
    assert on_sam.config.segmenter.family == "sam"
    assert on_sam.get_submodule("sam.image_encoder").pos_embed.requires_grad


@pytest.mark.parametrize("name", ["paper", "no-tbhp", "with-a2i", "a2i-alone", "mlp-text"])
def test_a_row_trains_what_it_has(name: str, clips: ToyClips) -> None:
    start, row = load_start(ABLATION_SMOKE), ROWS[name]
    fresh = fresh_network(row, ABLATION_SMOKE, 0, start, _batch(clips)).state_dict()
    trained = train_row(row, ABLATION_SMOKE, 0, start, clips)
    assert not trained.training
    assert trained.config.switches == row.switches
    learned = {
        part
        for part in ("adapters", "decomposition", "prompting", "sam2.sam_mask_decoder")
        if any(
            not torch.equal(value, fresh[n])
            for n, value in trained.state_dict().items()
            if n.startswith(part)
        )
    }
    assert learned == {"adapters", "decomposition", "prompting", "sam2.sam_mask_decoder"}
    embedding = class_texts(start).embedding
    torch.testing.assert_close(class_texts(trained).embedding, embedding)


@pytest.mark.slow
def test_rows_are_trained_on_a_dataset_and_measured_on_its_test_split(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, split in enumerate(["train"] * 6 + ["test"]):
        clip = render_clip(sample_scene(number, 5.0), 64, 5)
        classes = np.array([0, *map(AVSBENCH_CLASSES.index, clip.class_names)], np.uint8)
        annotation = ClipAnnotation(
            f"clip-{number}", clip.frames, classes[clip.instances], clip.waveform
        )
        write_clip(tmp_path / "data", "v1m", split, annotation)
    settings = [
        f"data.root={tmp_path / 'data'}",
        "data.subset=v1m",
        "data.holdout=0.4",
        "data.workers=0",
        "data.cache=false",
        "data.batch=2",
        "model.start=toy",
        "model.image_size=64",
        "device=cpu",
        "epochs=1",
        "pictures=0",
    ]
    rows = ("--row", "paper", "--row", "no-tbhp", "--seeds", "1")
    with pytest.raises(SystemExit) as ended:
        main(
            ["ablate", "--config", "ms3_224", "--output", str(tmp_path / "study"), *rows, *settings]
        )
    assert not ended.value.code
    assert "w/o TbHP" in capsys.readouterr().out
    trained = load_model(tmp_path / "study" / "runs" / "no-tbhp-0" / "best.safetensors")
    assert trained.config.switches == ROWS["no-tbhp"].switches
    assert set(json.loads((tmp_path / "study" / "paper-0.json").read_text())) == set(
        DATASET_MEASURES
    )


def test_sam_needs_a_start_of_its_own(tmp_path: Path) -> None:
    trial = DatasetTrial(TrainConfig(), tmp_path)
    with pytest.raises(TrainingError, match="--sam-start"):
        trial.row_config(ROWS["sam"], 0)
    on_sam = DatasetTrial(TrainConfig(), tmp_path, "my_sam").row_config(ROWS["sam"], 2)
    assert (on_sam.model.start, on_sam.seed, on_sam.protocol) == ("my_sam", 2, "independent")
    assert trial.recipe == DatasetTrial(TrainConfig(), tmp_path, "my_sam").recipe
    with pytest.raises(TrainingError, match="avss"):
        DatasetTrial(TrainConfig(data=DataSettings(subset="avss")), tmp_path)
