"""M_J and M_F against slow literal statements of AVSBench's scripts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from napari_tavis.datasets.avsbench.metrics import (
    MF,
    MJ,
    f_curve,
    iou_of_masks,
    mask_iou,
    max_f_measure,
    mean_jaccard,
    thresholds,
)


def sigmoid(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-values.astype(np.float64)))


def literal_iou(logits: np.ndarray, truth: np.ndarray) -> float:
    predicted = sigmoid(logits) > 0.5
    if truth.any():
        inter, union = (predicted & truth).sum(), (predicted | truth).sum()
    else:
        inter, union = (~predicted & ~truth).sum(), truth.size
    return float(inter / (union + 1e-7))


def literal_curve(scores: np.ndarray, truth: np.ndarray) -> list[float]:
    curve = []
    for threshold in thresholds():
        selected = scores >= threshold
        hits = float((selected & truth).sum())
        precision = hits / (float(selected.sum()) + 1e-20)
        recall = hits / (float(truth.sum()) + 1e-20)
        denominator = 0.3 * precision + recall
        curve.append(1.3 * precision * recall / denominator if denominator else 0.0)
    return curve


def literal_batches(clips: list, batch_size: int) -> list[list]:
    return [clips[start : start + batch_size] for start in range(0, len(clips), batch_size)]


@pytest.fixture
def clips() -> list[tuple[np.ndarray, np.ndarray]]:
    """Seven clips with empty truths, empty and full predictions, ties and NaN among them."""
    random = np.random.default_rng(5)
    made = []
    for _ in range(7):
        logits = random.normal(0, 3, (5, 12, 9)).astype(np.float32)
        made.append((logits, random.random((5, 12, 9)) > 0.7))
    made[0][1][2] = False
    made[1][1][:] = False
    made[2][0][0] = -50
    made[3][0][1] = 50
    made[4][0][2, :4] = np.nan
    made[5][0][3] = random.choice(thresholds(), (12, 9))
    made[6][0][:] = 0
    return made


def test_thresholds_are_linspace_in_single_precision() -> None:
    values = thresholds()
    assert values.dtype == np.float32
    assert values.shape == (255,)
    np.testing.assert_allclose(values, np.linspace(0, 1 - 1e-10, 255), atol=1e-7)
    assert values[0] == 0
    assert values[-1] == 1


def test_thresholds_tie_as_torch_does() -> None:
    torch = pytest.importorskip("torch")
    assert np.array_equal(thresholds(), torch.linspace(0, 1 - 1e-10, 255).numpy())


def test_iou_agrees_with_the_literal_one(clips: list) -> None:
    for logits, truth in clips:
        expected = [literal_iou(*frame) for frame in zip(logits, truth, strict=True)]
        np.testing.assert_allclose(mask_iou(logits, truth), expected, rtol=1e-12)


def test_iou_takes_the_ties_and_nan_as_background() -> None:
    logits = np.array([[0.0, np.nan, 1.0, -1.0]])
    assert mask_iou(logits, np.ones((1, 4), dtype=bool)) == pytest.approx(0.25)


def test_iou_of_empty_truth_counts_true_negatives() -> None:
    empty = np.zeros((4, 5))
    half = np.zeros((4, 5), dtype=bool)
    half[:2] = True
    assert iou_of_masks(empty, empty) == pytest.approx(1)
    assert iou_of_masks(half, empty) == pytest.approx(0.5)
    assert iou_of_masks(empty, half) == 0


def test_iou_reads_any_encoding_of_truth() -> None:
    truth = np.array([[0, 255], [1, 0]], dtype=np.uint8)
    assert iou_of_masks(truth > 0, truth) == pytest.approx(1)


@pytest.mark.parametrize("batch_size", [1, 2, 4, 100])
def test_mean_jaccard_is_the_mean_over_batches_of_the_mean_over_frames(
    clips: list, batch_size: int
) -> None:
    batches = literal_batches(clips, batch_size)
    expected = np.mean(
        [
            np.mean([literal_iou(*frame) for clip in batch for frame in zip(*clip, strict=True)])
            for batch in batches
        ]
    )
    measured = mean_jaccard(*zip(*clips, strict=True), batch_size=batch_size)
    assert measured == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("scores", ["sigmoid", "logits"])
def test_curve_agrees_with_255_comparisons(clips: list, scores: str) -> None:
    for logits, truth in clips:
        values = sigmoid(logits).astype(np.float32) if scores == "sigmoid" else logits
        for frame, value, frame_truth in zip(logits, values, truth, strict=True):
            expected = literal_curve(value, frame_truth)
            measured = f_curve(frame, frame_truth, scores)  # type: ignore[arg-type]
            if scores == "logits":
                np.testing.assert_allclose(measured, expected, rtol=1e-12)
            else:  # the two sigmoids may round to neighbouring floats
                np.testing.assert_allclose(measured, expected, atol=0.02)
                assert np.mean(np.abs(measured - expected) > 1e-12) < 0.02


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_f_measure_averages_the_curve_before_it_takes_the_maximum(
    clips: list, batch_size: int
) -> None:
    maxima = []
    for batch in literal_batches(clips, batch_size):
        curves = [
            literal_curve(logits, truth)
            for clip in batch
            for logits, truth in zip(*clip, strict=True)
            if truth.any()
        ]
        maxima.append(np.max(np.mean(curves, axis=0)) if curves else 0.0)
    measured = max_f_measure(*zip(*clips, strict=True), scores="logits", batch_size=batch_size)
    assert measured == pytest.approx(np.mean(maxima), rel=1e-12)


def test_f_measure_depends_on_the_batch_size() -> None:
    truth = np.zeros((2, 1, 4, 4), dtype=bool)
    truth[:, :, :2] = True
    logits = np.where(truth, 0.5, 0.2).astype(np.float32)
    logits[1] += 0.4  # best threshold of the second clip is another one
    single = max_f_measure(logits, truth, "logits", batch_size=1)
    together = max_f_measure(logits, truth, "logits", batch_size=2)
    assert single == pytest.approx(1)
    assert together < single


def test_clip_without_sounding_objects_counts_as_zero_unless_skipped() -> None:
    truth = np.zeros((2, 1, 3, 3), dtype=bool)
    truth[0, :, 1] = True
    logits = np.where(truth, 5.0, -5.0)
    assert max_f_measure(logits, truth) == pytest.approx(0.5)
    assert max_f_measure(logits, truth, skip_empty=True) == pytest.approx(1)


def test_metrics_of_nothing_are_nan() -> None:
    assert math.isnan(MJ().value)
    assert math.isnan(MF().value)
    assert math.isnan(max_f_measure([np.ones((1, 2, 2))], [np.zeros((1, 2, 2))], skip_empty=True))


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        mask_iou(np.zeros((2, 2)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="batch_size"):
        MJ(0)
    with pytest.raises(ValueError, match="'sigmoid' or 'logits'"):
        f_curve(np.zeros((2, 2)), np.ones((2, 2)), "softmax")  # type: ignore[arg-type]


def test_each_clip_tells_its_own_score(clips: list) -> None:
    whole, alone = MJ(), []
    curves, maxima = MF(), []
    for logits, truth in clips:
        alone.append(whole.add(logits, truth))
        maxima.append(curves.add(logits, truth))
    assert whole.value == pytest.approx(np.mean(alone))
    assert curves.value == pytest.approx(np.mean(np.nan_to_num(maxima)))
    assert math.isnan(maxima[1])  # nothing sounds in it


def test_curve_takes_any_score() -> None:
    odd = np.array([[np.inf, -np.inf, np.nan, 1e30, -1e30, 1.0, -0.0, 1e-30]], np.float32)
    truth = np.array([[1, 0, 0, 1, 0, 1, 1, 0]], bool)
    np.testing.assert_allclose(f_curve(odd, truth, "logits"), literal_curve(odd, truth))
