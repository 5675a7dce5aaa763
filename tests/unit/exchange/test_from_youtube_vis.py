"""YouTube-VIS files become sessions, with their videos or with the pictures of their frames."""

from __future__ import annotations

import json
import shutil
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from napari_tavis.annotation import AnnotationSession
from napari_tavis.core.errors import TavisError
from napari_tavis.datasets.avsbench import DatasetError
from napari_tavis.datasets.coco_masks import encode_rle
from napari_tavis.exchange.importing import import_dataset
from napari_tavis.exchange.new_session import ImportReport
from napari_tavis.media import open_clip

from .conftest import SIZE, square

Import = Callable[..., ImportReport]


def track(number: int, frames: int, seen: tuple[int, ...], **more: object) -> dict[str, Any]:
    """Give a track that is seen in some of the listed frames."""
    masks = [encode_rle(square(n, 10)) if n in seen else None for n in range(frames)]
    boxes = [[n, 10, 16, 12] if n in seen else None for n in range(frames)]
    return {
        "id": number,
        "video_id": 1,
        "category_id": 1,
        "iscrowd": 0,
        "segmentations": masks,
        "bboxes": boxes,
        **more,
    }


@pytest.fixture
def imported(tmp_path: Path) -> Import:
    """Give a function that imports tracks of a video whose frames have these names."""

    def run(names: list[str], *tracks: dict[str, Any], **options: Any) -> ImportReport:
        height, width = SIZE
        video = {"id": 1, "width": width, "height": height, "length": len(names)}
        content = {
            "videos": [{**video, "file_names": names}],
            "annotations": list(tracks),
            "categories": [{"id": 1, "name": "dog"}],
        }
        path = tmp_path / "train.json"
        path.write_text(json.dumps(content))
        return import_dataset(path, tmp_path / "work", **options)

    return run


def frames_of(report: ImportReport) -> list[set[int]]:
    session = AnnotationSession.open(report.videos[0], read_only=True)
    return [
        {int(n) for n in session.frame_indices if session.mask(item.object_id, int(n)).any()}
        for item in session.objects
    ]


def test_each_annotation_is_a_track_through_the_video(
    imported: Import, video: Path, tmp_path: Path
) -> None:
    shutil.copy(video, tmp_path / "street.mp4")
    names = ["street/00000.jpg", "street/00005.jpg", "street/00010.jpg"]
    report = imported(names, track(1, 3, (0, 2)), track(2, 3, (1,)))
    assert report.skipped == ()
    assert frames_of(report) == [{0, 10}, {5}]
    assert (report.annotations, report.frames, report.objects) == ((3, 3), (3, 3), 2)


def test_all_frames_of_the_video_count_by_their_order(
    imported: Import, video: Path, tmp_path: Path
) -> None:
    shutil.copy(video, tmp_path / "street.mp4")
    names = [f"street/{letter}.jpg" for letter in range(1000, 1100, 2)]
    assert frames_of(imported(names, track(1, 50, (0, 49)))) == [{0, 49}]


@pytest.mark.parametrize(
    ("names", "tracks", "said"),
    [
        (["street/b.jpg", "street/a.jpg"], [track(1, 2, (0,))], "its frame is unknown"),
        (["street/0.jpg", "street/99.jpg"], [track(1, 2, (1,))], "item 1 with annotation 1"),
        (["street/0.jpg"], [track(7, 2, (0,))], "annotation 7: its 'segmentations' must have"),
        (["street/0.jpg"], [track(7, 1, (0,), segmentations=3)], "annotation 7: its 'segm"),
        (["street/0.jpg"], [track(7, 1, (0,), video_id=3)], "annotation 7: its video_id is 3"),
        (
            ["street/0.jpg"],
            [track(7, 1, (0,), category_id=3)],
            "annotation 7: the category 3",
        ),
        (["street/0.jpg"], [track(7, 1, (), segmentations=[[[1]]])], "mask of annotation 7"),
    ],
)
def test_what_cannot_be_taken_is_named(
    imported: Import,
    video: Path,
    tmp_path: Path,
    names: list[str],
    tracks: list[dict[str, Any]],
    said: str,
) -> None:
    shutil.copy(video, tmp_path / "street.mp4")
    report = imported(names, *tracks)
    assert report.videos == ()
    assert any(said in sentence for sentence in report.skipped)
    assert not (tmp_path / "work").exists()


def test_a_list_without_annotations_is_refused(imported: Import) -> None:
    with pytest.raises(DatasetError, match="holds no annotations"):
        imported(["street/0.jpg"])


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    """The pictures of a video and its sound, where AVISeg has them; their names in the list."""
    folder = tmp_path / "train" / "JPEGImages" / "street"
    folder.mkdir(parents=True)
    for n in range(3):
        picture = Image.fromarray(np.full((*SIZE, 3), 60 * n, dtype=np.uint8))
        picture.save(folder / f"{n}.png")
    sound = tmp_path / "train" / "WAVAudios" / "street.wav"
    sound.parent.mkdir()
    with wave.open(str(sound), "wb") as file:
        file.setparams((2, 2, 44_100, 0, "NONE", ""))
        tone = 8000 * np.sin(np.arange(3 * 44_100) / 10)
        file.writeframes(np.repeat(tone.astype("<i2"), 2).tobytes())
    return [f"street/{n}.png" for n in range(3)]


def test_pictures_become_a_video_with_their_sound(imported: Import, pictures: list[str]) -> None:
    report = imported(pictures, track(1, 3, (0, 2)))
    assert report.skipped == ()
    assert frames_of(report) == [{0, 2}]
    assert "its 3 pictures, 1 a second, with the sound of street.wav" in report.notes[0]
    with open_clip(report.videos[0]) as clip:
        assert clip.times.tolist() == [0, 1, 2]
        assert [int(frame.mean()) for frame in map(np.asarray, clip.frames)] == [0, 60, 120]
        assert np.abs(clip.soundtrack()).max() > 0.1


@pytest.mark.parametrize("damage", ["gone", "postscript", "smaller"])
def test_pictures_that_are_none_leave_nothing(
    imported: Import, pictures: list[str], tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "train" / "JPEGImages" / pictures[1]
    if damage == "gone":
        path.unlink()
    elif damage == "postscript":
        path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\nshowpage\n")
    else:
        Image.new("RGB", (20, 20)).save(path)
    report = imported(pictures, track(1, 3, (0, 2)))
    assert report.videos == ()
    assert path.name in report.skipped[0]
    assert "Left: annotation 1." in report.skipped[0]
    assert not (tmp_path / "work").exists()


def test_a_broken_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(TavisError, match="missing"):
        import_dataset(tmp_path / "gone.json", tmp_path / "work")
