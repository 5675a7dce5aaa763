"""AVSBench folders become sessions, and come back the same."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_tavis.annotation import AnnotationSession, FrameStatus
from napari_tavis.core.vocabulary import class_index
from napari_tavis.datasets.avsbench import (
    ClipAnnotation,
    DatasetError,
    open_dataset,
    validate,
    write_clip,
)
from napari_tavis.datasets.avsbench.layout import clip_files
from napari_tavis.datasets.avsbench.lists import find_listed_clip
from napari_tavis.exchange.exporting import changed_exports, export, note_export, rewrite_request
from napari_tavis.exchange.from_avsbench import import_avsbench
from napari_tavis.exchange.importing import import_dataset
from napari_tavis.media import open_clip, write_video

DOG, TRUMPET = class_index("dog"), class_index("trumpet")
SIZE = (61, 83)


@pytest.fixture
def dataset(tmp_path: Path, _written: Path) -> Path:
    """A clip or two in every subset; odd sizes, one class heard and not seen."""
    return Path(shutil.copytree(_written, tmp_path / "data"))


@pytest.fixture(scope="module")
def _written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("avsbench") / "data"
    random = np.random.default_rng(0)
    time = np.arange(10 * 16_000) / 16_000
    sound = (0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    wanted = dict.fromkeys(("s4", "v1s", "v1m"), ("train", "test"))
    for subset in ("s4", "ms3", "v1s", "v1m", "v2"):
        for split in wanted.get(subset, ("test",)):
            count = 10 if subset == "v2" else 5
            class_map = np.zeros((count, *SIZE), dtype=np.uint8)
            for n in range(count):
                class_map[n, 10:40, 5 + 2 * n : 30 + 2 * n] = DOG
                if n % 2:
                    class_map[n, 45:55, 50 + n : 60 + n] = TRUMPET
            clip = ClipAnnotation(
                f"park-{split}",
                random.integers(0, 255, (count, *SIZE, 3), dtype=np.uint8),
                class_map,
                sound[: count * 16_000],
                start=20.0 if subset in ("v1s", "v2") else 0.0,
                sound_classes=("violin",),
            )
            write_clip(root, subset, split, clip)
    return root


def labels_of(root: Path) -> dict[str, bytes]:
    """Give the pixels of all masks and labels in a dataset."""
    return {
        path.relative_to(root).as_posix(): np.asarray(Image.open(path)).tobytes()
        for path in sorted(root.rglob("*.png"))
        if "gt_masks" in path.parts or path.parent.name.startswith("labels")
    }


def test_every_subset_comes_back_with_the_same_masks(dataset: Path, tmp_path: Path) -> None:
    before, lists = labels_of(dataset), (dataset / "metadata.csv").read_text()
    report = import_avsbench(dataset, tmp_path / "work")
    assert report.skipped == ()
    assert len(report.videos) == 8
    for video in report.videos:
        session = AnnotationSession.open(video)
        assert changed_exports(session) == ()
        (note,) = session.exports
        result = export(session, rewrite_request(note))
        assert result.violations == ()
        session.close()
    assert labels_of(dataset) == before
    assert (dataset / "metadata.csv").read_text() == lists, "names, times and unseen sounds stay"
    assert validate(dataset) == []


def test_masks_come_as_accepted_objects_of_their_classes(dataset: Path, tmp_path: Path) -> None:
    (video,) = import_avsbench(dataset, tmp_path / "work", subset="v1m", split="test").videos
    session = AnnotationSession.open(video, read_only=True)
    assert {item.class_name for item in session.objects} == {"dog", "trumpet"}
    assert list(session.frame_indices) == [0, 1, 2, 3, 4]
    for item in session.objects:
        assert set(session.statuses(item.object_id).values()) == {FrameStatus.ACCEPTED}
        assert len(session.statuses(item.object_id)) == 5, "its absence is accepted, too"
    with open_clip(video) as clip:
        assert clip.size == SIZE
        assert clip.has_soundtrack
        listed = find_listed_clip(dataset, "v1m", "park-test")
        assert listed is not None
        first = dataset / clip_files(listed[1].key).frames[0]
        np.testing.assert_array_equal(clip.frames[0], np.asarray(Image.open(first)))


def test_unlabelled_frames_are_no_annotation(dataset: Path, tmp_path: Path) -> None:
    (video,) = import_avsbench(dataset, tmp_path / "work", subset="s4", split="train").videos
    session = AnnotationSession.open(video, read_only=True)
    assert list(session.frame_indices) == [0]
    (dog,) = session.objects
    assert dog.class_name == "dog"


def test_a_correction_goes_back_to_its_place_and_nothing_else_changes(
    dataset: Path, tmp_path: Path
) -> None:
    before = labels_of(dataset)
    report = import_avsbench(dataset, tmp_path / "work", subset="v2", split="test")
    session = AnnotationSession.open(report.videos[0])
    corrected = np.zeros(SIZE, dtype=bool)
    corrected[50:60, 5:20] = True
    dog = next(item for item in session.objects if item.class_name == "dog")
    session.set_mask(dog.object_id, 3, corrected)
    (note,) = changed_exports(session)
    assert note.name == "park-test_20000_30000"
    result = export(session, rewrite_request(note))
    note_export(session, result)
    assert changed_exports(session) == ()
    after = labels_of(dataset)
    differing = {name for name in before if before[name] != after[name]}
    assert differing == {
        "v2/park-test_20000_30000/labels_rgb/3.png",
        "v2/park-test_20000_30000/labels_semantic/3.png",
    }
    clip = open_dataset(dataset, "v2", "test")[0]
    assert clip.class_map is not None
    np.testing.assert_array_equal(clip.class_map[3] == DOG, corrected)
    assert (clip.start, clip.sound_classes) == (20, ("violin",))


def test_the_clips_own_video_is_taken_where_it_shows_the_same(tmp_path: Path) -> None:
    root, source = tmp_path / "data", tmp_path / "own.mp4"
    rows, columns = np.mgrid[:232, :252]
    frames = np.stack(
        [np.stack([rows / 2, columns / 2, 0 * rows + 4 * n], axis=2) for n in range(50)]
    ).astype(np.uint8)
    write_video(source, frames, 10, np.zeros(80_000, np.float32))
    masks = np.zeros((5, 232, 252), dtype=bool)
    masks[:, 31:97, 43:151] = True
    for name, shown in (("same", frames[9::10]), ("other", 255 - frames[9::10])):
        clip = ClipAnnotation(name, shown, None, np.zeros(80_000, np.float32), masks, video=source)
        write_clip(root, "ms3", "val", clip)
    before = labels_of(root)
    videos = {video.stem: video for video in import_avsbench(root, tmp_path / "work").videos}
    with open_clip(videos["same"]) as clip:
        assert (clip.size, len(clip.times)) == ((232, 252), 50)
    with open_clip(videos["other"]) as clip:
        assert (clip.size, len(clip.times)) == ((224, 224), 5)
    for video in videos.values():
        session = AnnotationSession.open(video)
        export(session, rewrite_request(session.exports[0]))
        session.close()
    assert labels_of(root) == before


def test_what_is_there_is_left_alone_and_damage_costs_one_clip(
    dataset: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    (video,) = import_avsbench(dataset, work, subset="v1m", split="test").videos
    session = AnnotationSession.open(video)
    session.rename(1, "cat")
    session.save()
    session.close()
    next((dataset / "v1m").rglob("park-train/labels_semantic/2.png")).write_bytes(b"no picture")
    report = import_avsbench(dataset, work, subset="v1m")
    assert report.videos == ()
    said = " ".join(report.skipped)
    assert "park-test.mp4 is there already" in said
    assert "2.png" in said
    assert AnnotationSession.open(video, read_only=True).object(1).class_name == "cat"


def test_a_refused_clip_leaves_nothing_and_the_dataset_stays_as_it_was(
    dataset: Path, tmp_path: Path
) -> None:
    label = next((dataset / "v1m").rglob("park-train/labels_semantic/2.png"))
    label.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\nshowpage\n")
    unfinished = dataset / ".avsbench-export-0" / "commit.json"
    unfinished.parent.mkdir()
    unfinished.write_text('{"added": [], "removed": ["v1m"]}')
    before = {path: path.stat() for path in dataset.rglob("*")}
    report = import_avsbench(dataset, tmp_path / "work", subset="v1m", split="train")
    assert (report.videos, report.failed, report.frames) == ((), 1, (0, 5))
    assert "2.png" in report.skipped[0]
    assert not (tmp_path / "work").exists()
    after = {path: path.stat() for path in dataset.rglob("*")}
    assert {path: (s.st_mtime_ns, s.st_size) for path, s in before.items()} == {
        path: (s.st_mtime_ns, s.st_size) for path, s in after.items()
    }


def test_a_list_that_tells_nothing_for_sure_is_named_and_costs_no_other(
    dataset: Path, tmp_path: Path
) -> None:
    path = next(dataset.rglob("ms3_meta_data.csv"))
    path.write_text(path.read_text() + "../../etc,test\n")
    report = import_avsbench(dataset, tmp_path / "work", split="train")
    assert report.failed == 1
    assert "ms3_meta_data.csv" in report.skipped[0]
    assert len(report.videos) == 3


def test_options_of_json_files_are_refused(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="--first-frame and --partial cannot apply"):
        import_dataset(dataset, tmp_path / "work", first_frame=1, partial=True)


def test_nothing_to_import_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no v2 clips"):
        import_avsbench(tmp_path, tmp_path / "work", subset="v2")


def test_a_clip_that_is_gone_cannot_be_exported_again(dataset: Path, tmp_path: Path) -> None:
    (video,) = import_avsbench(dataset, tmp_path / "work", subset="ms3", split="test").videos
    session = AnnotationSession.open(video, read_only=True)
    (note,) = session.exports
    with pytest.raises(DatasetError, match="no longer holds the clip 'gone'"):
        rewrite_request(replace(note, name="gone"))
