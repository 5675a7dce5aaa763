from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.lab.toyworld import make_clip
from napari_tavis.lab.training.batches import make_targets
from napari_tavis.lab.training.toy_clips import (
    TRAINING_SEEDS,
    ToyClips,
    _reserve,
    render_toy_clips,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("clips")
    render_toy_clips(directory, 8, size=128, workers=1)
    return directory


def _open(store: Path) -> ToyClips:
    return render_toy_clips(store, 8, size=128)


def test_clips_are_rendered_once(store: Path) -> None:
    before = (store / "frames.npy").stat().st_mtime_ns
    assert len(_open(store)) == 8
    assert (store / "frames.npy").stat().st_mtime_ns == before


def test_stored_truth_is_that_of_the_clip(store: Path) -> None:
    clip = make_clip(TRAINING_SEEDS + 3, size=128)
    frames = np.load(store / "frames.npy", mmap_mode="r")[3]
    visible = np.load(store / "visible.npy", mmap_mode="r")[3]
    heard = np.load(store / "heard.npy", mmap_mode="r")[3]
    assert np.array_equal(frames, clip.frames)
    for item, name in enumerate(clip.class_names):
        index = AVSBENCH_CLASSES.index(name)
        assert np.array_equal(visible == index, clip.instances == item + 1)
        assert np.array_equal(heard[:, index], clip.sounding[:, item])


def test_batches_follow_from_their_seed_and_stay_in_range(store: Path) -> None:
    first, again = (next(_open(store).batches(3, 2, np.random.default_rng(7))) for _ in range(2))
    assert first.images.shape == (3, 2, 3, 128, 128)
    assert first.mel.shape == (3, 2, 1, 128, 204)
    assert float(first.images.min()) >= 0
    assert float(first.images.max()) <= 1
    for name in ("images", "mel", "visible", "objects", "heard"):
        assert getattr(first, name).equal(getattr(again, name)), name


def test_a_swapped_sound_changes_the_truth_with_it(store: Path) -> None:
    batches = _open(store).batches(8, 5, np.random.default_rng(1), swap=1.0)
    for _ in range(5):
        batch = next(batches)
        targets = make_targets(batch, 32)
        classes = targets.classes[targets.present]
        frames = targets.present.nonzero()[:, 0]
        assert batch.heard.flatten(0, 1)[frames, classes].all()


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="asks for free space instead")
def test_the_room_of_a_file_is_taken_before_it_is_mapped(tmp_path: Path) -> None:
    file = tmp_path / "frames.npy"
    file.touch()
    os.truncate(file, 1 << 20)
    assert file.stat().st_blocks * 512 < 1 << 20
    _reserve(file, 1 << 20)
    assert file.stat().st_blocks * 512 >= 1 << 20
