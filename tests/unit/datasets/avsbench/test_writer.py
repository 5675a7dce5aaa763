"""What lies where after a clip was written, and what does not after a failure."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import (
    ClipExistsError,
    DatasetError,
    open_dataset,
    read_clip,
    validate,
    write_clip,
)
from napari_tavis.media import write_video

from ..conftest import tree_of
from .conftest import MakeClip


def names_in(root: Path) -> set[str]:
    return set(tree_of(root))


@pytest.mark.parametrize(("split", "masks"), [("train", 1), ("val", 5), ("test", 5)])
def test_s4_lies_where_loaders_look(
    tmp_path: Path, make_clip: MakeClip, split: str, masks: int
) -> None:
    write_clip(tmp_path, "s4", split, make_clip("park"))
    data, inner = "Single-source/s4_data", f"{split}/dog"
    assert names_in(tmp_path) == {
        "Single-source/s4_meta_data.csv",
        "Single-source/s4_meta_data_shuffled.csv",
        *(f"{data}/visual_frames/{inner}/park/park_{n}.png" for n in range(1, 6)),
        *(f"{data}/gt_masks/{inner}/park/park_{n}.png" for n in range(1, masks + 1)),
        f"{data}/audio_wav/{inner}/park.wav",
        f"{data}/audio_log_mel/{inner}/park.pkl",
        f"{data}/raw_videos/{inner}/park.mp4",
    }


def test_ms3_lies_where_loaders_look(tmp_path: Path, make_clip: MakeClip) -> None:
    write_clip(tmp_path, "ms3", "train", make_clip("park"))
    data = "Multi-sources/ms3_data"
    assert names_in(tmp_path) == {
        "Multi-sources/ms3_meta_data.csv",
        "Multi-sources/ms3_train_data.csv",
        *(f"{data}/visual_frames/park/park.mp4_{n}.png" for n in range(1, 6)),
        *(f"{data}/gt_masks/train/park/park_{n}.png" for n in range(1, 6)),
        f"{data}/audio_wav/train/park.wav",
        f"{data}/audio_log_mel/train/park.pkl",
        f"{data}/raw_videos/park.mp4",
    }


@pytest.mark.parametrize(
    ("subset", "split", "uid", "frames", "labels"),
    [
        ("v1s", "train", "park_65000_70000", 5, 1),
        ("v1s", "val", "park_65000_70000", 5, 5),
        ("v1m", "train", "park", 5, 5),
        ("v2", "test", "park_65000_75000", 10, 10),
    ],
)
def test_semantic_clip_lies_where_loaders_look(
    tmp_path: Path,
    make_clip: MakeClip,
    subset: str,
    split: str,
    uid: str,
    frames: int,
    labels: int,
) -> None:
    folder = write_clip(tmp_path, subset, split, make_clip("park", frames, start=65.0))
    assert folder == tmp_path / subset / uid
    assert set(tree_of(folder)) == {
        "audio.wav",
        *(f"frames/{n}.jpg" for n in range(frames)),
        *(f"{kind}/{n}.png" for kind in ("labels_rgb", "labels_semantic") for n in range(labels)),
    }
    times = "0,0" if subset == "v1m" else "1,5"
    assert (tmp_path / "metadata.csv").read_text().splitlines() == [
        "vid,uid,s_min,s_sec,a_obj,split,label",
        f"park,{uid},{times},dog_trumpet,{split},{subset}",
    ]
    classes = json.loads((tmp_path / "label2idx.json").read_text())
    assert list(classes.items()) == [(name, n) for n, name in enumerate(AVSBENCH_CLASSES)]


def test_lists_of_s4_and_ms3(tmp_path: Path, make_clip: MakeClip) -> None:
    for name, split in (("a", "train"), ("b", "val"), ("c", "train")):
        write_clip(tmp_path, "s4", split, make_clip(name))
        write_clip(tmp_path, "ms3", split, make_clip(name))
    rows = ["a,0,dog,train", "b,0,dog,val", "c,0,dog,train"]
    single, multiple = tmp_path / "Single-source", tmp_path / "Multi-sources"
    listed = (single / "s4_meta_data.csv").read_text().splitlines()
    shuffled = (single / "s4_meta_data_shuffled.csv").read_text().splitlines()
    assert listed == ["name,start,category,split", *rows]
    assert shuffled[0] == listed[0]
    assert sorted(shuffled[1:]) == rows
    assert (multiple / "ms3_train_data.csv").read_text().splitlines()[1:] == ["a,train", "c,train"]


def test_clip_where_nothing_is_seen_names_an_unseen_sound(
    tmp_path: Path, make_clip: MakeClip
) -> None:
    silent = make_clip("park", class_map=np.zeros((5, 60, 81), dtype=np.uint8))
    write_clip(tmp_path, "v1m", "test", silent)
    write_clip(tmp_path, "v2", "test", replace(make_clip("hall", 10), sound_classes=("piano",)))
    rows = (tmp_path / "metadata.csv").read_text().splitlines()[1:]
    assert rows[0].split(",")[4] == "off-the-screen"
    assert rows[1].split(",")[4] == "dog_trumpet_piano"
    assert validate(tmp_path) == []


def test_label_without_background_keeps_one_pixel_of_it(
    tmp_path: Path, make_clip: MakeClip
) -> None:
    full = np.full((5, 60, 81), 15, dtype=np.uint8)
    write_clip(tmp_path, "v1m", "val", make_clip("park", class_map=full))
    class_map = read_clip(tmp_path, "v1m", "val", "park").class_map
    assert class_map is not None
    assert (class_map == 0).sum(axis=(1, 2)).tolist() == [1] * 5


def test_existing_clip_is_not_touched_without_overwrite(dataset: Path, make_clip: MakeClip) -> None:
    before = tree_of(dataset)
    for subset, count in (("s4", 5), ("ms3", 5), ("v1s", 5), ("v1m", 5), ("v2", 10)):
        with pytest.raises(ClipExistsError, match=r"'park-train.*overwritten"):
            write_clip(dataset, subset, "train", make_clip("park-train", count))
    assert tree_of(dataset) == before


def test_overwriting_replaces_just_that_clip_wherever_it_lies(
    dataset: Path, make_clip: MakeClip
) -> None:
    before = tree_of(dataset)
    write_clip(dataset, "s4", "val", make_clip("park-train", category="drum"), overwrite=True)
    after = tree_of(dataset)
    lists = {"Single-source/s4_meta_data.csv", "Single-source/s4_meta_data_shuffled.csv"}
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert all("park-train" in name for name in changed - lists)
    assert not any("/train/dog/park-train" in name for name in after)
    assert (dataset / "Single-source/s4_meta_data.csv").read_text().splitlines()[1:] == [
        "park-train,0,drum,val",
        "park-test,0,dog,test",
    ]
    assert not (dataset / "Single-source/s4_data/gt_masks/train").exists()
    write_clip(dataset, "v1s", "val", make_clip("park-train"), overwrite=True)
    assert validate(dataset) == []


def test_rows_of_an_official_dataset_are_kept(tmp_path: Path, make_clip: MakeClip) -> None:
    single = tmp_path / "AVSBench_object" / "Single-source"
    multiple = tmp_path / "AVSBench_object" / "Multi-sources"
    semantic = tmp_path / "AVSBench_semantic"
    for folder in (single, multiple, semantic):
        folder.mkdir(parents=True)
    s4 = 'name,start,category,split\r\n-0zH,1,"male_speech",train\r\n2abc,0,lion,test\r\n'
    ms3 = "video_id,split\nxyz_1,train\nxyz_2,test\n"
    meta = "vid,uid,s_min,s_sec,a_obj,split,label\nq,q_0_10000,0,0,man_guitar,train,v2\n"
    (single / "s4_meta_data.csv").write_bytes(s4.encode())
    (multiple / "ms3_meta_data.csv").write_text(ms3)
    (semantic / "metadata.csv").write_text(meta)
    for subset in ("s4", "ms3", "v1s"):
        write_clip(tmp_path, subset, "train", make_clip("park"))
    text = (single / "s4_meta_data.csv").read_bytes().decode()
    assert text == s4.replace('"', "") + "park,0,dog,train\r\n"
    shuffled = (single / "s4_meta_data_shuffled.csv").read_text().splitlines()
    assert sorted(shuffled) == sorted(text.splitlines())
    assert (multiple / "ms3_meta_data.csv").read_text() == ms3 + "park,train\n"
    assert (
        multiple / "ms3_train_data.csv"
    ).read_text() == "video_id,split\nxyz_1,train\npark,train\n"
    assert (semantic / "metadata.csv").read_text() == (
        meta + "park,park_0_5000,0,0,dog_trumpet,train,v1s\n"
    )
    assert not (tmp_path / "metadata.csv").exists()
    assert not (tmp_path / "Single-source").exists()


def test_raw_video_is_the_stretch_of_the_source(tmp_path: Path, make_clip: MakeClip) -> None:
    frames = np.zeros((40, 48, 64, 3), dtype=np.uint8)
    frames[10:] = 200
    video = write_video(tmp_path / "source.mp4", frames, 5)
    write_clip(tmp_path, "ms3", "val", make_clip("park", video=video, start=1.0))
    from napari_tavis.media import open_clip

    with open_clip(tmp_path / "Multi-sources/ms3_data/raw_videos/park.mp4") as clip:
        assert clip.duration == pytest.approx(5, abs=0.1)
        assert [int(clip.frames[n].mean()) > 100 for n in (0, 4, 6, 20)] == [
            False,
            False,
            True,
            True,
        ]


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/b", "..", "x\0", "12345", "my frames"])
@pytest.mark.parametrize("subset", ["s4", "ms3", "v1s", "v1m"])
def test_bad_names_are_refused_before_anything_is_written(
    tmp_path: Path, make_clip: MakeClip, subset: str, name: str
) -> None:
    with pytest.raises(DatasetError, match="choose another one"):
        write_clip(tmp_path / "data", subset, "train", make_clip(name))
    assert not (tmp_path / "data").exists()


def test_clips_that_do_not_fit_are_refused_before_anything_is_written(
    tmp_path: Path, make_clip: MakeClip
) -> None:
    root, clip = tmp_path / "data", make_clip("park")
    flags = np.array([True, True, False, True, True])
    nothing = make_clip("park", class_map=np.zeros_like(clip.class_map))
    cases = [
        ("s5", "train", clip, "no subset 's5'"),
        ("s4", "dev", clip, "no split 'dev'"),
        ("v2", "train", clip, "5 frames, but v2 needs 10"),
        ("s4", "train", make_clip("park", category="../x"), "category name"),
        ("s4", "train", nothing, "shows no class"),
        ("s4", "val", replace(clip, labelled=flags), r"no label for frames \[3\]"),
        ("v1s", "val", replace(clip, start=1.5), "whole seconds"),
        ("v1m", "val", replace(clip, class_map=None, scene_mask=clip.masks), "no classes"),
        ("v1m", "val", replace(clip, sound_classes=("unicorn",)), "unicorn"),
    ]
    for subset, split, given, message in cases:
        with pytest.raises(DatasetError, match=message):
            write_clip(root, subset, split, given)
    with pytest.raises(DatasetError, match="class index 71"):
        make_clip("park", class_map=np.full_like(clip.class_map, 71))
    assert not root.exists()


def test_name_with_which_tavis_could_not_tell_clips_apart_is_refused(
    tmp_path: Path, make_clip: MakeClip
) -> None:
    write_clip(tmp_path, "v1s", "train", make_clip("park"))
    write_clip(tmp_path, "v1s", "train", make_clip("park", start=5.0))
    with pytest.raises(DatasetError, match="'park' begins several clips"):
        write_clip(tmp_path, "s4", "train", make_clip("park"))
    write_clip(tmp_path, "s4", "train", make_clip("park_0_5000"))
    write_clip(tmp_path, "ms3", "train", make_clip("hall"))
    write_clip(tmp_path, "v1m", "train", make_clip("hall"))
    with pytest.raises(DatasetError, match="'hall' begins several clips"):
        write_clip(tmp_path, "v1m", "train", make_clip("hallway"))


@pytest.mark.parametrize("subset", ["s4", "ms3", "v1m"])
def test_failure_leaves_the_dataset_as_it_was(
    dataset: Path, make_clip: MakeClip, subset: str
) -> None:
    before = tree_of(dataset)
    if subset == "v1m":  # fails in the lists, when the files are in place already
        (dataset / "label2idx.json").write_text("[]")
        before["label2idx.json"] = b"[]"
        clip = make_clip("park-train")
    else:  # fails late, in the video
        clip = make_clip("park-train", video=dataset / "missing.mp4")
    with pytest.raises(Exception, match=r"missing\.mp4|label2idx"):
        write_clip(dataset, subset, "train", clip, overwrite=True)
    assert tree_of(dataset) == before


def test_failure_in_a_new_folder_leaves_nothing(tmp_path: Path, make_clip: MakeClip) -> None:
    with pytest.raises(Exception, match=r"missing\.mp4"):
        write_clip(tmp_path / "a/b", "s4", "val", make_clip("p", video=tmp_path / "missing.mp4"))
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written_is_named(tmp_path: Path, make_clip: MakeClip) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DatasetError, match=r"file.* cannot be written"):
        write_clip(tmp_path / "file", "v1m", "val", make_clip("park"))
    assert (tmp_path / "file").read_text() == "no folder"


def test_cancel_leaves_nothing(tmp_path: Path, make_clip: MakeClip) -> None:
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        write_clip(tmp_path / "data", "v1m", "val", make_clip("park"), task=task)
    assert list(tmp_path.iterdir()) == []


def test_parallel_exports_lose_no_rows(tmp_path: Path, make_clip: MakeClip) -> None:
    clips = [make_clip(f"clip-{n:02}") for n in range(12)]
    errors: list[BaseException] = []

    def export(some: list) -> None:
        try:
            for clip in some:
                write_clip(tmp_path, "v1s", "train", clip)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=export, args=(clips[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(open_dataset(tmp_path, "v1s", "train")) == 12
    assert validate(tmp_path) == []
