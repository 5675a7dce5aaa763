"""The names and shapes of the authors' own segmenters, as their packages build them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from sam2.build_sam import build_sam2
from segment_anything import sam_model_registry

from napari_tavis.model import CheckpointError, TAViS
from napari_tavis.model.checkpoint import read_metadata
from napari_tavis.model.config import preset_config
from napari_tavis.model.conversion import convert, recognise_kind, recognise_size
from napari_tavis.model.weight_names import describe_official_mismatch, official_name

SIZES = {"tiny": "t", "small": "s", "base_plus": "b+"}


def sam2_of(version: str, size: str) -> dict[str, torch.Tensor]:
    folder = "sam2" if version == "2" else "sam2.1"
    config = f"configs/{folder}/{folder}_hiera_{SIZES[size]}.yaml"
    return dict(build_sam2(config, ckpt_path=None, device="cpu").state_dict())


@pytest.mark.parametrize("size", ["small", "base_plus"])
def test_sam2_of_every_size_is_recognised(size: str) -> None:
    state = sam2_of("2", size)
    assert recognise_kind(state) == "sam2"
    assert recognise_size(Path("sam2.pt"), state) == preset_config(size)


@pytest.mark.parametrize(("version", "preset"), [("2", "tiny"), ("2.1", "tiny_2.1")])
def test_a_file_of_sam2_is_converted(tmp_path: Path, version: str, preset: str) -> None:
    file, target = tmp_path / "sam2.pt", tmp_path / "part.safetensors"
    torch.save({"model": sam2_of(version, "tiny")}, file)
    found = convert([file], target)
    assert (found.kind, found.preset) == ("sam2", preset)
    with pytest.raises(CheckpointError, match="the weights of sam2 alone"):
        read_metadata(target)


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
