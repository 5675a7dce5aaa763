"""The order of the clips."""

from __future__ import annotations

import pytest

from napari_tavis.core.errors import TrainingError
from napari_tavis.lab.training.epochs import EpochBatches

FRAMES = [5] * 11 + [10] * 7


def test_an_epoch_has_each_clip_once_in_batches_of_one_length() -> None:
    batches = list(EpochBatches(FRAMES, 4, 1, seed=3))
    assert len(batches) == EpochBatches(FRAMES, 4, 1, seed=3).steps == 3
    clips = [clip for batch in batches for clip in batch]
    assert len(set(clips)) == 12
    assert all(len({FRAMES[clip] for clip in batch}) == 1 for batch in batches)


def test_the_order_follows_from_seed_and_epoch() -> None:
    batches, same = (EpochBatches(FRAMES, 2, 1, seed=3) for _ in range(2))
    first = list(batches)
    batches.go_to(1)
    assert list(batches) != first
    same.go_to(1)
    assert list(same) == list(batches)
    assert list(EpochBatches(FRAMES, 2, 1, seed=4)) != first


def test_a_run_goes_on_in_the_middle_of_an_epoch() -> None:
    batches = EpochBatches(FRAMES, 2, 2, seed=3)
    batches.go_to(2)
    whole = list(batches)
    batches.go_to(2, step=3)
    assert list(batches) == whole[6:]
    assert len(batches) == len(whole) - 6


def test_parts_make_up_the_same_batches() -> None:
    whole = list(EpochBatches(FRAMES, 4, 1, seed=3))
    parts = list(EpochBatches(FRAMES, 4, 2, seed=3))
    assert [first + second for first, second in zip(parts[::2], parts[1::2], strict=True)] == whole


def test_batches_that_cannot_be_are_refused() -> None:
    with pytest.raises(TrainingError, match="equal parts"):
        EpochBatches(FRAMES, 4, 3, seed=0)
    with pytest.raises(TrainingError, match="4 processes"):
        EpochBatches(FRAMES, 4, 2, seed=0, processes=4)
    with pytest.raises(TrainingError, match="too few"):
        EpochBatches(FRAMES, 12, 1, seed=0)
