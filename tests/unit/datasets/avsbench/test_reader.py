from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_tavis.core.vocabulary import class_index
from napari_tavis.datasets.avsbench import (
    DatasetError,
    MissingFilesError,
    open_dataset,
    read_clip,
    write_clip,
)
from napari_tavis.datasets.avsbench.reader import locate

from .conftest import MakeClip


@pytest.mark.parametrize(("subset", "count"), [("v1s", 5), ("v1m", 5), ("v2", 10)])
def test_semantic_clips_come_back(
    tmp_path: Path, make_clip: MakeClip, subset: str, count: int
) -> None:
    clip = make_clip("park", count, start=70.0, sound_classes=("piano",))
    write_clip(tmp_path, subset, "test", clip)
    read = open_dataset(tmp_path, subset, "test")[0]
    assert np.array_equal(read.class_map, clip.class_map)
    assert read.labelled.all()
    assert read.vid == "park"
    assert read.start == (0 if subset == "v1m" else 70)
    assert read.class_names == ("dog", "trumpet")
    assert read.sound_classes == ("piano",)
    assert read.frames.shape == clip.frames.shape
    assert np.abs(read.waveform - clip.waveform).max() < 1e-4


def test_training_clips_of_a_single_source_have_one_label(
    tmp_path: Path, make_clip: MakeClip
) -> None:
    clip = make_clip("park")
    for subset in ("s4", "v1s"):
        write_clip(tmp_path, subset, "train", clip)
        read = open_dataset(tmp_path, subset, "train")[0]
        assert read.labelled.tolist() == [True, False, False, False, False]
        assert read.masks[0].any()
        assert not read.masks[1:].any()


def test_object_clips_come_back_as_masks(tmp_path: Path, make_clip: MakeClip) -> None:
    for subset in ("s4", "ms3"):
        write_clip(tmp_path, subset, "val", make_clip("park"))
        read = read_clip(tmp_path, subset, "val", "park")
        assert read.class_map is None
        assert read.frames.shape == (5, 224, 224, 3)
        assert read.masks.mean() == pytest.approx(make_clip("park").masks.mean(), abs=0.01)
        assert read.category == ("dog" if subset == "s4" else "")
        assert read.video is not None


def test_what_was_read_can_be_written_again(dataset: Path, tmp_path: Path) -> None:
    for subset in ("s4", "ms3", "v1s", "v1m", "v2"):
        # of a training clip of S4 one frame has a label, the others are alike in both splits
        split = "train" if subset == "s4" else "test"
        read = open_dataset(dataset, subset, split)
        for clip in read:
            write_clip(tmp_path / "copy", subset, split, clip)
        again = open_dataset(tmp_path / "copy", subset, split)
        assert again.names == read.names
        assert np.array_equal(again[0].masks, read[0].masks)


def test_splits_slices_and_names(tmp_path: Path, make_clip: MakeClip) -> None:
    for name, split in (("a", "train"), ("b", "test"), ("c", "train"), ("d", "train")):
        write_clip(tmp_path, "v1m", split, make_clip(name))
    reader = open_dataset(tmp_path, "v1m", "train")
    assert reader.names == ("a", "c", "d")
    assert reader[1:].names == ("c", "d")
    assert [clip.name for clip in reader] == ["a", "c", "d"]
    assert reader[-1].name == "d"
    assert len(open_dataset(tmp_path, "v1m", "val")) == 0
    with pytest.raises(IndexError):
        reader[3]
    with pytest.raises(DatasetError, match="'b'"):
        reader.read("b")


def test_labels_keep_their_class(tmp_path: Path, make_clip: MakeClip) -> None:
    write_clip(tmp_path, "v1m", "val", make_clip("park"))
    class_map = read_clip(tmp_path, "v1m", "val", "park").class_map
    assert class_map is not None
    assert class_map[0, 20, 20] == class_index("dog")
    assert class_map[0, 50, 55] == class_index("trumpet")


def test_missing_files_are_named_all_at_once(dataset: Path) -> None:
    clip = dataset / "v1m" / "park-train"
    gone = [clip / "frames/3.jpg", clip / "labels_semantic/0.png", clip / "audio.wav"]
    for path in gone:
        path.unlink()
    with pytest.raises(MissingFilesError, match="3 files") as caught:
        open_dataset(dataset, "v1m", "train")
    assert set(caught.value.paths) == {str(path) for path in gone}
    open_dataset(dataset, "v1m", "test")


def test_damaged_file_is_named_with_its_row(dataset: Path) -> None:
    (dataset / "v2/park-train_0_10000/labels_semantic/4.png").write_bytes(b"damage")
    reader = open_dataset(dataset, "v2", "train")
    with pytest.raises(DatasetError, match=r"metadata\.csv, line 4: .*labels_semantic.4\.png"):
        reader[0]


def test_label_of_another_size_is_refused(dataset: Path) -> None:
    other = dataset / "Single-source/s4_data/gt_masks/train/dog/park-train/park-train_1.png"
    label = dataset / "v1m/park-test/labels_semantic/2.png"
    label.write_bytes(other.read_bytes())
    with pytest.raises(DatasetError, match=r"labels_semantic.2\.png"):
        open_dataset(dataset, "v1m", "test")[0]


@pytest.mark.parametrize("bad", ["../../secret", "/etc", "..", "a\\b", ""])
def test_paths_from_a_list_cannot_leave_the_folder(dataset: Path, bad: str) -> None:
    for path, row, subset in (
        (dataset / "metadata.csv", f"v,{bad},0,0,dog,train,v1s\n", "v1s"),
        (dataset / "Single-source/s4_meta_data.csv", f"{bad},0,dog,train\n", "s4"),
        (dataset / "Single-source/s4_meta_data.csv", f"x,0,{bad},train\n", "s4"),
        (dataset / "Multi-sources/ms3_meta_data.csv", f"{bad},train\n", "ms3"),
    ):
        text = path.read_text()
        path.write_text(text + row)
        with pytest.raises(DatasetError, match=r"\.csv, line \d+: .*not the name of a file"):
            open_dataset(dataset, subset, "train")
        path.write_text(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("name,start\n", ""),
        ("name,start,category,split\na,0,dog\n", "line 2: it has no 'split' cell"),
        ("name,start,category,split\na,x,dog,train\n", "line 2: start 'x' is not a number"),
        ("name,start,category,split\n\na,0,dog,dev\n", "line 3: split 'dev'"),
        ('name,start,category,split\n"a,0,dog,train\n', "is not csv"),
        ("\xff\xfe", "is not UTF-8"),
    ],
)
def test_lists_that_make_no_sense_are_named(dataset: Path, text: str, message: str) -> None:
    (dataset / "Single-source/s4_meta_data.csv").write_bytes(text.encode("latin-1"))
    if not message:
        assert len(open_dataset(dataset, "s4", "train")) == 0
        return
    with pytest.raises(DatasetError, match=rf"s4_meta_data\.csv.*{message}"):
        open_dataset(dataset, "s4", "train")


def test_nested_datasets_are_found_and_two_are_not_mixed(
    tmp_path: Path, make_clip: MakeClip
) -> None:
    write_clip(tmp_path / "AVSBench_object", "s4", "val", make_clip("a"))
    assert open_dataset(tmp_path, "s4", "val").names == ("a",)
    assert open_dataset(tmp_path / "AVSBench_object/Single-source", "s4", "val").names == ("a",)
    write_clip(tmp_path / "two", "s4", "val", make_clip("b"))
    with pytest.raises(DatasetError, match="several s4 datasets"):
        open_dataset(tmp_path, "s4", "val")
    with pytest.raises(DatasetError, match="several s4 datasets"):
        write_clip(tmp_path, "s4", "val", make_clip("c"))


def test_folder_without_the_subset_says_what_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no v2 data: no metadata\.csv"):
        open_dataset(tmp_path, "v2", "train")


def test_every_item_is_found_past_empty_sequences() -> None:
    ends = [0, 2, 2, 3]  # lengths 0, 2, 0, 1
    assert [locate(ends, index) for index in range(3)] == [(1, 0), (1, 1), (3, 0)]
    assert locate(ends, -1) == (3, 0)


@pytest.mark.parametrize(("ends", "index"), [([], 0), ([0, 0], 0), ([2], 2), ([2], -3)])
def test_what_is_not_there_is_refused(ends: list[int], index: int) -> None:
    with pytest.raises(IndexError):
        locate(ends, index)
