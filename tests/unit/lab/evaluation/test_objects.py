from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_tavis.datasets.avsbench import ClipAnnotation
from napari_tavis.datasets.avsbench.metrics import iou_of_masks
from napari_tavis.lab.evaluation.objects import pairwise_iou, sounding_objects, true_masks

from .conftest import predicted


def test_pairwise_iou_agrees_with_the_one_of_each_pair() -> None:
    random = np.random.default_rng(0)
    first, second = random.random((3, 20, 30)) > 0.6, random.random((4, 20, 30)) > 0.3
    first[0] = second[0] = False
    found = pairwise_iou(first, second)
    assert found[0, 0] == 0
    for a in range(1, 3):
        for b in range(4):
            assert found[a, b] == pytest.approx(float(iou_of_masks(second[b], first[a])))


def test_each_object_gets_a_query_of_its_own(clips: list[ClipAnnotation]) -> None:
    found = predicted(clips[0])
    objects = sounding_objects(clips[0], found)
    assert len(objects) == 10, "two objects in each of five frames"
    assert all(item.found and item.iou == pytest.approx(1) for item in objects)
    assert len({(item.frame, item.query) for item in objects}) == 10
    found.mask_logits[:, 1] = found.mask_logits[:, 0]
    objects = sounding_objects(clips[0], found)
    assert len({(item.frame, item.query) for item in objects}) == 10
    assert sum(item.found for item in objects) == 5


def test_only_labelled_frames_and_objects_large_enough_count(clips: list[ClipAnnotation]) -> None:
    labelled = np.arange(5) == 1
    assert clips[0].class_map is not None
    small = np.zeros_like(clips[0].class_map)
    small[:, 0, :20] = 3
    small[1, 1, :21] = 4
    clip = replace(clips[0], class_map=small, labelled=labelled)
    ((frame, classes, masks),) = list(true_masks(clip))
    assert frame == 1
    assert classes.tolist() == [4]
    assert masks.sum() == 21
