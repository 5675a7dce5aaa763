"""COCO: read back by COCO's own reader, and replaced video by video."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.datasets.avsbench import ClipExistsError, DatasetError
from napari_tavis.datasets.coco import CocoVideos
from napari_tavis.exchange.exporting import export
from napari_tavis.exchange.format import ExportRequest
from napari_tavis.media import open_clip

from .conftest import SAMPLED, SIZE, MakeSession, square, tree_of


def read(path: Path) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def entry(data: Any, name: str) -> dict[str, Any]:
    return next(one for one in data.dataset["videos"] if one["name"] == name)


@pytest.fixture
def request_coco(tmp_path: Path) -> ExportRequest:
    return ExportRequest(tmp_path / "coco", "coco", split="train", licence="CC BY 4.0, Jane")


def test_cocos_reader_gives_the_masks_tracks_and_scores(
    make_session: MakeSession, request_coco: ExportRequest
) -> None:
    session = make_session(accepted=False)
    session.set_mask(1, 19, square(0, 30))
    result = export(session, replace(request_coco, include_proposals=True))
    assert result.violations == ()
    data = read(request_coco.root / "annotations" / "train.json")
    video = entry(data, "Old-street")
    tracks = {track["object_id"]: track["id"] for track in data.dataset["tracks"]}
    assert set(tracks) == {1, 2}, "neither the rejected nor the background object"
    names = {one["id"]: one["name"] for one in data.dataset["categories"]}
    assert set(names.values()) == {"dog", "church bell"}
    assert names[17] == "dog", "AVSBench's classes keep their numbers"
    images = {one["frame_index"]: one for one in data.dataset["images"]}
    assert sorted(images) == list(SAMPLED)
    assert all(image["video_id"] == video["id"] for image in images.values())
    for frame, image in images.items():
        found = {one["track_id"]: one for one in data.imgToAnns[image["id"]]}
        dog = found[tracks[1]]
        expected = square(0, 30) if frame == 19 else square(frame, 2)
        np.testing.assert_array_equal(data.annToMask(dog).astype(bool), expected)
        assert dog["status"] == ("edited" if frame == 19 else "proposed")
        assert found[tracks[2]]["score"] == pytest.approx(0.8)
        assert names[dog["category_id"]] == "dog"
    licences = {one["id"]: one["name"] for one in data.dataset["licenses"]}
    assert licences[video["license"]] == "CC BY 4.0, Jane"


def test_pictures_and_the_video_lie_where_the_file_says(
    make_session: MakeSession, request_coco: ExportRequest, video: Path
) -> None:
    export(make_session(), request_coco)
    root = request_coco.root
    data = read(root / "annotations" / "train.json")
    for image in data.dataset["images"]:
        with Image.open(root / "images" / image["file_name"]) as picture:
            assert picture.size == SIZE[::-1]
            shown = np.asarray(picture).mean()
        assert shown == pytest.approx(20 + 4 * image["frame_index"], abs=4)
    assert (root / entry(data, "Old-street")["file_name"]).read_bytes() == video.read_bytes()


def test_exporting_again_replaces_just_that_video(
    make_session: MakeSession, request_coco: ExportRequest
) -> None:
    first, second = make_session(name="a"), make_session(("car",), name="b")
    export(first, replace(request_coco, name="one"))
    export(second, replace(request_coco, name="two"))
    root = request_coco.root
    before, files = read(root / "annotations" / "train.json"), tree_of(root)
    other = {one["id"]: one for one in before.dataset["annotations"] if one["video_id"] == 2}
    with pytest.raises(ClipExistsError):
        export(first, replace(request_coco, name="one"))
    first.set_mask(1, 9, square(20, 20))
    export(first, replace(request_coco, name="one", split="val", overwrite=True))
    after = read(root / "annotations" / "train.json")
    assert {one["id"]: one for one in after.dataset["annotations"]} == other
    assert [one["name"] for one in after.dataset["videos"]] == ["two"]
    moved = read(root / "annotations" / "val.json")
    numbers = {one["name"]: one["id"] for one in before.dataset["categories"]}
    assert {
        one["name"]: one["id"] for one in moved.dataset["categories"]
    }.items() <= numbers.items()
    assert {name for name in tree_of(root) if "two" in name} == {n for n in files if "two" in n}
    assert list(CocoVideos().check(root, "val", "one")) == []
    assert list(CocoVideos().check(root, "train", "two")) == []


def test_only_accepted_objects_where_that_is_asked_for(
    make_session: MakeSession, request_coco: ExportRequest
) -> None:
    session = make_session(accepted=False)
    asked = replace(request_coco, masks="accepted")
    with pytest.raises(DatasetError, match="no accepted object"):
        export(session, asked)
    assert not request_coco.root.exists()
    session.accept(2)
    export(session, asked)
    data = read(request_coco.root / "annotations" / "train.json")
    assert [track["object_id"] for track in data.dataset["tracks"]] == [2]


def test_cancel_leaves_nothing(make_session: MakeSession, request_coco: ExportRequest) -> None:
    session = make_session()

    def stop(done: int, total: int, what: str) -> None:
        if what == "writing frames" and done == 3:
            task.cancel()

    task = Task(stop)

    with pytest.raises(Cancelled):
        export(session, request_coco, task=task)
    assert not request_coco.root.exists()


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        '{"videos": {"a": 1}}',
        '{"videos": [3]}',
        '{"videos": [{"name": "a"}]}',
        '{"tracks": [{"id": [1]}]}',
        '{"categories": [{"id": 1}]}',
        '{"categories": [{"id": null, "name": "dog"}]}',
    ],
)
def test_a_file_that_is_no_coco_is_said_and_kept(
    make_session: MakeSession, request_coco: ExportRequest, text: str
) -> None:
    path = request_coco.root / "annotations" / "train.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(DatasetError, match=r"train\.json"):
        export(make_session(), request_coco)
    assert path.read_text() == text


def test_a_dataset_cannot_have_a_file_outside_it_removed(
    make_session: MakeSession, request_coco: ExportRequest, tmp_path: Path
) -> None:
    export(make_session(), request_coco)
    path = request_coco.root / "annotations" / "train.json"
    content = json.loads(path.read_text())
    content["videos"][0]["file_name"] = "../precious.mp4"
    path.write_text(json.dumps(content))
    (tmp_path / "precious.mp4").write_bytes(b"keep me")
    export(make_session(name="t"), replace(request_coco, overwrite=True))
    assert (tmp_path / "precious.mp4").read_bytes() == b"keep me"


def test_a_session_that_may_only_be_read_is_exported(
    make_session: MakeSession, request_coco: ExportRequest
) -> None:
    from napari_tavis.annotation import AnnotationSession

    session = make_session()
    session.save()
    session.close()
    reader = AnnotationSession.open(session.path, video=session.video, read_only=True)
    with open_clip(session.video) as clip:
        assert export(reader, request_coco, clip=clip).violations == ()
