"""Reading configurations: those of the package, files, and settings on the command line."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from napari_tavis.cli import main
from napari_tavis.core.errors import TrainingError
from napari_tavis.lab.training.configurations import (
    configuration_names,
    read_configuration,
)
from napari_tavis.lab.training.settings import ToyConfig, TrainConfig
from napari_tavis.model.config import Switches


def read(name: str | Path, *overrides: str) -> TrainConfig:
    config = read_configuration(name, overrides)
    assert isinstance(config, TrainConfig)
    return config


def test_all_that_the_paper_trains_are_there() -> None:
    assert set(configuration_names()) == set(
        "s4_224 s4_1024 ms3_224 ms3_1024 avss_224 ov_224 finetune finetune_toy toy".split()
    )


@pytest.mark.parametrize(
    ("name", "batch", "epochs", "size"),
    [
        ("s4_224", 10, 80, 224),
        ("s4_1024", 10, 80, 1024),
        ("ms3_224", 4, 80, 224),
        ("ms3_1024", 4, 80, 1024),
        ("avss_224", 4, 40, 224),
        ("ov_224", 4, 40, 224),
    ],
)
def test_settings_are_the_papers(name: str, batch: int, epochs: int, size: int) -> None:
    config = read(name)
    assert (config.data.batch, config.epochs, config.model.image_size) == (batch, epochs, size)
    assert config.optimizer.learning_rate == 1e-4
    assert config.optimizer.final_share == 0
    assert config.protocol == "memory"
    assert config.validation_protocol == "independent"


def test_settings_on_the_command_line_win() -> None:
    config = read(
        "s4_224",
        "data.root=some/where",
        "optimizer.learning_rate=5e-5",
        "model.switches.decompose=false",
        "loss.a2i=true",
        "patience=2",
        "model.trained=[prompting.*]",
    )
    assert config.data.root == "some/where"
    assert config.data.batch == 10
    assert config.optimizer.learning_rate == 5e-5
    assert config.model.switches == Switches(decompose=False)
    assert config.model.trained == ("prompting.*",)
    assert config.loss.a2i
    assert config.patience == 2


def test_the_toy_has_a_recipe_of_its_own() -> None:
    assert read_configuration("toy", ["smoke=true"]) == ToyConfig(smoke=True)


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("data: {subset: v1m, batch: 3}\nepochs: 7\n")
    assert (read(path).data.subset, read(path).epochs) == ("v1m", 7)


LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [*{before}, *{before}]\n" for before, name in pairwise("abcdefghijklmnop")
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LAUGHS, "refers to other places"),
        ("a: &a [*a]", "refers to other places"),
        ("&a a: *a", "refers to other places"),
        ("data: {root: '${data.semantic}', semantic: '${data.root}'}", "refers to other places"),
        ("epochs: ${oc.env:HOME}", "refers to other places"),
        ("[" * 3000, "16 levels"),
        ("[" * 3000 + "]" * 3000, "16 levels"),
        ("{a: " * 3000 + "1" + "}" * 3000, "16 levels"),
        ("a:\n" + "".join(" " * depth + "- \n" for depth in range(100)), "16 levels"),
        ("- 1\n- 2", "cannot be read"),
        ("!!python/object/apply:os.getcwd []", "cannot be read"),
        ("epochs: 2024-99-99", "epochs cannot be"),
        ("epochs: " + "9" * 5000, "cannot be read"),
        ("recipe: [toy]", "no recipe"),
        ("recipe: " + "x" * 10_000, "no recipe"),
        ("x" * 1000 + ": 1", "no setting x"),
        ("seed: -1", "seed cannot be -1: take a number from 0 to"),
        (f"seed: {2**70}", "seed cannot be"),
        ("recipe: toy\nseed: -1", "seed cannot be -1"),
        ("data: {batch: 0}", "batch cannot be 0: take a number from 1"),
        ("data: {holdout: .nan}", "holdout cannot be nan"),
        ("optimizer: {learning_rate: .inf}", "learning_rate cannot be inf"),
        ("state_every: 0", "state_every cannot be 0"),
        (f"epochs: {2**70}", "epochs cannot be"),
    ],
)
def test_files_made_to_harm_are_sentences(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(TrainingError, match=words) as caught:
        read_configuration(path)
    assert len(str(caught.value)) < 1000
    if "\n" not in text and text.startswith(("seed", "state_every")):
        with pytest.raises(TrainingError, match=words):
            read_configuration("s4_224", [text.replace(": ", "=")])


@pytest.mark.parametrize(
    "setting",
    ["data.root=[*a]", "x" + ".x" * 3000 + "=1", "seed=" + "[" * 3000, "seed=${oc.env:HOME}", "a"],
)
def test_settings_made_to_harm_are_sentences(setting: str) -> None:
    with pytest.raises(TrainingError) as caught:
        read_configuration("s4_224", [setting])
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "name", ["x" * 300 + ".yaml", "a\0b.yaml", "x" * 300, "/dev/null.yaml/a.yaml"]
)
def test_a_name_that_no_file_can_have_is_a_sentence(name: str) -> None:
    with pytest.raises(TrainingError):
        read_configuration(name)


def test_the_command_says_it_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["train", "--config", "s4_224", "--output", str(tmp_path), "data.rot=x"])
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("error: There is no setting data.rot")


@pytest.mark.parametrize(
    ("name", "setting", "message"),
    [
        ("s4", "", "There is no configuration 's4'"),
        ("nothing.yaml", "", "nothing.yaml cannot be read"),
        ("s4_224", "data.root", "write key=value"),
        ("s4_224", "data.batches=3", "no setting data.batches"),
        ("s4_224", "data.batch=many", "data.batch cannot be 'many'"),
        ("s4_224", "protocol=both", "protocol cannot be 'both'"),
        ("s4_224", "recipe=cake", "no recipe 'cake'"),
        ("s4_224", "data.root=[", "cannot be read"),
        ("s4_224", "model.switches.pseudo_text=song", "model.switches"),
    ],
)
def test_what_cannot_be_is_said(name: str, setting: str, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        read_configuration(name, [setting] if setting else [])
