"""Weights of SAM 2.1 and SAM, imported to train from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from segment_anything import sam_model_registry
from torch import Tensor

from napari_tavis.model import CheckpointError, TAViS, load_model
from napari_tavis.model.config import preset_config
from napari_tavis.model.conversion import recognise_kind, recognise_size
from napari_tavis.model.weight_names import describe_official_mismatch, official_name
from napari_tavis.weights.installing import import_files
from napari_tavis.weights.store import Store

from .conftest import save

State = dict[str, Tensor]


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


@pytest.mark.parametrize("size", ["b", "l", "h"])
def test_sam_of_every_size_is_recognised(size: str) -> None:
    with torch.device("meta"):
        state = sam_model_registry[f"vit_{size}"]().state_dict()
    assert recognise_kind(state) == "sam"
    config = recognise_size(Path("sam.pth"), state)
    assert config == preset_config(f"sam_{size}")
    whole = TAViS.without_weights(config).state_dict()
    ours = {official_name(name): value for name, value in whole.items() if name.startswith("sam.")}
    assert describe_official_mismatch(ours, state) == ""
