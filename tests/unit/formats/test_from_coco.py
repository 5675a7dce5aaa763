"""COCO files with videos become sessions."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_tavis.avsbench import DatasetError
from napari_tavis.formats.coco import encode_rle
from napari_tavis.formats.exporting import export
from napari_tavis.formats.from_coco import decode_segmentation, import_coco
from napari_tavis.formats.importing import import_dataset
from napari_tavis.formats.request import ExportRequest
from napari_tavis.session import AnnotationSession, FrameStatus

from .conftest import SAMPLED, SIZE, MakeSession, square


def test_an_export_comes_back_with_the_same_masks(
    make_session: MakeSession, tmp_path: Path
) -> None:
    session = make_session(accepted=False)
    session.accept(1)
    session.set_mask(2, 29, np.zeros(SIZE, dtype=bool))
    request = ExportRequest(tmp_path / "coco", "coco", split="test", include_proposals=True)
    export(session, request)
    report = import_dataset(tmp_path / "coco", tmp_path / "work")
    assert report.skipped == ()
    again = AnnotationSession.open(report.videos[0])
    assert list(again.frame_indices) == list(SAMPLED)
    assert [item.class_name for item in again.objects] == ["dog", "church bell"]
    for item, before in zip(again.objects, (1, 2), strict=True):
        for frame in SAMPLED:
            np.testing.assert_array_equal(
                again.mask(item.object_id, frame), session.mask(before, frame)
            )
    assert set(again.statuses(1).values()) == {FrameStatus.ACCEPTED}
    assert again.statuses(2)[9] is FrameStatus.PROPOSED, "what nobody looked at stays a proposal"
    assert again.scores(2)[9] == pytest.approx(0.8)
    export(again, replace(request, root=tmp_path / "second"))
    first = json.loads((tmp_path / "coco/annotations/test.json").read_text())
    second = json.loads((tmp_path / "second/annotations/test.json").read_text())
    masks = [[one["segmentation"] for one in data["annotations"]] for data in (first, second)]
    assert masks[0] == masks[1]


@pytest.fixture
def coco(tmp_path: Path, video: Path) -> dict[str, Any]:
    """The content of a small file by somebody else; its video lies in tmp_path."""
    shutil.copy(video, tmp_path / "clip.mp4")
    box = [[10.0, 4.0, 26.0, 4.0, 26.0, 20.0, 10.0, 20.0]]
    runs = {"size": list(SIZE), "counts": [96, 48, SIZE[0] * SIZE[1] - 144]}
    return {
        "videos": [{"id": 5, "file_name": "clip.mp4"}],
        "images": [
            {"id": 1, "video_id": 5, "frame_id": 3, "file_name": "a.jpg"},
            {"id": 2, "video_id": 5, "frame_id": 8, "file_name": "b.jpg"},
        ],
        "categories": [{"id": 1, "name": "kettle"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "instance_id": 7, "segmentation": box},
            {"id": 2, "image_id": 2, "category_id": 1, "instance_id": 7, "segmentation": runs},
            {
                "id": 3,
                "image_id": 2,
                "category_id": 1,
                "segmentation": encode_rle(square(0, 30)),
            },
        ],
    }


def write(folder: Path, content: object) -> Path:
    path = folder / "instances.json"
    path.write_text(json.dumps(content))
    return path


def test_polygons_runs_and_rle_of_other_tools(coco: dict[str, Any], tmp_path: Path) -> None:
    (video,) = import_coco(write(tmp_path, coco), tmp_path / "work").videos
    session = AnnotationSession.open(video, read_only=True)
    assert [item.class_name for item in session.objects] == ["kettle", "kettle"]
    box = np.zeros(SIZE, dtype=bool)
    box[4:20, 10:26] = True
    assert (session.mask(1, 3) ^ box).sum() <= 40
    columns = np.zeros(SIZE, dtype=bool)
    columns[:, 2] = True
    np.testing.assert_array_equal(session.mask(1, 8), columns)
    np.testing.assert_array_equal(session.mask(2, 8), square(0, 30))
    assert session.status(2, 3) is FrameStatus.ACCEPTED, "it is not in that frame"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data["videos"][0].update(file_name="../clip.mp4"), "inside the dataset"),
        (lambda data: data["videos"][0].update(file_name="/etc/passwd"), "inside the dataset"),
        (lambda data: data["videos"][0].update(file_name="gone.mp4"), "gone.mp4 is in none of"),
        (lambda data: data["images"][0].update(frame_id=50), "has the frame 50"),
        (lambda data: data["images"][0].pop("frame_id"), "has the frame None"),
        (lambda data: data["annotations"][1]["segmentation"].update(size=[9, 9]), "annotation 2"),
        (lambda data: data["annotations"][1]["segmentation"].update(counts=[5]), "annotation 2"),
        (lambda data: data["annotations"][0].update(segmentation="x"), "annotation 1"),
        (lambda data: data["annotations"][0].update(segmentation=[]), "annotation 1"),
        (lambda data: data["categories"].clear(), "category 1"),
    ],
)
def test_what_is_wrong_with_a_video_is_said_and_nothing_is_made_of_it(
    coco: dict[str, Any], tmp_path: Path, change: Any, said: str
) -> None:
    change(coco)
    report = import_coco(write(tmp_path, coco), tmp_path / "work")
    assert report.videos == ()
    assert len(report.skipped) == 1
    assert said in report.skipped[0]
    assert not list(tmp_path.rglob("session.json"))


def test_a_file_without_videos_is_refused(coco: dict[str, Any], tmp_path: Path) -> None:
    del coco["videos"]
    with pytest.raises(DatasetError, match="lists no videos"):
        import_coco(write(tmp_path, coco), tmp_path / "work")


def test_damaged_run_lengths_are_an_error_and_no_crash() -> None:
    good = encode_rle(square(3, 10))["counts"]
    random = np.random.default_rng(1)
    refused = 0
    for _ in range(300):
        letters = list(good)
        for place in random.integers(0, len(letters), 3):
            letters[place] = chr(int(random.integers(48, 112)))
        damaged = {"size": list(SIZE), "counts": "".join(letters)}
        try:
            assert decode_segmentation(damaged, SIZE, 1).shape == SIZE
        except DatasetError:
            refused += 1
    assert refused > 0
