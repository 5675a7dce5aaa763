from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import torch
from torch.utils.data import ConcatDataset, Subset

from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.datasets.avsbench import DatasetError
from napari_tavis.lab.training.frozen_features import FrozenFeatureStore, weights_key
from napari_tavis.lab.training.samples import ClipDataset, collate, open_split
from napari_tavis.model import TAViS


@pytest.fixture(scope="module")
def model() -> TAViS:
    torch.manual_seed(0)
    return TAViS.from_preset("toy", image_size=64)


@pytest.fixture
def cache(model: TAViS, tmp_path: Path) -> FrozenFeatureStore:
    return FrozenFeatureStore(tmp_path, model)


def _dataset(trees: Path, cache: FrozenFeatureStore, size: int = 64) -> ClipDataset:
    return open_split(trees, "avss", "train", size, features=cache)


def test_kept_features_give_what_computing_gives(
    model: TAViS, cache: FrozenFeatureStore, trees: Path
) -> None:
    dataset = _dataset(trees, cache)
    assert dataset[0].features is None
    assert cache.fill(model, dataset, batch_size=2) == 2
    assert cache.fill(model, dataset) == 0
    batch = collate([dataset[0], dataset[1]])
    assert batch.features is not None
    assert len(batch.features.seen) == 10
    with torch.no_grad():
        kept = model(batch.images, batch.mel, "independent", batch.features)
        computed = model(batch.images, batch.mel, "independent")
    assert torch.allclose(kept.mask_logits, computed.mask_logits, atol=1e-4)
    assert torch.allclose(kept.audio_embedding, computed.audio_embedding, atol=1e-4)


def test_kept_features_are_what_the_network_uses(
    model: TAViS, cache: FrozenFeatureStore, trees: Path
) -> None:
    dataset = _dataset(trees, cache)
    cache.fill(model, dataset)
    first, second = dataset[0], dataset[1]
    calls: list[object] = []
    hook = model.imagebind.modality_trunks["audio"].register_forward_hook(
        lambda *call: calls.append(call)
    )
    batch = collate([first, second])
    with torch.no_grad():
        model(batch.images, batch.mel, "independent", batch.features)
        assert not calls
        model(batch.images, batch.mel, "independent")
    hook.remove()
    assert len(calls) == 1


def test_other_weights_and_other_inputs_find_nothing(
    model: TAViS, cache: FrozenFeatureStore, trees: Path, tmp_path: Path
) -> None:
    cache.fill(model, _dataset(trees, cache))
    torch.manual_seed(1)
    other = TAViS.from_preset("toy", image_size=64)
    assert weights_key(other) != weights_key(model)
    assert len(FrozenFeatureStore(tmp_path, other)) == 0
    assert len(FrozenFeatureStore(tmp_path, model)) == 2
    assert _dataset(trees, cache, 96)[0].features is None
    sample = _dataset(trees, cache)[0]
    changed = sample.images.clone()
    changed[0, 0, 0, 0] ^= 1
    assert cache.get(changed, sample.mel) is None
    assert cache.get(sample.images, sample.mel + 1) is None


def test_what_training_changes_does_not_change_the_key(model: TAViS) -> None:
    before = weights_key(model)
    with torch.no_grad():
        model.prompting.query_projection.weight.add_(1)
    assert weights_key(model) == before


def test_a_full_cache_keeps_what_it_has(model: TAViS, tmp_path: Path, trees: Path) -> None:
    cache = FrozenFeatureStore(tmp_path, model, limit_bytes=1)
    dataset = _dataset(trees, cache)
    assert cache.fill(model, dataset, batch_size=1) == 1
    assert cache.fill(model, dataset, batch_size=1) == 0
    batch = collate([dataset[0], dataset[1]])
    assert batch.features is None, "one of the two has to be computed"
    cache.clear()
    assert len(cache) == cache.nbytes == 0
    assert dataset[0].features is None


def test_unchanged_files_are_not_read_again(
    model: TAViS, cache: FrozenFeatureStore, trees: Path, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(trees, tmp_path / "data"))
    dataset = _dataset(root, cache)
    halves = ConcatDataset([Subset(dataset, [1]), Subset(dataset, [0])])
    assert cache.fill(model, halves) == 2
    wave = root / "v1m" / "many-0" / "audio.wav"
    sound, state = wave.read_bytes(), wave.stat()
    wave.write_bytes(b"0" * len(sound))
    os.utime(wave, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert cache.fill(model, halves) == 0, "the files look as they did"
    os.utime(wave)
    with pytest.raises(DatasetError):
        cache.fill(model, halves)
    wave.write_bytes(sound)
    assert cache.fill(model, halves) == 0, "read, and its features found"
    cache.clear()
    assert cache.fill(model, halves) == 2


def test_features_of_other_weights_make_way(model: TAViS, tmp_path: Path, trees: Path) -> None:
    torch.manual_seed(2)
    other = TAViS.from_preset("toy", image_size=64)
    old = FrozenFeatureStore(tmp_path, other)
    old.fill(other, _dataset(trees, old))
    assert len(old) == 2
    new = FrozenFeatureStore(tmp_path, model, limit_bytes=old.nbytes + 1)
    assert new.fill(model, _dataset(trees, new), batch_size=1) == 2
    assert (len(old), len(new)) == (0, 2)


def test_a_damaged_file_is_computed_again(
    model: TAViS, cache: FrozenFeatureStore, trees: Path, tmp_path: Path
) -> None:
    dataset = _dataset(trees, cache)
    cache.fill(model, dataset)
    good = dataset[0].features
    for file in tmp_path.rglob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:100])
    assert dataset[0].features is None
    assert cache.fill(model, dataset) == 2
    again = dataset[0].features
    assert good is not None
    assert again is not None
    assert torch.equal(again.sound.tokens, good.sound.tokens)
    assert not [*tmp_path.rglob("*.partial"), *tmp_path.rglob("*.tmp")]


def test_filling_can_be_cancelled_and_goes_on(
    model: TAViS, cache: FrozenFeatureStore, trees: Path
) -> None:
    dataset = _dataset(trees, cache)
    task = Task(lambda _done, _total, _what: task.cancel())
    with pytest.raises(Cancelled):
        cache.fill(model, dataset, batch_size=1, task=task)
    assert len(cache) == 1
    assert cache.fill(model, dataset, batch_size=1) == 1
