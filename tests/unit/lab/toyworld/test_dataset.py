"""Toy data on disk: real videos, AVSBench folders that validate, all or nothing."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import validate
from napari_tavis.lab.toyworld import (
    ToyWorldError,
    clip_seed,
    heard_classes,
    make_clip,
    sample_scene,
    write_scene_video,
    write_toy_dataset,
)
from napari_tavis.lab.toyworld.dataset import split_of
from napari_tavis.media import open_clip

SEED, CLIPS, SIZE = 3, 4, 96


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_dataset(tmp_path_factory.mktemp("toy") / "data", CLIPS, SEED, size=SIZE)


def _rows(dataset: Path) -> list[dict[str, str]]:
    with (dataset / "metadata.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_the_written_data_validate(dataset: Path) -> None:
    assert [f"{v.path}: {v.message}" for v in validate(dataset)] == []


def test_every_clip_is_listed_with_what_is_heard(dataset: Path) -> None:
    rows = {row["vid"]: row for row in _rows(dataset)}
    assert len(rows) == CLIPS
    for index in range(CLIPS):
        scene = sample_scene(clip_seed(SEED, index))
        row = rows[f"toy{SEED}-{index:06d}"]
        heard = heard_classes(scene)
        alone = len(heard) == 1 and not scene.offscreen
        assert row["label"] == ("v1s" if alone else "v1m")
        assert row["split"] == split_of(index)
        assert set(row["a_obj"].split("_")) - {"off-the-screen"} == set(heard)
        tree = "Single-source/s4_data" if alone else "Multi-sources/ms3_data"
        assert list((dataset / tree / "raw_videos").rglob(f"{row['vid']}.mp4"))


def test_labels_are_the_drawn_truth(dataset: Path) -> None:
    for row in _rows(dataset):
        clip = make_clip(clip_seed(SEED, int(row["vid"].split("-")[1])), size=SIZE)
        folder = dataset / row["label"] / row["uid"] / "labels_semantic"
        for path in sorted(folder.iterdir()):
            frame = int(path.stem)
            labels = np.asarray(Image.open(path))
            np.testing.assert_array_equal(labels > 0, clip.scene_mask[frame])
            for index, name in enumerate(clip.class_names):
                shown = (clip.instances[frame] == index + 1) & clip.scene_mask[frame]
                assert (labels[shown] == AVSBENCH_CLASSES.index(name)).all()


def test_frames_are_the_scene_at_the_sampled_time(dataset: Path) -> None:
    row = _rows(dataset)[0]
    clip = make_clip(clip_seed(SEED, 0), size=SIZE)
    for frame in range(5):
        path = dataset / row["label"] / row["uid"] / "frames" / f"{frame}.jpg"
        shown = np.asarray(Image.open(path)).astype(float)
        errors = [np.abs(shown - other).mean() for other in clip.frames]
        assert int(np.argmin(errors)) == frame
        assert errors[frame] < 6


def test_videos_are_real_and_sound(dataset: Path) -> None:
    videos = sorted((dataset / "videos").iterdir())
    assert len(videos) == CLIPS
    with open_clip(videos[0]) as clip:
        assert len(clip.frames) == 80
        assert clip.has_soundtrack
        expected = sample_scene(clip_seed(SEED, 0)).waveform()
        heard = clip.soundtrack()
        count = min(len(heard), len(expected))
        assert abs(count - 80000) < 2000
        assert np.corrcoef(heard[:count], expected[:count])[0, 1] > 0.95


def test_ten_second_clips_go_to_v2(tmp_path: Path) -> None:
    root = write_toy_dataset(tmp_path / "data", 1, 8, size=64, seconds=10)
    assert [row["label"] for row in _rows(root)] == ["v2"]
    assert [f"{v.path}: {v.message}" for v in validate(root)] == []


def test_the_first_three_clips_make_every_split() -> None:
    splits = [split_of(index) for index in range(10)]
    assert set(splits[:3]) == {"train", "val", "test"}
    assert [splits.count(name) for name in ("train", "val", "test")] == [7, 1, 2]


def test_cancel_leaves_nothing(tmp_path: Path) -> None:
    def cancel_at_second(done: int, total: int, what: str) -> None:
        if done == 1:
            task.cancel()

    task = Task(cancel_at_second)

    with pytest.raises(Cancelled):
        write_toy_dataset(tmp_path / "data", 3, 0, size=64, task=task)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_content_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(ToyWorldError, match="choose a new or an empty folder"):
        write_toy_dataset(tmp_path, 1, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clips": 0}, "at least 1"),
        ({"seed": -1}, "from 0 up"),
        ({"size": 225}, "even number"),
        ({"seconds": 7.0}, "choose 5 or 10"),
    ],
)
def test_impossible_numbers_are_refused(
    tmp_path: Path, change: dict[str, int], message: str
) -> None:
    arguments = {"clips": 1, "seed": 0, **change}
    with pytest.raises(ToyWorldError, match=message):
        write_toy_dataset(tmp_path / "data", **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "data").exists()


def test_a_scene_video_can_be_silent_and_cancelled(tmp_path: Path) -> None:
    scene = sample_scene(1, 2.0)
    path = write_scene_video(scene, tmp_path / "a.mp4", size=64, fps=10, with_sound=False)
    with open_clip(path) as clip:
        assert len(clip.frames) == 20
        assert not clip.has_soundtrack
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        write_scene_video(scene, tmp_path / "b.mp4", size=64, task=task)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
