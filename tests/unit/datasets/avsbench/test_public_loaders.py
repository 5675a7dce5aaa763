"""Exported folders read the way AVSBench's public loaders read them.

The loaders are stated anew here from what is known of them: columns by position and by name,
paths joined from them, masks opened as "1", "P" or RGB, a plain ``pickle.load``, folders listed
and counted, colours compared with the palette, uids found by how they start.
"""

from __future__ import annotations

import json
import os
import pickle
import wave
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import ClipAnnotation, write_clip

from .conftest import MakeClip

SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def clips(make_clip: MakeClip) -> dict[str, ClipAnnotation]:
    return {split: make_clip(f"-{split}Zx1", category="dog") for split in SPLITS}


@pytest.fixture(scope="module")
def root(
    tmp_path_factory: pytest.TempPathFactory, clips: dict[str, ClipAnnotation], make_clip: MakeClip
) -> Path:
    folder = tmp_path_factory.mktemp("loaders")
    for split, clip in clips.items():
        for subset in ("s4", "ms3", "v1s", "v1m"):
            write_clip(folder, subset, split, clip)
        write_clip(folder, "v2", split, make_clip(f"-{split}Zx1", 10))
    return folder


def open_as(path: str, mode: str) -> np.ndarray:
    return np.asarray(Image.open(path).convert(mode))


def load_log_mel(path: str) -> np.ndarray:
    with open(path, "rb") as file:
        return np.asarray(pickle.load(file).detach().numpy())


def seen(clip: ClipAnnotation) -> np.ndarray:
    """Give the clip's masks as a 224 x 224 loader should see them."""
    rows = (np.arange(224) + 0.5) * clip.frames.shape[1] // 224
    columns = (np.arange(224) + 0.5) * clip.frames.shape[2] // 224
    return clip.masks[:, rows.astype(int)][:, :, columns.astype(int)]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("listing", ["s4_meta_data.csv", "s4_meta_data_shuffled.csv"])
def test_s4(root: Path, clips: dict[str, ClipAnnotation], split: str, listing: str) -> None:
    base = f"{root}/Single-source/s4_data"
    table = pd.read_csv(f"{root}/Single-source/{listing}", sep=",")
    table = table[table["split"] == split]
    assert len(table) == 1
    row = table.iloc[0]
    name, start, category = row.iloc[0], row.iloc[1], row.iloc[2]
    assert (name, category) == (row["name"], row["category"])
    assert start <= 5
    inner = os.path.join(split, category, name)
    assert load_log_mel(f"{base}/audio_log_mel/{inner}.pkl").shape == (5, 1, 96, 64)
    for n in range(1, 6):
        assert open_as(f"{base}/visual_frames/{inner}/{name}_{n}.png", "RGB").shape == (224, 224, 3)
    for n in range(1, (1 if split == "train" else 5) + 1):
        mask = open_as(f"{base}/gt_masks/{inner}/{name}_{n}.png", "1")
        np.testing.assert_array_equal(mask, seen(clips[split])[n - 1])
    assert os.path.isfile(f"{base}/raw_videos/{inner}.mp4")


@pytest.mark.parametrize("split", SPLITS)
def test_ms3(root: Path, clips: dict[str, ClipAnnotation], split: str) -> None:
    base = f"{root}/Multi-sources/ms3_data"
    table = pd.read_csv(f"{root}/Multi-sources/ms3_meta_data.csv", sep=",")
    name = table[table["split"] == split].iloc[0].iloc[0]
    assert load_log_mel(f"{base}/audio_log_mel/{split}/{name}.pkl").dtype == np.float32
    assert os.listdir(f"{base}/gt_masks/{split}") == [name]
    for n in range(1, 6):
        frame = open_as(f"{base}/visual_frames/{name}/{name}.mp4_{n}.png", "RGB")
        assert frame.shape == (224, 224, 3)
        path = f"{base}/gt_masks/{split}/{name}/{name}_{n}.png"
        wanted = seen(clips[split])[n - 1]
        scaled = open_as(path, "P") / 255  # torchvision's ToTensor
        assert set(np.unique(scaled)) == {0, 1}
        np.testing.assert_array_equal(scaled == 1, wanted)
        np.testing.assert_array_equal(open_as(path, "L") > 0, wanted)
        np.testing.assert_array_equal(open_as(path, "RGB")[..., 0] == 255, wanted)
    train = pd.read_csv(f"{root}/Multi-sources/ms3_train_data.csv")
    assert train.iloc[:, 0].tolist() == ["-trainZx1"]


def palette_of(label_list: str) -> np.ndarray:
    with open(label_list) as file:
        names = json.load(file)
    colors = np.zeros((71, 3), dtype=int)
    for index in range(71):
        label, shift = index, 7
        while label:
            for channel in range(3):
                colors[index, channel] |= ((label >> channel) & 1) << shift
            label, shift = label >> 3, shift - 1
    assert len(names) == len(colors)
    assert next(iter(names)) == "background"
    return colors


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("subset", ["v1s", "v1m", "v2"])
def test_avss(root: Path, make_clip: MakeClip, split: str, subset: str) -> None:
    colors = palette_of(f"{root}/label2idx.json")
    table = pd.read_csv(f"{root}/metadata.csv", sep=",")
    row = table[(table["split"] == split) & (table["label"] == subset)].iloc[0]
    folder = os.path.join(root, row["label"], row["uid"])
    count = 10 if subset == "v2" else 5
    clip = make_clip(f"-{split}Zx1", count)
    assert clip.class_map is not None
    assert len(os.listdir(f"{folder}/frames")) == count
    labels = len(os.listdir(f"{folder}/labels_rgb"))
    assert labels == (1 if (subset, split) == ("v1s", "train") else count)
    assert len(os.listdir(f"{folder}/labels_semantic")) == labels
    for n in range(count):
        frame = Image.open(f"{folder}/frames/{n}.jpg")
        assert frame.size == (clip.frames.shape[2], clip.frames.shape[1])
    for n in range(labels):
        rgb = open_as(f"{folder}/labels_rgb/{n}.png", "RGB").astype(int)
        one_hot = np.stack([(rgb == color).all(axis=-1) for color in colors], axis=-1)
        assert (one_hot.sum(axis=-1) == 1).all()
        np.testing.assert_array_equal(one_hot.argmax(axis=-1), clip.class_map[n])
        index = np.asarray(Image.open(f"{folder}/labels_semantic/{n}.png"))
        np.testing.assert_array_equal(index, clip.class_map[n])
        shown = {AVSBENCH_CLASSES[value] for value in np.unique(index)[1:]}
        assert shown <= set(row["a_obj"].split("_"))
    with wave.open(f"{folder}/audio.wav") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
        assert ((file.getnframes() - 400) // 160 + 1) // 96 == count


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(
    ("listing", "subset"),
    [("Single-source/s4_meta_data.csv", "v1s"), ("Multi-sources/ms3_meta_data.csv", "v1m")],
)
def test_tavis_finds_the_labels_of_object_clips_by_how_their_folder_starts(
    root: Path, clips: dict[str, ClipAnnotation], split: str, listing: str, subset: str
) -> None:
    table = pd.read_csv(root / listing)
    name = table[table["split"] == split].iloc[0].iloc[0]
    found = [folder for folder in os.listdir(root / subset) if folder.startswith(name)]
    assert len(found) == 1
    mask = np.asarray(Image.open(root / subset / found[0] / "labels_semantic/0.png")) > 0
    np.testing.assert_array_equal(mask, clips[split].masks[0])
