"""Indexed PNG as YouTube-VOS has them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_tavis.core.vocabulary import palette
from napari_tavis.datasets.avsbench import ClipExistsError
from napari_tavis.datasets.indexed import index_map
from napari_tavis.datasets.youtube_vos import YouTubeVos
from napari_tavis.exchange.exporting import export
from napari_tavis.exchange.format import ExportRequest

from .conftest import SAMPLED, SIZE, MakeSession, square


@pytest.fixture
def request_vos(tmp_path: Path) -> ExportRequest:
    return ExportRequest(tmp_path / "vos", "youtube-vos", split="val")


def test_pixels_are_object_numbers_in_the_palette_of_davis(
    make_session: MakeSession, request_vos: ExportRequest
) -> None:
    session = make_session()
    session.set_mask(2, 29, np.zeros(SIZE, dtype=bool))
    assert export(session, request_vos).violations == ()
    folder = request_vos.root / "valid"
    videos = json.loads((folder / "meta.json").read_text())["videos"]
    objects = videos["Old-street"]["objects"]
    assert {number: one["category"] for number, one in objects.items()} == {
        "1": "dog",
        "2": "church bell",
    }
    names = [f"{frame:05d}" for frame in SAMPLED]
    assert objects["1"]["frames"] == names
    assert objects["2"]["frames"] == [name for name in names if name != "00029"]
    for frame, name in zip(SAMPLED, names, strict=True):
        with Image.open(folder / "Annotations" / "Old-street" / f"{name}.png") as image:
            assert image.mode == "P"
            colors = np.array(image.getpalette()).reshape(-1, 3)
            pixels = np.asarray(image)
        np.testing.assert_array_equal(colors[:3], palette()[:3])
        np.testing.assert_array_equal(pixels == 1, square(frame, 2))
        np.testing.assert_array_equal(pixels == 2, square(frame, 16) & (frame != 29))
        assert (folder / "JPEGImages" / "Old-street" / f"{name}.jpg").is_file()


def test_small_objects_lie_over_large_ones() -> None:
    large, small = np.ones((4, 4), dtype=bool), np.eye(4, dtype=bool)
    for order in ([(1, large), (2, small)], [(2, small), (1, large)]):
        np.testing.assert_array_equal(index_map(order, (4, 4)) == 2, small)


def test_exporting_again_moves_the_video_to_its_new_split(
    make_session: MakeSession, request_vos: ExportRequest
) -> None:
    session = make_session()
    export(session, replace(request_vos, name="other"))
    export(session, request_vos)
    with pytest.raises(ClipExistsError):
        export(session, replace(request_vos, split="train"))
    export(session, replace(request_vos, split="train", overwrite=True))
    root = request_vos.root
    assert not (root / "valid" / "Annotations" / "Old-street").exists()
    assert list(json.loads((root / "valid" / "meta.json").read_text())["videos"]) == ["other"]
    assert list(YouTubeVos().check(root, "train", "Old-street")) == []
    assert list(YouTubeVos().check(root, "train", "other")) == []


def test_the_check_finds_what_is_wrong(
    make_session: MakeSession, request_vos: ExportRequest
) -> None:
    export(make_session(), request_vos)
    folder = request_vos.root / "valid"
    Image.fromarray(np.full(SIZE, 7, np.uint8)).convert("P").save(
        folder / "Annotations" / "Old-street" / "00009.png"
    )
    (folder / "JPEGImages" / "Old-street" / "00019.jpg").unlink()
    said = " ".join(str(one) for one in YouTubeVos().check(request_vos.root, "val", "Old-street"))
    assert "00009.png: shows the object 7" in said
    assert "00019" in said
