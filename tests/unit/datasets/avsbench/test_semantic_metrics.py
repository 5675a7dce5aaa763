"""AVSS scores against a slow literal statement of the authors' script."""

from __future__ import annotations

import numpy as np
import pytest

from napari_tavis.datasets.avsbench.metrics import SemanticMetric


def literal(predicted: np.ndarray, truth: np.ndarray, count: int) -> dict[str, np.ndarray]:
    iou, f, frames = np.zeros(count), np.zeros(count), np.zeros(count)
    for frame, frame_truth in zip(predicted, truth, strict=True):
        for index in range(count):
            chosen, wanted = frame == index, frame_truth == index
            inter, union = (chosen & wanted).sum(), (chosen | wanted).sum()
            if union == 0:
                continue
            frames[index] += 1
            iou[index] += inter / union
            if inter:
                precision, recall = inter / chosen.sum(), inter / wanted.sum()
                f[index] += 1.3 * precision * recall / (0.3 * precision + recall)
    safe = np.maximum(frames, 1)
    return {"iou": iou / safe, "f": f / safe, "frames": frames}


def test_scores_agree_with_the_literal_ones() -> None:
    random = np.random.default_rng(0)
    truth = random.choice([0, 0, 0, 15, 64, 70], (10, 8, 9))
    predicted = np.where(random.random(truth.shape) < 0.6, truth, random.choice([0, 15, 3, 70]))
    predicted[4] = 0
    truth[5] = 0
    metric = SemanticMetric()
    metric.add(predicted[:3], truth[:3])
    metric.add(predicted[3:], truth[3:])
    scores, expected = metric.scores(), literal(predicted, truth, 71)
    np.testing.assert_allclose(scores.class_iou, expected["iou"], rtol=1e-12)
    np.testing.assert_allclose(scores.class_f_score, expected["f"], rtol=1e-12)
    assert np.array_equal(scores.class_frames, expected["frames"])
    assert scores.miou == pytest.approx(expected["iou"].mean())
    assert scores.f_score == pytest.approx(expected["f"].mean())


def test_without_background_the_first_class_is_left_out_not_the_last() -> None:
    truth = np.zeros((1, 4, 4), dtype=np.uint8)
    truth[0, 0] = 70
    metric = SemanticMetric()
    metric.add(truth, truth)
    scores = metric.scores()
    assert scores.miou == pytest.approx(2 / 71)
    assert scores.miou_no_background == pytest.approx(1 / 70)
    assert scores.f_score_no_background == pytest.approx(1 / 70)


def test_class_that_is_only_predicted_counts_as_a_miss() -> None:
    truth = np.zeros((2, 2, 2), dtype=np.int64)
    predicted = truth.copy()
    predicted[0, 0, 0] = 3
    metric = SemanticMetric(5)
    metric.add(predicted, truth)
    scores = metric.scores()
    assert scores.class_frames.tolist() == [2, 0, 0, 1, 0]
    assert scores.class_iou[0] == pytest.approx((0.75 + 1) / 2)
    assert scores.class_iou[3] == 0


def test_scores_are_turned_into_classes_by_argmax() -> None:
    truth = np.array([[[0, 2], [1, 1]]])
    metric = SemanticMetric(3)
    metric.add_scores(np.eye(3)[truth].transpose(0, 3, 1, 2), truth)
    assert metric.scores().miou == pytest.approx(1)


def test_wrong_arguments_are_refused() -> None:
    metric = SemanticMetric()
    with pytest.raises(ValueError, match="0 to 70"):
        metric.add(np.full((1, 2, 2), 71), np.zeros((1, 2, 2)))
    with pytest.raises(ValueError, match="one shape"):
        metric.add(np.zeros((1, 2, 2)), np.zeros((1, 2, 3)))
