"""Every rule of the format, broken one at a time, is found where it was broken."""

from __future__ import annotations

import pickle
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.datasets.avsbench import DatasetError, validate

S4 = "Single-source/s4_data"
S4_TRAIN = "train/dog/park-train"
S4_TEST = "test/dog/park-test"
MS3 = "Multi-sources/ms3_data"
S4_LIST = "Single-source/s4_meta_data.csv"
MS3_LIST = "Multi-sources/ms3_meta_data.csv"
Break = Callable[[Path], object]


def picture(mode: str, size: tuple[int, int] = (224, 224), value: int = 0) -> Break:
    def save(path: Path) -> None:
        image = Image.new("L", size, value).convert(mode)
        image.save(path, format="JPEG" if path.suffix == ".jpg" else "PNG")

    return save


def text(old: str, new: str) -> Break:
    def change(path: Path) -> None:
        before = path.read_text()
        assert old in before
        path.write_text(before.replace(old, new, 1))

    return change


def bytes_of(data: bytes) -> Break:
    return lambda path: path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def remove(path: Path) -> None:
    path.unlink()


def wav(channels: int = 1, rate: int = 16_000, length: int = 80_000) -> Break:
    def write(path: Path) -> None:
        with wave.open(str(path), "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(bytes(2 * channels * length))

    return write


def tensor(**options: object) -> Break:
    def write(path: Path) -> None:
        import torch

        shape = options.get("shape", (5, 1, 96, 64))
        values = torch.zeros(shape, dtype=getattr(torch, str(options.get("dtype", "float32"))))
        path.write_bytes(pickle.dumps(values))

    return write


BROKEN: list[tuple[str, Break, str]] = [
    # the lists
    (S4_LIST, text("name,start", "video,start"), "has the header"),
    (S4_LIST, text("park-test,0", "park-test,6"), "start is 6"),
    (S4_LIST, text("park-test,0,dog", "12345,0,dog"), "is a number"),
    (S4_LIST, text("park-test,0,dog,test", "park-train,0,dog,train"), "2 times"),
    (S4_LIST, text("park-test", "../x"), "not the name of a file"),
    (S4_LIST, text(",test", ",dev"), "split 'dev'"),
    ("Single-source/s4_meta_data_shuffled.csv", text("park-test", "hall"), "not a permutation"),
    ("Single-source/s4_meta_data_shuffled.csv", remove, "missing"),
    (MS3_LIST, text("video_id,split", "name,subset"), "no column 'split'"),
    (MS3_LIST, remove, "missing"),
    ("Multi-sources/ms3_train_data.csv", text("park-train,train\n", ""), "train rows"),
    ("metadata.csv", text("vid,uid", "uid,vid"), "has the header"),
    ("metadata.csv", text("park-test_0_5000,0,0", "park-test_0_5000,0,1"), "must be"),
    ("metadata.csv", text("park-test,park-test,0,0", "park-test,park-test,0,3"), "times 0"),
    ("metadata.csv", text("0,0,dog_trumpet", "0.0,0,dog_trumpet"), "s_min must be a whole"),
    ("metadata.csv", text("dog_trumpet", "dog_unicorn"), "'unicorn', no class"),
    ("metadata.csv", text(",v1s", ",v3"), "label 'v3'"),
    ("label2idx.json", text("accordion", "accordeon"), "71 class names"),
    ("label2idx.json", bytes_of(b"{"), "as json"),
    ("label2idx.json", remove, "missing"),
    # S4 and MS3
    (f"{S4}/visual_frames/{S4_TRAIN}/park-train_3.png", remove, "missing"),
    (f"{S4}/visual_frames/{S4_TRAIN}/park-train_3.png", picture("RGB", (224, 225)), "224x225"),
    (f"{S4}/visual_frames/{S4_TRAIN}/park-train_3.png", picture("L"), "mode L"),
    (f"{S4}/visual_frames/{S4_TRAIN}/park-train_3.png", cut, "cannot be read"),
    (f"{S4}/gt_masks/{S4_TRAIN}/park-train_2.png", picture("L"), "does not belong"),
    (f"{S4}/gt_masks/{S4_TEST}/park-test_5.png", remove, "missing"),
    (f"{S4}/gt_masks/{S4_TEST}/park-test_5.png", picture("1"), "mode 1"),
    (f"{S4}/gt_masks/{S4_TEST}/park-test_5.png", picture("P"), "mode P"),
    (f"{S4}/gt_masks/{S4_TEST}/park-test_5.png", picture("RGB"), "mode RGB"),
    (f"{S4}/gt_masks/{S4_TEST}/park-test_5.png", picture("L", value=1), "values [1]"),
    (f"{S4}/gt_masks/{S4_TEST}/park-test_5.png", bytes_of(b""), "cannot be read"),
    (f"{S4}/audio_wav/{S4_TEST}.wav", wav(channels=2), "2 channels"),
    (f"{S4}/audio_wav/{S4_TEST}.wav", wav(rate=44_100), "44100 Hz"),
    (f"{S4}/audio_wav/{S4_TEST}.wav", wav(length=77_039), "77039 samples"),
    (f"{S4}/audio_wav/{S4_TEST}.wav", wav(length=92_400), "92400 samples"),
    (f"{S4}/audio_wav/{S4_TEST}.wav", cut, "cut short"),
    (f"{S4}/audio_log_mel/{S4_TEST}.pkl", tensor(shape=(4, 1, 96, 64)), "4x1x96x64"),
    (f"{S4}/audio_log_mel/{S4_TEST}.pkl", tensor(dtype="float64"), "float64"),
    (f"{S4}/audio_log_mel/{S4_TEST}.pkl", tensor(), "is not the log-mel of"),
    (f"{S4}/audio_log_mel/{S4_TEST}.pkl", bytes_of(pickle.dumps(print)), "not allowed"),
    (f"{S4}/raw_videos/{S4_TEST}.mp4", cut, "whole mp4"),
    (f"{S4}/raw_videos/{S4_TEST}.mp4", bytes_of(b""), "whole mp4"),
    (f"{S4}/raw_videos/{S4_TEST}.mp4", remove, "missing"),
    (f"{MS3}/visual_frames/park-train/park-train_1.png", picture("RGB"), "does not belong"),
    (f"{MS3}/gt_masks/train/park-train/park-train_5.png", picture("L", (200, 224)), "200x224"),
    (f"{MS3}/gt_masks/train/other.png", picture("L"), "is not listed"),
    # semantic
    ("v1s/park-train_0_5000/labels_rgb/1.png", picture("RGB", (81, 60)), "does not belong"),
    ("v1s/park-train_0_5000/notes.txt", bytes_of(b"hello"), "does not belong"),
    ("v1s/park-test_0_5000/frames/5.jpg", picture("RGB", (81, 60)), "does not belong"),
    ("v2/park-test_0_10000/frames/9.jpg", remove, "missing"),
    ("v2/park-test_0_10000/frames/9.jpg", picture("L", (81, 60)), "mode L"),
    ("v2/park-test_0_10000/labels_semantic/9.png", picture("L", (80, 60)), "80x60"),
    ("v2/park-test_0_10000/labels_semantic/9.png", picture("L", (81, 60), 71), "index 71"),
    ("v2/park-test_0_10000/labels_semantic/9.png", picture("L", (81, 60), 15), "no background"),
    ("v2/park-test_0_10000/labels_semantic/9.png", picture("L", (81, 60)), "differs from"),
    ("v2/park-test_0_10000/labels_semantic/9.png", picture("RGB", (81, 60)), "mode RGB"),
    ("v2/park-test_0_10000/labels_rgb/9.png", picture("RGB", (81, 60), 77), "colour (77, 77, 77)"),
    ("v2/park-test_0_10000/audio.wav", wav(length=153_839), "153840 to 169199"),
    ("v2/park-test_0_10000/audio.wav", wav(length=169_200), "153840 to 169199"),
    ("v1m/park-test/audio.wav", bytes_of(b"RIFF"), "cannot be read"),
]


def test_whole_dataset_has_no_violations(dataset: Path) -> None:
    assert validate(dataset) == []


def test_each_breach_is_found_at_its_path(tree_of_file: Callable[[str], Path]) -> None:
    missed = []
    for name, breaking, message in BROKEN:
        root = tree_of_file(name)
        path = root / name
        kept = path.read_bytes() if path.exists() else None
        breaking(path)
        found = [item for item in validate(root) if item.path == path]
        if not any(message in item.message for item in found):
            missed.append((name, message, [item.message for item in found]))
        if kept is None:
            path.unlink()
        else:
            path.write_bytes(kept)
    assert missed == []
    for name in (S4, MS3, "v2"):
        assert validate(tree_of_file(name)) == []


def test_class_that_a_obj_does_not_name_is_found(dataset: Path) -> None:
    text("0,0,dog_trumpet,train,v1m", "0,0,trumpet,train,v1m")(dataset / "metadata.csv")
    found = validate(dataset)
    assert [item.path for item in found] == [dataset / "v1m/park-train"]
    assert "shows dog, which its a_obj 'trumpet'" in found[0].message


def test_clip_that_no_list_names_is_found(dataset: Path) -> None:
    text("park-train,train\n", "")(dataset / MS3_LIST)
    text("park-train,train\n", "")(dataset / "Multi-sources/ms3_train_data.csv")
    paths = {str(item.path.relative_to(dataset)) for item in validate(dataset)}
    assert f"{MS3}/gt_masks/train" in paths
    assert f"{MS3}/raw_videos/park-train.mp4" in paths
    assert f"{MS3}/visual_frames/park-train" in paths


def test_leftover_of_a_killed_export_is_found(dataset: Path) -> None:
    (dataset / ".avsbench-export-abc").mkdir()
    assert [item.path.name for item in validate(dataset)] == [".avsbench-export-abc"]


def test_names_that_tavis_cannot_pair_are_found(dataset: Path) -> None:
    table = dataset / "metadata.csv"
    table.write_text(table.read_text().replace("park-train,park-train_0_5000", "x,x_0_5000"))
    (dataset / "v1s/park-train_0_5000").rename(dataset / "v1s/x_0_5000")
    found = validate(dataset)
    assert [item.path for item in found] == [dataset / S4_LIST]
    assert "'park-train' begins 0 v1s uids" in found[0].message


def test_misspelt_folder_is_found(dataset: Path) -> None:
    (dataset / "Single-source").rename(dataset / "Single-Source")
    found = validate(dataset)
    assert [item.message for item in found] == ["must be called Single-source, as loaders spell it"]


def test_folders_without_a_dataset_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a folder"):
        validate(tmp_path / "nothing")
    with pytest.raises(DatasetError, match="holds no AVSBench data"):
        validate(tmp_path)


def test_validation_tells_its_progress_and_can_be_cancelled(dataset: Path) -> None:
    told: list[tuple[int, int]] = []
    validate(dataset, task=Task(lambda done, total, what: told.append((done, total))))
    assert told == [(n, 10) for n in range(11)]
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        validate(dataset, task=task)


def test_one_pixel_of_an_unknown_colour_is_found(dataset: Path) -> None:
    path = dataset / "v1m/park-test/labels_rgb/0.png"
    colors = np.array(Image.open(path))
    colors[7, 8] = (128, 0, 1)
    Image.fromarray(colors).save(path)
    found = [item.message for item in validate(dataset) if item.path == path]
    assert found
    assert "(128, 0, 1) at row 7, column 8" in found[0]
