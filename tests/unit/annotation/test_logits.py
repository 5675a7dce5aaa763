"""Logits that are kept, and masks cut out of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from napari_tavis.annotation.masks import MaskDamaged, cut_logits, decode_logits, encode_logits


@pytest.fixture
def logits() -> np.ndarray:
    """A disc whose edge is blurred, ``[56, 72]``, from about -9 to 9."""
    rows, columns = np.mgrid[:56, :72]
    distance = np.hypot(rows - 25, columns - 40)
    noise = np.random.default_rng(0).normal(0, 0.3, distance.shape)
    return ((16 - distance) / 1.8 + noise).astype(np.float32)


def test_decoding_is_close_and_keeps_every_sign(logits: np.ndarray) -> None:
    given = decode_logits(encode_logits(logits))
    assert given.dtype == np.float32
    assert given.shape == logits.shape
    assert np.abs(given - np.clip(logits, -8, 8)).max() <= 1 / 32 + 1e-6
    assert np.array_equal(given > 0, logits > 0)


def test_signs_are_kept_however_small_or_large() -> None:
    values = np.array([[-1e30, -1e-30, -0.0, 0.0, 1e-30, 1e30, -np.inf, np.inf, -0.0625]])
    given = decode_logits(encode_logits(values.astype(np.float32)))
    assert np.array_equal(given > 0, values > 0)
    assert np.all(np.isfinite(given))


def test_the_same_logits_give_the_same_bytes(logits: np.ndarray) -> None:
    assert encode_logits(logits) == encode_logits(logits.copy())
    assert encode_logits(decode_logits(encode_logits(logits))) == encode_logits(logits)


def test_at_its_own_size_half_gives_the_model_s_mask(logits: np.ndarray) -> None:
    assert np.array_equal(cut_logits(encode_logits(logits), (56, 72), 0.5), logits > 0)


def test_a_lower_threshold_gives_a_larger_mask(logits: np.ndarray) -> None:
    data = encode_logits(logits)
    masks = [cut_logits(data, (270, 480), share) for share in (0, 0.1, 0.3, 0.5, 0.9, 1)]
    assert all(mask.shape == (270, 480) and mask.dtype == bool for mask in masks)
    for larger, smaller in itertools.pairwise(masks):
        assert np.all(larger >= smaller)
        assert larger.sum() > smaller.sum()
    assert masks[0].all()
    assert not masks[-1].any()


def test_thresholds_are_probabilities() -> None:
    for probability in (0.2, 0.5, 0.8):
        odds = np.log(probability / (1 - probability))
        data = encode_logits(np.array([[odds - 0.1, odds + 0.1]], dtype=np.float32))
        assert cut_logits(data, (1, 2), probability).tolist() == [[False, True]]
    with pytest.raises(ValueError, match="between 0 and 1"):
        cut_logits(data, (1, 2), 1.5)


@pytest.mark.parametrize("keep", [0, 30, -20])
def test_damaged_bytes_are_told(logits: np.ndarray, keep: int) -> None:
    with pytest.raises(MaskDamaged):
        decode_logits(encode_logits(logits)[:keep])
