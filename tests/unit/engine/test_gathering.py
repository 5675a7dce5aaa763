"""Detections of all frames, collected into proposals."""

from __future__ import annotations

import numpy as np
import pytest

from napari_tavis.annotation.linking import Detection
from napari_tavis.annotation.masks import cut_logits, encode_logits, encode_mask
from napari_tavis.engine.detection import MOST_BACKGROUND, FrameDetections, ProposalCollector

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
        background = [seen(frame, "background", n, n / 60) for n in lefts]
        found.add_frame(FrameDetections([], None, background))
    result = found.proposals()
    assert [item.kind for item in result] == ["background"] * MOST_BACKGROUND
    assert min(item.score for item in result) > 10 / 60


def test_nothing_found_is_nothing_proposed() -> None:
    found = ProposalCollector(SIZE)
    found.add_frame(FrameDetections([], None, []))
    assert found.proposals() == []
