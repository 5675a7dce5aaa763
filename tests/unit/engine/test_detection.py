from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from napari_tavis.annotation.linking import Detection
from napari_tavis.annotation.masks import (
    cut_logits,
    decode_logits,
    decode_mask,
    encode_logits,
    encode_mask,
    mask_overlap,
)
from napari_tavis.engine.detection import (
    MOST_BACKGROUND,
    MOST_SIDE,
    FrameDetections,
    ProposalCollector,
    detect,
    keep_logits,
)
from napari_tavis.model import Segmentation

SIDE = 32
VIDEO = (90, 161)


def segmentation(frames: int = 1) -> Segmentation:
    """No mask anywhere, as the model would give it."""
    return Segmentation(
        mask_logits=torch.full((frames, 6, SIDE, SIDE), -5.0),
        audio_embedding=torch.zeros(frames, 5, 8),
        object_pointer=torch.randn(frames, 6, 16, generator=torch.Generator().manual_seed(0)),
        iou=torch.full((frames, 6), 0.5),
        object_score=torch.zeros(frames, 6),
    )


def probabilities(*classes: int, frames: int = 1) -> torch.Tensor:
    """Each query sure, at 0.8, of a class of background, dog and bell."""
    table = torch.full((frames, 5, 3), 0.1)
    for query, index in enumerate(classes):
        table[:, query, index] = 0.8
    return table


def test_background_and_empty_masks_hold_no_object() -> None:
    found = segmentation()
    found.mask_logits[0, :4, 8:16, 8:16] = 5.0
    (frame,) = detect(found, probabilities(0, 1, 0, 2, 1), [28], VIDEO, ("dog", "bell"))
    assert [(item.class_name, item.frame_index) for item in frame.objects] == [
        ("dog", 28),
        ("bell", 28),
    ]
    assert np.array_equal(frame.objects[1].pointer, found.object_pointer[0, 3].numpy())
    assert frame.scene is None


def test_background_queries_are_kept_apart_unless_they_repeat_an_object() -> None:
    found = segmentation()
    found.mask_logits[0, 0, 8:16, 8:16] = 5.0
    found.mask_logits[0, 1, 20:28, 8:16] = 5.0
    found.mask_logits[0, 2, 8:16, 8:17] = 5.0
    (frame,) = detect(found, probabilities(1, 0, 0, 0, 0), [28], VIDEO, ("dog", "bell"))
    assert [item.class_name for item in frame.objects] == ["dog"]
    (kept,) = frame.background
    assert kept.class_name == "background"
    assert np.array_equal(kept.mask, (found.mask_logits[0, 1] > 0).numpy())
    assert kept.score == pytest.approx(0.2 * 0.5)  # how likely it is no background, after all


def test_masks_are_what_is_cut_out_of_the_kept_logits() -> None:
    found = segmentation()
    generator = torch.Generator().manual_seed(1)
    found.mask_logits[0] = torch.randn(6, SIDE, SIDE, generator=generator) * 3
    (frame,) = detect(found, probabilities(1, 2, 0, 0, 0), [28], VIDEO, ("dog", "bell"))
    assert frame.scene is not None
    for item in (*frame.objects, *frame.background, frame.scene):
        assert np.array_equal(cut_logits(item.logits, VIDEO, 0.5), decode_mask(item.png, VIDEO))


def test_specks_are_no_objects() -> None:
    found = segmentation()
    found.mask_logits[0, 0, 3, 3] = 5.0  # 1 of 1024 pixels is under a thousandth
    found.mask_logits[0, 1, 3, 3:5] = 5.0
    (frame,) = detect(found, probabilities(1, 1, 0, 0, 0), [0], VIDEO, ("dog", "bell"))
    assert [int(item.mask.sum()) for item in frame.objects] == [2]


def test_a_score_is_probability_times_quality() -> None:
    found = segmentation()
    found.mask_logits[:] = 5.0
    found.iou[0] = torch.tensor([0.5, 0.25, 1.0, 1.7, -1.0, 0.9])
    table = probabilities(1, 2, 1, 2, 1)
    (frame,) = detect(found, table, [0], VIDEO, ("dog", "bell"))
    assert [item.score for item in frame.objects] == pytest.approx([0.4, 0.2, 0.8, 0.8, 0.0])
    assert frame.scene is not None
    assert frame.scene.score == pytest.approx(0.9 * 0.9)  # 1 - 0.1 is not background


def test_masks_have_the_videos_size_and_smooth_edges() -> None:
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    found = segmentation()
    found.mask_logits[0, 5] = 8.0 - ((rows - 15.5) ** 2 + (columns - 15.5) ** 2).sqrt()
    (frame,) = detect(found, probabilities(0, 0, 0, 0, 0), [7], (320, 640), ("dog", "bell"))
    assert frame.scene is not None
    mask = decode_mask(frame.scene.png, (320, 640))
    y, x = np.ogrid[:320, :640]
    distance = np.hypot((y + 0.5) / 10 - 16, (x + 0.5) / 20 - 16)
    ellipse = distance <= 8
    wrong = np.count_nonzero(mask ^ ellipse) / np.count_nonzero(ellipse)
    assert wrong < 0.02
    blocky = np.kron((found.mask_logits[0, 5] > 0).numpy(), np.ones((10, 20), dtype=bool))
    assert wrong < np.count_nonzero(blocky ^ ellipse) / np.count_nonzero(ellipse) / 3


def test_making_a_mask_smaller_keeps_its_place() -> None:
    logits = torch.full((64, 64), -3.0)
    logits[16:48, 32:] = 3.0
    mask = cut_logits(encode_logits(logits.numpy()), (16, 8))
    expected = np.zeros((16, 8), dtype=bool)
    expected[4:12, 4:] = True
    assert np.array_equal(mask, expected)


def blob(side: int) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    distance = ((rows - side * 0.4) ** 2 + (columns - side * 0.6) ** 2).sqrt()
    return (side * 0.2 - distance) * 40 / side


def test_what_is_small_is_kept_as_it_is() -> None:
    assert keep_logits(blob(224)) == encode_logits(blob(224).numpy())


def test_of_what_was_enlarged_the_decoder_s_grid_is_kept() -> None:
    grid = blob(256)
    noise = torch.randn(256, 256, generator=torch.Generator().manual_seed(0))
    grid = grid + 0.3 * noise
    enlarged = F.interpolate(grid[None, None], (1024, 1024), mode="bilinear")[0, 0]
    kept = keep_logits(enlarged)
    assert decode_logits(kept).shape == (MOST_SIDE, MOST_SIDE)
    assert len(kept) < len(encode_logits(enlarged.numpy())) / 4
    mask = cut_logits(kept, (1080, 1920))
    whole = cut_logits(encode_logits(enlarged.numpy()), (1080, 1920))
    assert mask_overlap(mask, whole) > 0.98
    assert np.count_nonzero(mask ^ whole) < 0.002 * mask.size


SIZE = (40, 60)


def seen(frame: int, class_name: str, left: int, score: float) -> Detection:
    logits = np.full(SIZE, -4, np.float32)
    logits[10:30, left : left + 8] = 4
    data = encode_logits(logits)
    pointer = np.eye(60, dtype=np.float32)[left]
    mask = cut_logits(data, SIZE)
    return Detection(frame, class_name, score, logits > 0, pointer, encode_mask(mask), data)


def test_objects_then_background_then_the_scene_each_best_first() -> None:
    found = ProposalCollector(SIZE)
    for frame in (3, 7):
        objects = [seen(frame, "dog", 0, 0.4), seen(frame, "bell", 20, 0.9)]
        background = [seen(frame, "background", 30, 0.1), seen(frame, "background", 40, 0.2)]
        found.add_frame(FrameDetections(objects, seen(frame, "scene", 10, 0.5), background))
    result = found.proposals()
    assert [(item.kind, item.class_name) for item in result] == [
        ("object", "bell"),
        ("object", "dog"),
        ("background", "background"),
        ("background", "background"),
        ("scene", "scene"),
    ]
    assert [item.score for item in result] == pytest.approx([0.9, 0.4, 0.2, 0.1, 0.5])
    for item in result:
        assert sorted(item.masks) == sorted(item.logits) == [3, 7]
        assert all(np.array_equal(cut_logits(item.logits[f], SIZE), item.masks[f]) for f in (3, 7))


def test_background_is_never_linked_to_an_object() -> None:
    found = ProposalCollector(SIZE)
    found.add_frame(FrameDetections([seen(0, "dog", 20, 0.9)], None, []))
    found.add_frame(FrameDetections([], None, [seen(1, "background", 20, 0.1)]))
    found.add_frame(FrameDetections([seen(2, "dog", 20, 0.9)], None, []))
    result = found.proposals()
    assert [(item.kind, sorted(item.masks)) for item in result] == [
        ("object", [0, 2]),
        ("background", [1]),
    ]


def test_only_the_best_of_the_background_are_kept() -> None:
    found = ProposalCollector(SIZE)
    for frame in range(3):
        lefts = range(2 * frame, 52, 8)
        found.add_frame(
            FrameDetections([], None, [seen(frame, "background", n, n / 60) for n in lefts])
        )
    result = found.proposals()
    assert [item.kind for item in result] == ["background"] * MOST_BACKGROUND
    assert min(item.score for item in result) > 10 / 60


def test_nothing_found_is_nothing_proposed() -> None:
    found = ProposalCollector(SIZE)
    found.add_frame(FrameDetections([], None, []))
    assert found.proposals() == []
