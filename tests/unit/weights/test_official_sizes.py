"""The names and shapes of SAM 2's own checkpoints, as the ``sam2`` package builds them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sam2.build_sam import build_sam2

from napari_tavis.model import CheckpointError
from napari_tavis.model.checkpoint import read_metadata
from napari_tavis.model.conversion import convert
from napari_tavis.weights.sources import SOURCES

from .conftest import save

SIZES = {"tiny": "t", "small": "s", "base_plus": "b+"}


@pytest.mark.parametrize(
    ("version", "size"), [("2", "tiny"), ("2", "small"), ("2", "base_plus"), ("2.1", "tiny")]
)
def test_sam2_of_every_size_is_recognised(tmp_path: Path, version: str, size: str) -> None:
    folder = "sam2" if version == "2" else "sam2.1"
    config = f"configs/{folder}/{folder}_hiera_{SIZES[size]}.yaml"
    built = build_sam2(config, ckpt_path=None, device="cpu").state_dict()
    file = save({"model": built}, tmp_path / "sam2.pt")
    target = tmp_path / "part.safetensors"
    found = convert([file], target)
    revised = "_2.1" if version == "2.1" else ""
    assert (found.kind, found.preset) == ("sam2", f"{size}{revised}")
    with pytest.raises(CheckpointError, match="the weights of sam2 alone"):
        read_metadata(target)


def test_every_official_address_is_that_of_the_authors() -> None:
    sam2 = "https://dl.fbaipublicfiles.com/segment_anything_2"
    assert SOURCES["sam2_hiera_large"].url == f"{sam2}/072824/sam2_hiera_large.pt"
    assert SOURCES["sam2.1_hiera_base_plus"].url == f"{sam2}/092824/sam2.1_hiera_base_plus.pt"
    imagebind = SOURCES["imagebind_huge"]
    assert imagebind.url == "https://dl.fbaipublicfiles.com/imagebind/imagebind_huge.pth"
    assert SOURCES["tavis_s4"].url.endswith("id=1gTdAMvqHT6uK6EOI8NSAucSa1m8bVw3t")
    assert SOURCES["tavis_v2"].url.endswith("id=1seSe2_2nz-_lcdleexAdRAoWuR8jIj45")
    assert not SOURCES["tavis_ms3"].url
    sam = SOURCES["sam_vit_h"]
    assert sam.url == "https://dl.fbaipublicfiles.com/segment_anything/sam_vit_h_4b8939.pth"
    assert len(SOURCES) == 15
