from __future__ import annotations

import argparse
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_tavis.core.errors import ChecksumError, DownloadError, WeightsError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.model import CheckpointError, TAViS, load_model
from napari_tavis.model.checkpoint import read_metadata
from napari_tavis.model.weight_names import official_name
from napari_tavis.weights.installing import download_model, import_files
from napari_tavis.weights.sources import SOURCES, Source
from napari_tavis.weights.store import Store

from .conftest import Site, save

State = dict[str, Tensor]


def assert_nothing_installed(store: Store) -> None:
    assert store.cards() == []
    left = [entry.name for entry in store.models.iterdir()] if store.models.is_dir() else []
    assert set(left) <= {".lock"}


def test_a_checkpoint_of_the_authors_is_installed_and_runs(
    store: Store, official_file: Path, toy_model: TAViS
) -> None:
    file = official_file
    card = import_files(store, [file], "s4", dtype="float32")
    assert store.cards() == [card]
    written = store.path("s4").read_bytes()
    assert (card.bytes, card.sha256) == (len(written), hashlib.sha256(written).hexdigest())
    assert card.sources == (f"S4.pth, SHA-256 {hashlib.sha256(file.read_bytes()).hexdigest()}",)
    assert card.licence == "TAViS MIT; ImageBind CC BY-NC-SA 4.0; SAM 2 Apache 2.0"
    assert (card.kind, card.preset, card.image_size) == ("tavis", "toy", 224)
    assert store.verify(card) == ""
    assert len(written) < file.stat().st_size - 4 * 5000  # what is never used is left out

    frames = np.random.default_rng(0).integers(0, 255, (2, 60, 80, 3), dtype=np.uint8)
    mel = np.random.default_rng(1).standard_normal((2, 1, 128, 204), dtype=np.float32)
    expected = toy_model.segment(frames, mel).mask_logits
    torch.testing.assert_close(load_model("s4").segment(frames, mel).mask_logits, expected)


@pytest.mark.parametrize(("dtype", "share"), [("float16", 0.5), ("bfloat16", 0.5), ("float32", 1)])
def test_matrices_have_the_format_asked_for(
    store: Store, official: State, tmp_path: Path, dtype: str, share: float
) -> None:
    file = save({"model": official, "epoch": 3}, tmp_path / "S4.pth")
    card = import_files(store, [file], "s4", dtype=dtype)
    full = sum(4 * value.numel() for value in load_model("s4").state_dict().values())
    assert card.bytes == pytest.approx(share * full, rel=0.05)


def test_the_default_format_keeps_the_masks(
    store: Store, official_file: Path, toy_model: TAViS
) -> None:
    import_files(store, [official_file], "s4")
    frames = np.random.default_rng(0).integers(0, 255, (2, 60, 80, 3), dtype=np.uint8)
    mel = np.random.default_rng(1).standard_normal((2, 1, 128, 204), dtype=np.float32)
    before = toy_model.segment(frames, mel).mask_logits
    after = load_model("s4").segment(frames, mel).mask_logits
    assert ((before > 0) != (after > 0)).float().mean() < 1e-3


def test_sam2_and_imagebind_make_a_model_to_train(
    store: Store, sam2: State, imagebind: State, official: State, tmp_path: Path
) -> None:
    files = [
        save({"model": sam2}, tmp_path / "sam2_hiera_toy.pt"),
        save(imagebind, tmp_path / "imagebind_toy.pth"),
    ]
    card = import_files(store, files, "start", dtype="float32")
    assert (card.kind, card.preset) == ("start", "toy")
    assert "to be trained" in card.note
    assert card.licence == "ImageBind CC BY-NC-SA 4.0; SAM 2 Apache 2.0"
    model = load_model("start")
    assert torch.equal(model.sam2.no_mem_embed, official["no_mem_embed"])
    weight = "imagebind.modality_trunks.audio.blocks.0.mlp.fc1.weight"
    assert torch.equal(model.state_dict()[weight], official[weight])
    import_files(store, files[::-1], "again", dtype="float32")
    for name, value in load_model("again").state_dict().items():
        assert torch.equal(value, model.state_dict()[name])  # new layers are drawn the same way


def test_parts_can_be_installed_one_by_one_and_joined(
    store: Store, sam2: State, imagebind: State, tmp_path: Path
) -> None:
    first = import_files(store, [save(sam2, tmp_path / "sam2.pt")], "sam2_toy")
    second = import_files(store, [save(imagebind, tmp_path / "ib.pth")], "imagebind_toy")
    assert [first.kind, second.kind] == ["sam2", "imagebind"]
    assert not first.runs
    with pytest.raises(CheckpointError, match="holds the weights of sam2 alone"):
        load_model("sam2_toy")
    card = import_files(store, ["sam2_toy", "imagebind_toy"], "start")
    assert card.runs
    assert load_model("start").config.preset == "toy"
    assert [source.split(",")[0] for source in card.sources] == ["sam2_toy", "imagebind_toy"]


def test_a_trained_model_of_this_package_can_be_installed(
    store: Store, toy_model: TAViS, tmp_path: Path
) -> None:
    from napari_tavis.model import save_checkpoint

    file = save_checkpoint(toy_model, tmp_path / "mine.safetensors")
    assert import_files(store, [file], "mine").kind == "tavis"
    assert load_model("mine").image_size == toy_model.image_size


def test_the_image_size_is_kept(store: Store, official_file: Path) -> None:
    import_files(store, [official_file], "s4", image_size=128)
    assert load_model("s4").image_size == 128
    assert read_metadata(store.path("s4"))["image_size"] == "128"


def test_what_is_missing_is_named(store: Store, official: State, tmp_path: Path) -> None:
    del official["mlp_audio.weight"]
    file = save(official, tmp_path / "S4.pth")
    with pytest.raises(CheckpointError, match=r"S4\.pth: .*missing: mlp_audio\.weight"):
        import_files(store, [file], "s4")
    assert_nothing_installed(store)


def test_a_partial_part_is_named(
    store: Store, sam2: State, imagebind: State, tmp_path: Path
) -> None:
    del sam2["obj_ptr_proj.layers.0.weight"]
    with pytest.raises(CheckpointError, match=r"missing: obj_ptr_proj\.layers\.0\.weight"):
        import_files(store, [save(sam2, tmp_path / "sam2.pt")], "part")
    imagebind = {n: v for n, v in imagebind.items() if "trunks.text.blocks.1." not in n}
    with pytest.raises(CheckpointError, match=r"ImageBind .*missing: .*text\.blocks\.1\."):
        import_files(store, [save(imagebind, tmp_path / "ib.pth")], "part")
    assert_nothing_installed(store)


def test_files_of_the_wrong_kind_are_refused(
    store: Store, sam2: State, official: State, tmp_path: Path
) -> None:
    other = save({"layer.weight": torch.zeros(2)}, tmp_path / "other.pth")
    page = tmp_path / "page.pth"
    page.write_text("<!DOCTYPE html><title>Sign in</title>")
    code = save({"args": argparse.Namespace(lr=1), "model": official}, tmp_path / "code.pth")
    cut = save(official, tmp_path / "cut.pth")
    cut.write_bytes(cut.read_bytes()[:-100_000])
    twice = save(sam2, tmp_path / "sam2.pt")
    for files, message in [
        (
            [other],
            r"neither TAViS nor .* nor ImageBind \(its first names: layer\.weight\)",
        ),
        ([page], "it is a web page, so the download has failed"),
        ([code], r"it needs the Python code argparse\.Namespace, and code .* is never run"),
        ([cut], "it is damaged or incomplete"),
        ([twice, twice], "do not make a model together"),
        ([tmp_path / "none.pth"], "neither a file nor an installed model"),
    ]:
        with pytest.raises((CheckpointError, WeightsError), match=message):
            import_files(store, files, "model")
    assert_nothing_installed(store)


def test_values_that_are_no_numbers_are_refused(
    store: Store, official: State, tmp_path: Path
) -> None:
    official["query_fea_W.weight"] = official["query_fea_W.weight"] * 1e6
    file = save(official, tmp_path / "S4.pth")
    with pytest.raises(CheckpointError, match=r"would not be finite .* as float16"):
        import_files(store, [file], "s4")
    assert import_files(store, [file], "s4", dtype="bfloat16").dtype == "bfloat16"
    official["query_fea_W.weight"] = official["query_fea_W.weight"] * float("nan")
    with pytest.raises(CheckpointError, match=r"broken values in query_fea_W\.weight"):
        import_files(store, [save(official, tmp_path / "nan.pth")], "nan")


def test_a_cancelled_import_leaves_nothing(store: Store, official_file: Path) -> None:
    def stop(_done: int, _total: int, what: str) -> None:
        if what.startswith("checking model"):
            task.cancel()

    task = Task(stop)

    with pytest.raises(Cancelled):
        import_files(store, [official_file], "s4", task=task)
    assert_nothing_installed(store)


@pytest.fixture
def source(site: Site, official_file: Path) -> Source:
    site.files["/S4.pth"] = official_file.read_bytes()
    return Source("tavis_s4", "TAViS in small", "tavis", f"{site.url}/S4.pth", "a page")


def test_a_download_is_installed_and_its_checksum_recorded(
    store: Store, site: Site, source: Source
) -> None:
    card = download_model(store, source, pauses=())
    sha256 = hashlib.sha256(site.files["/S4.pth"]).hexdigest()
    assert card.sources == (f"{source.url}, SHA-256 {sha256}",)
    assert load_model("tavis_s4").config.preset == "toy"
    assert [e.name for e in store.downloads.iterdir() if not e.name.startswith(".")] == []

    site.files["/S4.pth"] = b"PK something else"
    store.remove("tavis_s4")
    with pytest.raises(ChecksumError, match=f"instead of {sha256}.*--accept-changed"):
        download_model(store, source, pauses=())
    assert_nothing_installed(store)


def test_a_changed_file_can_be_accepted(store: Store, site: Site, source: Source) -> None:
    known = replace(source, sha256="0" * 64)
    with pytest.raises(ChecksumError, match="instead of 0000"):
        download_model(store, known, pauses=())
    assert download_model(store, known, pauses=(), accept_changed=True).runs


def test_a_useless_file_is_not_kept(store: Store, site: Site, source: Source) -> None:
    good, site.files["/S4.pth"] = site.files["/S4.pth"], os.urandom(5000)
    with pytest.raises(CheckpointError, match="damaged or incomplete"):
        download_model(store, source, pauses=())
    assert_nothing_installed(store)
    site.files["/S4.pth"] = good
    assert download_model(store, source, pauses=()).runs


def test_a_failed_download_says_how_a_person_gets_the_file(store: Store, source: Source) -> None:
    gone = replace(source, url=f"{source.url}.gone")
    with pytest.raises(DownloadError, match=r"404 .* get the file in a browser from a page"):
        download_model(store, gone, pauses=())


def test_ms3_is_got_by_hand(store: Store) -> None:
    with pytest.raises(DownloadError, match=r"pan\.baidu\.com/s/1pBNo0RSaO0ufu86fA9w1UQ .*dm2u"):
        download_model(store, SOURCES["tavis_ms3"])


@pytest.mark.parametrize("step", ["checking S4.pth", "reading S4.pth", "converting s4"])
def test_every_step_of_an_import_heeds_a_cancel(
    store: Store, official_file: Path, step: str
) -> None:
    after: list[str] = []

    def stop(_done: int, _total: int, what: str) -> None:
        if task.cancelled:
            after.append(what)
        if what.startswith(step):
            task.cancel()

    task = Task(stop)

    with pytest.raises(Cancelled):
        import_files(store, [official_file], "s4", task=task)
    assert after == []
    assert_nothing_installed(store)


def segmenter(preset: str) -> State:
    """The weights of a segmenter alone, as its authors would save them."""
    torch.manual_seed(4)
    model = TAViS.from_preset(preset)
    own = f"{model.config.segmenter.family}."
    state = model.state_dict().items()
    return {official_name(name): value for name, value in state if name.startswith(own)}


@pytest.mark.parametrize(
    ("preset", "licence"), [("toy_2.1", "SAM 2 Apache 2.0"), ("toy_sam", "SAM Apache 2.0")]
)
def test_every_segmenter_and_imagebind_make_a_model_to_train(
    store: Store, imagebind: State, tmp_path: Path, preset: str, licence: str
) -> None:
    state = segmenter(preset)
    file = save(state, tmp_path / "segmenter.pth")
    files = [file, save(imagebind, tmp_path / "imagebind.pth")]
    card = import_files(store, files, "start", dtype="float32")
    assert (card.kind, card.preset) == ("start", preset)
    assert card.licence == f"ImageBind CC BY-NC-SA 4.0; {licence}"
    model = load_model("start")
    loaded = {official_name(name): value for name, value in model.state_dict().items()}
    for name, value in state.items():
        assert torch.equal(loaded[name], value), name
    part = import_files(store, [file], "part")
    assert part.kind == model.config.segmenter.family
    with pytest.raises(CheckpointError, match="alone"):
        load_model("part")
    joined = import_files(store, ["part", files[1]], "joined")
    assert (joined.preset, joined.licence) == (preset, card.licence)


@pytest.mark.parametrize("preset", ["toy_2.1", "toy_sam"])
def test_a_partial_segmenter_is_named_by_what_is_missing(
    store: Store, tmp_path: Path, preset: str
) -> None:
    state = segmenter(preset)
    missing = {"toy_2.1": "obj_ptr_tpos_proj.weight", "toy_sam": "mask_decoder.iou_token.weight"}
    del state[missing[preset]]
    file = save(state, tmp_path / "part.pth")
    with pytest.raises(CheckpointError, match=rf"all of SAM.*missing: {missing[preset]}"):
        import_files(store, [file], "part")
    assert store.cards() == []
