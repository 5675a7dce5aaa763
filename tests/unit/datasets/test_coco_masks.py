"""COCO's masks are decoded as its own library does, and nothing else gets through."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as rle

from napari_tavis.datasets.avsbench import DatasetError
from napari_tavis.datasets.coco_masks import decode_segmentation, encode_rle

SIZE = (48, 64)
PIXELS = SIZE[0] * SIZE[1]


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.98, 1.0])
@pytest.mark.parametrize("size", [(1, 1), (1, 37), (53, 1), (48, 64), (211, 307)])
def test_run_lengths_come_back(size: tuple[int, int], share: float) -> None:
    mask = np.random.default_rng(3).random(size) < share
    compressed = encode_rle(mask)
    np.testing.assert_array_equal(decode_segmentation(compressed, size, 1), mask)
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(np.diff(flat, prepend=False))
    runs = np.diff(np.concatenate(([0], changes, [flat.size]))).tolist()
    as_list = {"size": list(size), "counts": runs}
    np.testing.assert_array_equal(decode_segmentation(as_list, size, 1), mask)


def test_long_runs_of_a_large_picture_come_back() -> None:
    size = (4320, 7680)
    mask = np.zeros(size, dtype=bool)
    mask[1000:3000, 2000:5000] = True
    np.testing.assert_array_equal(decode_segmentation(encode_rle(mask), size, 1), mask)


def test_polygons_are_filled_as_by_the_library() -> None:
    polygons = [[10.5, 4, 26, 4, 26, 20.25, 10, 20], [40, 30, 60, 30, 50, 45.5]]
    parts = rle.frPyObjects(polygons, *SIZE)
    expected = rle.decode(rle.merge(parts)).astype(bool)
    np.testing.assert_array_equal(decode_segmentation(polygons, SIZE, 1), expected)


def test_polygons_of_another_size_are_scaled() -> None:
    polygons = [[20, 8, 52, 8, 52, 40, 20, 40]]
    twice = (2 * SIZE[0], 2 * SIZE[1])
    expected = np.zeros(SIZE, dtype=bool)
    expected[4:20, 10:26] = True
    found = decode_segmentation(polygons, SIZE, 1, drawn_on=twice)
    np.testing.assert_array_equal(found, expected)
    rounded = decode_segmentation(polygons, SIZE, 1, drawn_on=(97, 129))
    assert (rounded ^ expected).sum() <= 32
    with pytest.raises(DatasetError, match="64 x 224 pixels, whose proportions"):
        decode_segmentation(polygons, SIZE, 1, drawn_on=(224, 64))


def test_a_polygon_may_reach_a_little_out_of_the_picture() -> None:
    found = decode_segmentation([[-5, -5, 20, -5, 20, 20, -5, 20]], SIZE, 1)
    expected = np.zeros(SIZE, dtype=bool)
    expected[:20, :20] = True
    np.testing.assert_array_equal(found, expected)


def runs(counts: object, size: object = None) -> dict[str, object]:
    return {"size": list(SIZE) if size is None else size, "counts": counts}


@pytest.mark.parametrize(
    "segmentation",
    [
        None,
        "x",
        7,
        [],
        {},
        [[]],
        [[[4, 4], [12, 4], [12, 12]]],
        [[4, 4, 12, 12]],
        [[4, 4, 12, 4, 12, 12, 4]],
        [1, 1, 9, 1, 9, 9],
        [[0, 0, 1e9, 0, 1e9, 1e9]],
        [[0, 0, -1e9, 0, 9, 9]],
        [[1, 1, float("nan"), 5, 9, 9]],
        [[1, 1, float("inf"), 5, 9, 9]],
        [[1, 1, 1e308, 5, 9, 9]],
        [[1, 1, 10**400, 5, 9, 9]],
        [["1", 1, 9, 1, 9, 9]],
        [[True, 1, 9, 1, 9, False]],
        [{"a": 1}],
        [[0, 0, 60, 40] * 50_000],
        runs([5]),
        runs([-5, PIXELS + 5]),
        runs([0.5, PIXELS - 0.5]),
        runs([True, PIXELS - 1]),
        runs([1e300]),
        runs([float("nan")]),
        runs([float("inf")]),
        runs([10**400]),
        runs([[PIXELS]]),
        runs([0] * 3 * PIXELS + [PIXELS]),
        runs([]),
        runs(""),
        runs("P"),
        runs("zzzz"),
        runs("é"),
        runs("0" * 1_000_000),
        runs("oooooooooooooooo0"),
        runs(None),
        runs(PIXELS),
        runs([PIXELS], [SIZE[1], SIZE[0]]),
        runs([10**18], [10**9, 10**9]),
        runs([PIXELS], ["48", "64"]),
        runs([PIXELS], [*SIZE, 1]),
        runs([PIXELS], PIXELS),
        {"counts": [PIXELS]},
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_what_is_no_mask_is_refused_in_a_sentence(segmentation: Any) -> None:
    with pytest.raises(DatasetError, match=r"^The mask of annotation 7 cannot be read \(.*\): "):
        decode_segmentation(segmentation, SIZE, 7)


def test_damaged_run_lengths_are_an_error_and_no_crash() -> None:
    mask = np.zeros(SIZE, dtype=bool)
    mask[10:22, 3:19] = True
    good = encode_rle(mask)["counts"]
    random = np.random.default_rng(1)
    refused = 0
    for _ in range(300):
        letters = list(good)
        for place in random.integers(0, len(letters), 3):
            letters[place] = chr(int(random.integers(48, 112)))
        damaged = {"size": list(SIZE), "counts": "".join(letters)}
        try:
            assert decode_segmentation(damaged, SIZE, 1).shape == SIZE
        except DatasetError:
            refused += 1
    assert refused > 0
