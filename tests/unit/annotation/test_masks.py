from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from napari_tavis.annotation.masks import (
    MaskDamaged,
    PackedMasks,
    decode_mask,
    encode_mask,
    mask_overlap,
)


@pytest.mark.parametrize("size", [(1, 1), (3, 7), (8, 8), (17, 33), (120, 161)])
def test_a_mask_survives_exactly(size: tuple[int, int]) -> None:
    mask = np.random.default_rng(0).random(size) < 0.5
    decoded = decode_mask(encode_mask(mask), size)
    assert np.array_equal(decoded, mask)
    assert decoded.tobytes() == mask.tobytes()  # each byte is 0 or 1, as numpy has it


def test_the_same_mask_gives_the_same_bytes() -> None:
    mask = np.eye(20, dtype=bool)
    assert encode_mask(mask) == encode_mask(np.asfortranarray(mask))


def png(mode: str, size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        png("1", (4, 5)),
        png("L", (5, 4)),
        png("RGB", (5, 4)),
        png("1", (5, 4))[:-15],
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(MaskDamaged):
        decode_mask(data, (4, 5))


def test_overlap() -> None:
    whole, half, none = np.ones((2, 4), bool), np.zeros((2, 4), bool), np.zeros((2, 4), bool)
    half[:, :2] = True
    assert mask_overlap(whole, half) == 0.5
    assert mask_overlap(half, half) == 1.0
    assert mask_overlap(half, none) == 0.0
    assert mask_overlap(none, none) == 0.0


def test_packed_masks_are_used_as_a_dict() -> None:
    mask = np.eye(6, 9, dtype=bool)
    packed = PackedMasks((6, 9), {3: mask})
    packed[8] = np.zeros((6, 9), dtype=bool)
    assert sorted(packed) == [3, 8]
    assert np.array_equal(packed[3], mask)
    assert not packed[8].any()
    packed[3][:] = False  # a copy
    assert np.array_equal(packed[3], mask)
    del packed[3]
    assert 3 not in packed
    with pytest.raises(ValueError, match="6, 9"):
        packed[0] = np.zeros((9, 6), dtype=bool)
