from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from napari_tavis.core.errors import TrainingError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import ClipAnnotation, DatasetError, open_dataset, write_clip
from napari_tavis.lab.training.batches import make_targets
from napari_tavis.lab.training.losses import tavis_loss
from napari_tavis.lab.training.open_vocabulary import read_class_split
from napari_tavis.lab.training.samples import check_trees, collate, open_split
from napari_tavis.media import log_mel, window_starts
from napari_tavis.model import TAViS, TextFeatures
from napari_tavis.model.preprocess import stretch_frames


def _names(classes: torch.Tensor) -> set[str]:
    return {AVSBENCH_CLASSES[int(index)] for index in classes if index}


@pytest.mark.parametrize(
    ("subset", "split", "frames", "labelled"),
    [("s4", "train", 5, 1), ("s4", "val", 5, 5), ("ms3", "train", 5, 5), ("v2", "test", 10, 10)],
)
def test_a_sample_is_the_clip_as_the_network_sees_it(
    trees: Path, subset: str, split: str, frames: int, labelled: int
) -> None:
    dataset = open_split(trees, subset, split, 96)
    sample = dataset[0]
    clip = dataset.annotation(0)
    assert dataset.names == (sample.name,)
    assert dataset.frames == (frames,)
    assert sample.images.dtype == torch.uint8
    assert torch.equal(sample.images.float() / 255, stretch_frames(clip.frames, 96))
    starts = window_starts(frames, float(frames))
    assert torch.equal(sample.mel, torch.from_numpy(log_mel(clip.waveform, starts)))
    assert sample.labelled.tolist() == [True] * labelled + [False] * (frames - labelled)
    assert sample.masks.shape == (frames, len(sample.classes), 96, 96)
    assert sample.classified
    union = sample.masks.any(1)
    assert (union[sample.labelled] == sample.scene[sample.labelled]).float().mean() > 0.97
    assert not sample.scene[~sample.labelled].any()


def test_object_trees_take_their_classes_from_the_semantic_one(trees: Path, tmp_path: Path) -> None:
    for objects, semantic in (("s4", "v1s"), ("ms3", "v1m")):
        found = open_split(trees, objects, "train", 64)[0]
        truth = open_split(trees, semantic, "train", 64)[0]
        assert _names(found.classes) == _names(truth.classes) != set()
        agreement = (found.masks == truth.masks).float().mean()
        assert agreement > 0.98, "224 pixels and back"
    alone = shutil.copytree(trees / "Multi-sources", tmp_path / "Multi-sources")
    lonely = open_split(alone, "ms3", "train", 64)[0]
    assert not lonely.classified
    assert lonely.classes.shape == (0,)
    assert lonely.masks.shape == (5, 0, 64, 64)
    assert lonely.scene.any()
    found = open_split(alone, "ms3", "train", 64, semantic=trees)[0]
    assert found.classified


def test_a_name_that_begins_two_uids_means_the_one_with_its_whole_video(
    tmp_path: Path, make_annotation: Callable[..., ClipAnnotation]
) -> None:
    for name in ("toy", "toy-2"):
        write_clip(tmp_path, "v1s", "train", make_annotation(name, 11))
    write_clip(tmp_path / "apart", "s4", "train", make_annotation("toy", 11))
    sample = open_split(tmp_path / "apart", "s4", "train", 64, semantic=tmp_path)[0]
    assert sample.classified
    write_clip(tmp_path / "apart", "s4", "train", make_annotation("to", 11))
    with pytest.raises(DatasetError, match="'to' begins several"):
        open_split(tmp_path / "apart", "s4", "train", 64, semantic=tmp_path)


def test_a_category_that_is_a_class_names_the_scene(trees: Path, tmp_path: Path) -> None:
    alone = shutil.copytree(trees / "Single-source", tmp_path / "Single-source")
    dataset = open_split(alone, "s4", "train", 64)
    sample = dataset[0]
    assert _names(sample.classes) == {dataset.annotation(0).category}
    assert torch.equal(sample.masks[:, 0], sample.scene)


def test_frames_after_the_last_label_can_be_left_out(trees: Path) -> None:
    whole = open_split(trees, "s4", "train", 64)[0]
    dataset = open_split(trees, "s4", "train", 64, labelled_only=True)
    short = dataset[0]
    assert dataset.frames == (1,) == (len(short.images),)
    assert torch.equal(short.images, whole.images[:1])
    assert torch.equal(short.mel, whole.mel[:1])


@pytest.mark.parametrize("protocol", ["memory", "independent"])
def test_what_is_left_out_changes_no_loss(trees: Path, protocol: str) -> None:
    torch.manual_seed(0)
    model = TAViS.from_preset("toy", image_size=64)
    texts = TextFeatures(embedding=torch.randn(71, 128), trunk=torch.randn(71, 128))
    losses = []
    for labelled_only in (False, True):
        dataset = open_split(trees, "s4", "train", 64, labelled_only=labelled_only)
        batch = collate([dataset[0]])
        with torch.no_grad():
            output = model(batch.images, batch.mel, protocol)
            losses.append(tavis_loss(output, make_targets(batch, 16), texts))
    whole, short = losses
    for name, term in whole.items():
        assert float(short[name]) == pytest.approx(float(term), abs=1e-4), name


def test_clips_of_all_lengths_make_a_batch(trees: Path) -> None:
    train = open_split(trees, "avss", "train", 64)
    assert set(train.frames) == {5}
    assert len(train) == 2
    samples = [*(train[index] for index in range(2)), open_split(trees, "v2", "test", 64)[0]]
    batch = collate(samples)
    assert batch.images.shape == (3, 10, 3, 64, 64)
    assert batch.names == ("alone-0_0_5000", "many-0", "long-0_0_10000")
    assert batch.labelled is not None
    assert batch.labelled.sum(1).tolist() == [1, 5, 10]
    targets = make_targets(batch, 16)
    assert targets.frames.tolist() == [0, *range(10, 15), *range(20, 30)]
    assert targets.classified.all()
    for clip, sample in enumerate(samples):
        own = targets.frames // 10 == clip
        shown = targets.classes[own][targets.present[own]]
        assert _names(shown) <= _names(sample.classes)
        covered, truth = targets.scene[own].mean(), sample.scene[sample.labelled].float().mean()
        assert float(covered) == pytest.approx(float(truth), abs=1e-6)


def test_a_batch_is_loaded_in_another_process(trees: Path) -> None:
    dataset = pickle.loads(pickle.dumps(open_split(trees, "ms3", "train", 64)))
    assert torch.equal(dataset[-1].images, open_split(trees, "ms3", "train", 64)[0].images)
    with pytest.raises(IndexError):
        dataset[1]


@pytest.mark.parametrize("wording", ["seen", "novel", "annotations", "lines"])
def test_the_open_vocabulary_is_split_by_classes(trees: Path, tmp_path: Path, wording: str) -> None:
    (clip,) = open_dataset(trees, "v1m", "train").clips
    unseen = next(name for name in clip.sound_classes.split("_") if name in AVSBENCH_CLASSES)
    seen = [name for name in AVSBENCH_CLASSES[1:] if name != unseen]
    (alone,) = open_dataset(trees, "v1s", "train").clips
    expected = [clip.key.name]
    if unseen not in alone.sound_classes.split("_"):
        expected_seen = [alone.key.name]
    else:
        expected_seen, expected = [], [alone.key.name, *expected]
    file = tmp_path / ("classes.txt" if wording == "lines" else "classes.json")
    content: dict[str, Callable[[], str]] = {
        "seen": lambda: json.dumps({"seen": seen, "unseen": [unseen]}),
        "novel": lambda: json.dumps({"novel": [unseen]}),
        "annotations": lambda: json.dumps(
            {
                "categories": [
                    {"name": name, "frequency": "n" if name == unseen else "f"}
                    for name in AVSBENCH_CLASSES[1:]
                ]
            }
        ),
        "lines": lambda: "\n".join(seen),
    }
    file.write_text(content[wording]())
    assert read_class_split(file).unseen == (unseen,)
    new = open_split(trees, "ov-unseen", "train", 64, classes=file)
    assert list(new.names) == expected
    assert new.vocabulary == AVSBENCH_CLASSES
    if expected_seen:
        known = open_split(trees, "ov", "train", 64, classes=file)
        assert list(known.names) == expected_seen
        assert known.vocabulary == ("background", *seen)
        sample = known[0]
        truth = open_split(trees, "v1s", "train", 64)[0]
        found = {known.vocabulary[int(index)] for index in sample.classes}
        assert found == _names(truth.classes)
    assert len(open_split(trees, "ov-all", "train", 64, classes=file)) == 2


def test_wrong_class_lists_are_explained(trees: Path, tmp_path: Path) -> None:
    file = tmp_path / "classes.json"
    for text, message in (
        ('{"seen": ["dog", "unicorn"]}', "unicorn"),
        ('{"seen": ["dog"], "unseen": ["dog"]}', "both seen and unseen"),
        ('{"seen": "dog"}', "list of class names"),
        ("{}", "names no classes"),
        ("{", "cannot be read"),
        ('{"categories": [1]}', "a name and a frequency"),
    ):
        file.write_text(text)
        with pytest.raises(TrainingError, match=message):
            read_class_split(file)
    with pytest.raises(TrainingError, match="file of seen and unseen"):
        open_split(trees, "ov", "train", 64)


def test_everything_missing_or_broken_is_told_at_once(trees: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(trees, tmp_path / "data"))
    datasets = [open_split(root, "s4", "train", 64), open_split(root, "avss", "train", 64)]
    readers = [reader for dataset in datasets for reader in dataset.readers]
    assert check_trees(readers) == []
    frames = sorted((root / "Single-source").rglob("visual_frames/train/*/alone-0/*.png"))
    frames[0].unlink()
    frames[3].write_bytes(b"no picture")
    label = root / "v1s" / "alone-0_0_5000" / "labels_semantic" / "0.png"
    label.unlink()
    wave = root / "v1m" / "many-0" / "audio.wav"
    wave.write_bytes(wave.read_bytes()[:20])
    Image.new("RGB", (30, 30)).save(root / "v1m" / "many-0" / "frames" / "1.jpg")
    problems = check_trees(readers)
    for place in (frames[0], frames[3], label, wave):
        assert sum(str(place) in problem for problem in problems) == 1, place
    assert len(problems) == 4
    shutil.copy(trees / "v1m" / "many-0" / "audio.wav", wave)
    (odd,) = [problem for problem in check_trees(readers) if "many-0" in problem]
    assert "30 x 30" in odd


def test_checking_can_be_cancelled(trees: Path) -> None:
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        check_trees(open_split(trees, "avss", "train", 64).readers, task)


def test_a_split_without_clips_is_refused(trees: Path) -> None:
    with pytest.raises(TrainingError, match="no val clips in ms3"):
        open_split(trees, "ms3", "val", 64)
