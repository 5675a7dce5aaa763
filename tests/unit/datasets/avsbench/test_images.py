from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_tavis.core.errors import DatasetError
from napari_tavis.core.vocabulary import palette
from napari_tavis.datasets.avsbench import images


def test_object_frame_is_stretched_to_224(tmp_path: Path) -> None:
    frame = np.zeros((40, 90, 3), dtype=np.uint8)
    frame[:, 45:] = (200, 100, 50)
    images.write_object_frame(tmp_path / "a.png", frame)
    image = Image.open(tmp_path / "a.png")
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (224, 224))
    assert image.getpixel((200, 100)) == (200, 100, 50)
    assert image.getpixel((20, 100)) == (0, 0, 0)


def test_object_mask_is_grey_with_0_and_255(tmp_path: Path) -> None:
    mask = np.zeros((40, 91), dtype=bool)
    mask[10:20, 30:60] = True
    images.write_object_mask(tmp_path / "a.png", mask)
    image = Image.open(tmp_path / "a.png")
    assert (image.format, image.mode, image.size) == ("PNG", "L", (224, 224))
    values = np.asarray(image)
    assert set(np.unique(values)) == {0, 255}
    assert (values > 0).mean() == pytest.approx(mask.mean(), abs=0.01)


def test_semantic_label_keeps_size_colours_and_indices(tmp_path: Path) -> None:
    class_map = np.arange(71, dtype=np.uint8)[None].repeat(3, axis=0)
    rgb_path, index_path = tmp_path / "rgb.png", tmp_path / "index.png"
    images.write_semantic_labels(rgb_path, index_path, class_map)
    rgb, index = Image.open(rgb_path), Image.open(index_path)
    assert (rgb.mode, rgb.size) == ("RGB", (71, 3))
    assert (index.mode, index.size) == ("L", (71, 3))
    assert np.array_equal(np.asarray(rgb), palette()[class_map])
    assert np.array_equal(np.asarray(index), class_map)
    assert np.array_equal(images.read_semantic_label(rgb_path), class_map)
    assert np.array_equal(images.read_semantic_label(index_path), class_map)


def test_first_palette_colours_are_those_of_the_dataset() -> None:
    expected = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128)]
    assert [tuple(color) for color in palette()[:6].tolist()] == expected


def test_background_pixel_is_kept_without_losing_a_class() -> None:
    full = np.full((4, 4), 3, dtype=np.uint8)
    full[3, 3] = 7
    kept = images.keep_background_pixel(full)
    assert set(np.unique(kept)) == {0, 3, 7}
    assert np.count_nonzero(kept != full) == 1
    assert full.all()
    assert images.keep_background_pixel(kept) is kept


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_masks_are_read_in_any_encoding(tmp_path: Path, mode: str) -> None:
    mask = np.zeros((5, 6), dtype=bool)
    mask[1:3, 2:5] = True
    Image.fromarray(mask.astype(np.uint8) * 255).convert(mode).save(tmp_path / "a.png")
    assert np.array_equal(images.read_object_mask(tmp_path / "a.png"), mask)


def test_unknown_colour_is_refused_not_taken_for_background(tmp_path: Path) -> None:
    Image.fromarray(np.full((2, 3, 3), 77, dtype=np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(DatasetError, match=r"a\.png holds the colour \(77, 77, 77\) at row 0"):
        images.read_semantic_label(tmp_path / "a.png")


def test_index_beyond_the_classes_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((2, 3), 71, dtype=np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(DatasetError, match=r"a\.png holds class index 71"):
        images.read_semantic_label(tmp_path / "a.png")


@pytest.mark.parametrize("content", [None, b"", b"not a picture", "cut"])
def test_damaged_pictures_are_named(tmp_path: Path, content: bytes | str | None) -> None:
    path = tmp_path / "a.png"
    if content == "cut":
        Image.effect_noise((200, 200), 50).save(path)
        content = path.read_bytes()[:2000]
    if isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"a\.png"):
        images.read_frame(path)
