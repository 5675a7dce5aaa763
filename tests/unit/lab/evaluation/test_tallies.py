from __future__ import annotations

import math
from dataclasses import replace

import pytest

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import ClipAnnotation
from napari_tavis.lab.evaluation.tallies import ClassTally, ReliabilityTallies, SceneTally

from .conftest import predicted

BELL, TRAIN = AVSBENCH_CLASSES.index("bell"), AVSBENCH_CLASSES.index("train")


def test_a_right_prediction_has_full_scores(clips: list[ClipAnnotation]) -> None:
    scene, classes = SceneTally(), ClassTally({"seen": ("bell", "train"), "unseen": ("cat",)})
    for clip in clips:
        scene.add(clip, predicted(clip))
        classes.add(clip, predicted(clip))
    summary = scene.summary() | classes.summary()
    for name in ("M_J", "M_F", "M_F_logits", "M_J_batch4", "M_F_batch4", "mIoU_occurring"):
        assert summary[name] == pytest.approx(1)
    assert summary["mIoU"] == pytest.approx(5 / 71)
    assert summary["mIoU_no_background"] == pytest.approx(4 / 70)
    assert summary["mIoU_seen"] == pytest.approx(1)
    assert math.isnan(summary["mIoU_unseen"]), "it does not occur"
    assert summary["objects"] == 18
    assert summary["found"] == 1
    assert [summary[f"accuracy_{sides}"] for sides in ("a2t", "i2t", "sum")] == [1, 1, 1]
    assert [clip.empty for clip in scene.clips] == [0, 2, 0]
    assert scene.clips[0].classes == ("bell", "train")


def test_a_wrong_class_costs_its_class_alone(clips: list[ClipAnnotation]) -> None:
    scene, classes = SceneTally(), ClassTally({})
    found = predicted(clips[0], swapped=(TRAIN, BELL))
    scene.add(clips[0], found)
    classes.add(clips[0], found)
    by_name = {item.name: item for item in classes.classes(scene)}
    assert set(by_name) == {"bell", "train"}
    assert by_name["train"].iou == 0
    assert 0 < by_name["bell"].iou < 1
    assert by_name["train"].accuracy == {"a2t": 0, "i2t": 0, "sum": 0}
    assert by_name["bell"].accuracy["a2t"] == 1
    assert by_name["train"].found == 1
    assert by_name["train"].m_j == pytest.approx(1), "the scene mask tells no classes"
    assert by_name["train"].frames == 5


def test_labels_without_classes_leave_the_scene_alone(clips: list[ClipAnnotation]) -> None:
    scene, classes = SceneTally(), ClassTally({})
    clip = replace(clips[0], class_map=None, scene_mask=clips[0].masks)
    scene.add(clip, predicted(clips[0]))
    classes.add(clip, predicted(clips[0]))
    assert scene.summary()["M_J"] == pytest.approx(1)
    assert classes.summary() == {}
    assert classes.classes(scene) == []
    assert classes.embeddings() is None


def test_embeddings_are_unit_vectors_and_few_of_a_class(clips: list[ClipAnnotation]) -> None:
    classes = ClassTally({})
    for _ in range(12):
        classes.add(clips[0], predicted(clips[0]))
    found = classes.embeddings()
    assert found is not None
    assert found.image is not None
    assert found.classes == ("bell",) * 50 + ("train",) * 50
    assert (found.audio**2).sum(1) == pytest.approx(1)


def test_reliability_tells_promise_from_truth(clips: list[ClipAnnotation]) -> None:
    tallies = ReliabilityTallies()
    for clip in clips:
        tallies.add(clip, predicted(clip))
    pixels, quality, objects = tallies.curves()
    assert pixels.error < 0.001
    assert sum(pixels.count) == 3 * 5 * 96 * 96
    assert quality.count[8] == 13, "of 15 frames two hold nothing"
    assert quality.error == pytest.approx(0.2), "0.8 was promised, and the masks are perfect"
    assert objects.confidence[7] == pytest.approx(0.9 * 0.8)
    assert objects.outcome[7] == 1
    assert objects.outcome[0] is None
