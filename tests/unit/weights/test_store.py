from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from napari_tavis.cli import main
from napari_tavis.core.errors import WeightsError
from napari_tavis.core.home import HOME_VARIABLE, home, set_home
from napari_tavis.model import CheckpointError, load_model
from napari_tavis.weights.installing import import_files
from napari_tavis.weights.store import ModelCard, Store, suggest_name, write_card

from .conftest import save


def put(store: Store, name: str, content: bytes = b"weights", replace: bool = False) -> ModelCard:
    card = ModelCard(
        name, "tavis", "toy", 224, "float16", len(content), "0", ("S4.pth",), "MIT", ""
    )
    with store.installing(name, replace) as folder:
        (folder / "model.safetensors").write_bytes(content)
        write_card(folder, card)
    return card


def test_models_are_listed_and_removed(store: Store) -> None:
    second, first = put(store, "b"), put(store, "a")
    assert store.cards() == [first, second]
    assert store.remove("a") == 7
    assert store.cards() == [second]
    with pytest.raises(WeightsError, match="No model 'a' is installed; there are: b"):
        store.remove("a")


@pytest.mark.parametrize(
    "name", ["", "../a", "a/b", ".a", "a.", "a b", "toy", "CON:", "large", "Tiny_2.1", "x" * 300]
)
def test_names_that_are_no_directories_are_refused(store: Store, name: str) -> None:
    with pytest.raises(WeightsError, match="name"):
        put(store, name)


def test_a_name_is_only_replaced_if_asked_to(store: Store) -> None:
    put(store, "a", b"old")
    with pytest.raises(WeightsError, match="installed already"):
        put(store, "a", b"new")
    assert store.path("a").read_bytes() == b"old"
    put(store, "a", b"new", replace=True)
    assert store.path("a").read_bytes() == b"new"


def test_a_failed_replacement_leaves_the_old_model(store: Store) -> None:
    put(store, "a", b"old")
    with pytest.raises(IsADirectoryError), store.installing("a", replace=True) as folder:
        folder.write_bytes(b"")
    assert store.path("a").read_bytes() == b"old"
    assert {entry.name for entry in store.models.iterdir()} == {"a", ".lock"}


def test_what_a_killed_process_left_is_cleared(store: Store) -> None:
    put(store, "a", b"old")
    (store.models / ".installing-1").mkdir()
    (store.models / ".replaced-1").mkdir()
    (store.models / "a").rename(store.models / ".replaced-1" / "a")
    put(store, "b")
    assert store.path("a").read_bytes() == b"old"
    assert {entry.name for entry in store.models.iterdir()} == {"a", "b", ".lock"}


def test_two_do_not_install_at_once(store: Store) -> None:
    with (
        pytest.raises(WeightsError, match="Another napari-tavis"),
        store.installing("a"),
        Store().installing("b"),
    ):
        pass


def test_damage_is_found(store: Store) -> None:
    card = put(store, "a")
    assert store.problem(card) == ""
    assert store.verify(card) == "its checksum has changed"
    store.path("a").write_bytes(b"wei")
    assert store.problem(card) == "its file has 3 instead of 7 bytes"
    store.path("a").unlink()
    assert store.problem(card) == "its file is missing"


def test_the_directory_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "napari_tavis.core.home.user_config_path", lambda *_, **__: tmp_path / "config"
    )
    monkeypatch.delenv(HOME_VARIABLE, raising=False)
    usual = home()
    set_home(tmp_path / "large disk")
    assert home() == tmp_path / "large disk"
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "named"))
    assert home() == tmp_path / "named"
    monkeypatch.delenv(HOME_VARIABLE)
    set_home(None)
    assert home() == usual


def test_a_model_that_is_not_there_is_told_with_those_that_are(store: Store) -> None:
    put(store, "mine")
    with pytest.raises(CheckpointError, match=r"choose a model that is there \(toy, mine\)"):
        load_model("yours")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["weights", *arguments])
    captured = capsys.readouterr()
    return int(end.value.code or 0), captured.out, captured.err


def test_the_command_line_imports_lists_and_removes(
    store: Store,
    official: dict[str, Tensor],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = save(official, tmp_path / "S4.pth")
    code, out, err = run(capsys, "import", str(file), "--name", "s4")
    assert (code, out) == (0, "s4\n")
    assert "ImageBind: CC BY-NC-SA 4.0. No commercial use" in err
    _, _, err = run(capsys, "import", str(file), "--name", "other")
    assert "CC BY-NC-SA" not in err  # shown before
    code, out, _ = run(capsys, "list", "--verify")
    assert code == 0
    card = store.card("s4")
    for text in ("s4  ", card.sha256, "S4.pth, SHA-256", card.licence, "tavis_ms3"):
        assert text in out
    assert run(capsys, "where", "s4")[1].strip() == str(store.path("s4"))
    store.path("other").write_bytes(b"")
    code, _, err = run(capsys, "list", "--verify")
    assert (code, "other is damaged" in err) == (2, True)
    assert run(capsys, "remove", "other")[0] == 0
    code, _, err = run(capsys, "remove", "other")
    assert (code, "No model 'other' is installed" in err) == (2, True)


def test_the_command_line_says_where_ms3_is(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, "download", "tavis_ms3")
    assert code == 2
    assert "pan.baidu.com" in err
    assert "weights import FILE --name tavis_ms3" in err


def test_a_large_source_is_read_without_copying_it(
    store: Store, official: dict[str, Tensor], tmp_path: Path
) -> None:
    from napari_tavis.model.tensor_files import read_pickled

    state = read_pickled(save(official, tmp_path / "S4.pth"))
    mapped = Path("/proc/self/maps")
    if mapped.is_file():
        assert str(tmp_path / "S4.pth") in mapped.read_text()
    old = tmp_path / "old.pth"
    torch.save(official, old, _use_new_zipfile_serialization=False)
    assert torch.equal(read_pickled(old)["down.weight"], state["down.weight"])
    assert import_files(store, [old], "old").runs


def test_licences_are_shown_before_a_file_of_the_authors_is_used(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video, file = tmp_path / "a.mp4", tmp_path / "S4.pth"
    for shown in (True, False):
        with pytest.raises(SystemExit):
            main(["annotate", str(video), "--model", str(file)])
        err = capsys.readouterr().err
        assert ("ImageBind: CC BY-NC-SA 4.0. No commercial use" in err) is shown
        assert "There is no model file" in err


def test_a_model_is_called_as_its_file_unless_named(
    store: Store,
    official: dict[str, Tensor],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = save(official, tmp_path / "S4.pth")
    assert run(capsys, "import", str(file))[1] == "S4\n"
    assert run(capsys, "import", str(file))[1] == "S4_2\n"


@pytest.mark.parametrize(
    ("files", "taken", "name"),
    [
        ([], (), ""),
        (["/data/S4.pth"], (), "S4"),
        (["/data/S4.pth"], ("s4", "S4_2"), "S4_3"),
        (["my model (best).pth"], (), "my_model_best"),
        (["sam2_hiera_large.pt", "imagebind_huge.pth"], (), "sam2_hiera_large+imagebind_huge"),
        (["sam2.1_hiera_tiny", "b.pth"], (), "sam2.1_hiera_tiny+b"),
        (["toy.safetensors"], (), "toy_2"),
        (["模型.pth"], (), "model"),
        (["x" * 300 + ".pth"], (), "x" * 60),
    ],
)
def test_a_name_is_made_of_the_files(
    files: list[str], taken: tuple[str, ...], name: str, store: Store
) -> None:
    assert suggest_name(files, taken) == name
    if name:
        store.check_name(name)
