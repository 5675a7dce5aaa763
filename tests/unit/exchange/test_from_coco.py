"""COCO files with videos become sessions."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession, FrameStatus, default_path
from napari_tavis.core.errors import TavisError
from napari_tavis.datasets.avsbench import DatasetError
from napari_tavis.datasets.coco_masks import encode_rle
from napari_tavis.exchange.exporting import export
from napari_tavis.exchange.format import ExportRequest
from napari_tavis.exchange.from_json import import_json
from napari_tavis.exchange.importing import import_dataset
from napari_tavis.exchange.new_session import staged
from napari_tavis.exchange.whole_videos import session_tracks

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
    (video,) = import_json(write(tmp_path, coco), tmp_path / "work").videos
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
        (lambda data: data["images"][0].pop("frame_id"), "its frame_id is None"),
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
    report = import_json(write(tmp_path, coco), tmp_path / "work")
    assert report.videos == ()
    assert said in report.skipped[0]
    assert report.failed == 1
    assert not (tmp_path / "work").exists()


def test_a_file_without_videos_is_refused(coco: dict[str, Any], tmp_path: Path) -> None:
    del coco["videos"]
    with pytest.raises(DatasetError, match="lists no videos"):
        import_json(write(tmp_path, coco), tmp_path / "work")


def masks_of(video: Path) -> list[tuple[str, dict[int, int]]]:
    """Give class, and first column by frame, of every object of an imported video."""
    session = AnnotationSession.open(video, read_only=True)
    found = []
    for item in session.objects:
        masks = {frame: session.mask(item.object_id, int(frame)) for frame in session.frame_indices}
        columns = {
            int(frame): int(np.nonzero(mask)[1].min())
            for frame, mask in masks.items()
            if mask.any()
        }
        found.append((item.class_name, columns))
    return found


def image(number: int, frame: object, **more: object) -> dict[str, Any]:
    return {"id": number, "video_id": 5, "frame_index": frame, "file_name": "x.jpg", **more}


def shape(number: int, image_id: object, column: int, category: int = 1, **more: object) -> Any:
    mask = encode_rle(square(column, 10))
    return {
        "id": number,
        "image_id": image_id,
        "category_id": category,
        "segmentation": mask,
        **more,
    }


@pytest.fixture
def imported(tmp_path: Path, video: Path) -> Callable[..., Any]:
    """Give a function that imports images and annotations of a video of 50 frames."""
    shutil.copy(video, tmp_path / "clip.mp4")

    def run(images: list[Any], annotations: list[Any], **options: Any) -> Any:
        content = {
            "videos": [{"id": 5, "file_name": "clip.mp4"}],
            "images": images,
            "annotations": annotations,
            "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}],
        }
        path = write(tmp_path, content)
        return import_json(path, tmp_path / f"work{len(os.listdir(tmp_path))}", **options)

    return run


def test_tracks_are_of_their_class_and_what_has_none_is_alone(imported: Any) -> None:
    report = imported(
        [image(n, n) for n in range(3)],
        [
            shape(1, 0, 1, track_id=1),
            shape(1, 0, 20, 2, track_id=1),
            shape(1, "1", 2, attributes={"track_id": "1"}),
            shape(1, 1.0, 21, 2, track_id=None, instance_id=1),
            shape(1, 2, 5, track_id=-1),
            shape(1, 2, 9, track_id=None),
        ],
    )
    assert masks_of(report.videos[0]) == [
        ("dog", {0: 1, 1: 2}),
        ("cat", {0: 20, 1: 21}),
        ("dog", {2: 5}),
        ("dog", {2: 9}),
    ]
    assert (report.annotations, report.frames, report.objects) == ((6, 6), (3, 3), 4)
    assert report.summary() == "Imported 6 of 6 annotations, 3 of 3 frames, 4 objects in 1 videos."


def test_a_track_that_changes_its_class_is_named(imported: Any) -> None:
    images = [image(n, n) for n in range(3)]
    shapes = [shape(n, n, n, category, track_id=8) for n, category in enumerate((1, 2, 1))]
    report = imported(images, shapes)
    assert report.videos == ()
    assert "annotation 1 in image 1: its track 8 is a 'cat' here" in report.skipped[0]
    report = imported(images, shapes, partial=True)
    assert masks_of(report.videos[0]) == [("dog", {0: 0, 2: 2}), ("cat", {1: 1})]
    assert len(report.skipped) == 1


def test_two_images_of_one_frame_are_joined(imported: Any) -> None:
    report = imported(
        [image(n, 0) for n in range(3)], [shape(n, n, 9 * n, 1 + n % 2) for n in range(3)]
    )
    assert masks_of(report.videos[0]) == [("dog", {0: 0}), ("cat", {0: 9}), ("dog", {0: 18})]


@pytest.mark.parametrize(
    ("numbers", "first", "frames"),
    [
        ((0, 7), None, {0, 7}),
        ((1, 50), None, {0, 49}),
        ((3, 8), None, {3, 8}),
        ((1, 2), None, None),
        ((1, 2), 0, {1, 2}),
        ((1, 2), 1, {0, 1}),
        ((0, 50), None, None),
        ((5, 50), None, None),
        ((5, 50), 1, {4, 49}),
        (("2", 4.0), None, {2, 4}),
        ((-1, 4), None, None),
        ((2.5, 4), None, None),
        ((True, 4), None, None),
        (([1], 4), None, None),
    ],
)
def test_frames_are_counted_from_0_or_1_as_the_numbers_decide(
    imported: Any, numbers: tuple[Any, ...], first: Any, frames: set[int] | None
) -> None:
    images = [image(n, number) for n, number in enumerate(numbers)]
    shapes = [shape(n, n, n) for n in range(len(numbers))]
    report = imported(images, shapes, first_frame=first)
    if frames is None:
        assert report.videos == ()
        assert report.skipped
    else:
        found = {frame for _, masks in masks_of(report.videos[0]) for frame in masks}
        assert found == frames
        assert "frames are counted from" in report.notes[0]


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        (shape(4, 99, 1), "annotation 4: there is no image with the id 99"),
        (shape(4, None, 1), "annotation 4: it names no image"),
        (shape(4, [0], 1), "annotation 4: its image_id [0] is neither"),
        (shape(4, True, 1), "annotation 4: its image_id True is neither"),
        (shape(4, 2**2000, 1), "annotation 4: its image_id inf is neither"),
        (shape(4, 7, 1), "annotation 4: 2 images have its image_id 7"),
        (shape(4, 0, 1, video_id=6), "annotation 4 in image 0: its video_id is 6"),
        (shape(4, 0, 1, 9), "annotation 4 in image 0: the category 9 names no class"),
        (shape(4, 0, 1, track_id={}), "annotation 4 in image 0: its track {} is neither"),
        (shape(4, 0, 1, score=2**2000), "annotation 4 in image 0: its score inf is not a number"),
        (shape(4, 0, 1, segmentation=None), "it has neither a mask nor a box"),
        (shape(4, 0, 1, segmentation=[[5, 5] * 3]), "its polygons cover no pixel"),
        (shape(4, 0, 1, segmentation=[[]]), "annotation 4 cannot be read"),
    ],
)
def test_every_annotation_is_taken_or_named(
    imported: Any, tmp_path: Path, annotation: Any, said: str
) -> None:
    images = [image(0, 0), image(1, 1), image(7, 2), image(7, 3)]
    before = set(tmp_path.iterdir())
    report = imported(images, [shape(1, 1, 5), annotation])
    assert (report.videos, report.annotations, report.failed) == ((), (0, 2), 1)
    (sentence,) = report.skipped
    assert said in sentence
    assert {path.name for path in set(tmp_path.iterdir()) - before} <= {"instances.json"}
    report = imported(images, [shape(1, 1, 5), annotation], partial=True)
    assert (report.skipped, report.annotations, report.failed) == ((sentence,), (1, 2), 0)
    assert masks_of(report.videos[0]) == [("dog", {1: 5})]


def test_frames_with_something_left_are_not_accepted(imported: Any) -> None:
    images = [image(n, n) for n in range(3)]
    shapes = [shape(n, n, n, track_id=1) for n in range(3)]
    broken = shape(9, 1, 20, segmentation="?")
    (video,) = imported(images, [*shapes, broken], partial=True).videos
    session = AnnotationSession.open(video, read_only=True)
    assert {int(frame): str(status) for frame, status in session.statuses(1).items()} == {
        0: "accepted",
        1: "proposed",
        2: "accepted",
    }


def test_a_box_is_an_object_to_outline(imported: Any) -> None:
    box = shape(3, 1, 0, segmentation=[], bbox=[4, 5, 6, 7], track_id=1)
    report = imported([image(n, n) for n in range(3)], [shape(1, 0, 5, track_id=1), box])
    assert report.skipped == ()
    assert "annotation 3 in image 1 has only a box (x 4, y 5, 6 x 7 pixels)" in report.notes[1]
    session = AnnotationSession.open(report.videos[0], read_only=True)
    assert session.status(1, 0) is FrameStatus.ACCEPTED
    assert session.status(1, 1) is FrameStatus.PROPOSED, "somebody has to draw it"
    assert not session.mask(1, 1).any()
    assert session.status(1, 2) is FrameStatus.ACCEPTED


@pytest.mark.parametrize("others", [[], [shape(2, 1, 30, 2)]], ids=["alone", "beside another"])
@pytest.mark.parametrize(
    "doubtful",
    [shape(3, 1, 0, segmentation=[], bbox=[4, 5, 6, 7]), shape(3, 1, 0, segmentation="?")],
    ids=["box", "left"],
)
def test_a_frame_with_something_to_draw_is_no_truth(
    imported: Any, doubtful: Any, others: Any
) -> None:
    images = [image(n, n) for n in range(3)]
    report = imported(images, [shape(1, 0, 5), *others, doubtful], partial=True)
    session = AnnotationSession.open(report.videos[0], read_only=True)
    assert session_tracks(session, "objects").unchecked == (1,)


def test_many_annotations_without_a_track_take_no_minutes(imported: Any) -> None:
    images = [image(n, n) for n in range(50)]
    report = imported(images, [shape(n, n % 50, n % 40) for n in range(2001)])
    session = AnnotationSession.open(report.videos[0], read_only=True)
    assert len(session.objects) == 2001
    found = [list(session.statuses(item.object_id).values()) for item in session.objects]
    assert found == [[FrameStatus.ACCEPTED]] * 2001
    tracks = session_tracks(session, "objects")
    assert (len(tracks.frames), tracks.unchecked) == (50, ())


@pytest.mark.parametrize(("score", "taken"), [(87.5, 1), (-0.2, 0)])
def test_a_score_that_is_none_is_said(imported: Any, score: float, taken: float) -> None:
    report = imported([image(0, 0)], [shape(2, 0, 5, score=score)])
    assert f"annotation 2 in image 0 has the score {score:g}, taken as {taken}." in report.notes[1]
    session = AnnotationSession.open(report.videos[0], read_only=True)
    assert session.scores(1) == {0: taken}


def test_options_that_cannot_apply_are_refused(coco: dict[str, Any], tmp_path: Path) -> None:
    path = write(tmp_path, coco)
    with pytest.raises(DatasetError, match="is not an AVSBench folder, to which --subset cannot"):
        import_dataset(path, tmp_path / "work", subset="v1m")
    with pytest.raises(DatasetError, match="is a single list, to which --split cannot"):
        import_dataset(path, tmp_path / "work", split="test")
    (tmp_path / "instances.json").rename(tmp_path / "instances_val2017.json")
    with pytest.raises(DatasetError, match=r"like test, but instances_val2017\.json"):
        import_dataset(tmp_path, tmp_path / "work", split="test")
    assert len(import_dataset(tmp_path, tmp_path / "work", split="val").videos) == 1


def test_a_crowd_is_one_object_and_said(imported: Any) -> None:
    report = imported([image(0, 0)], [shape(2, 0, 5, iscrowd=1)])
    assert masks_of(report.videos[0]) == [("dog", {0: 5})]
    assert any("annotation 2 in image 0 is a crowd" in note for note in report.notes)


def test_videos_of_one_name_are_told_apart_by_their_path(
    coco: dict[str, Any], video: Path, tmp_path: Path
) -> None:
    for folder in ("a", "b"):
        (tmp_path / "videos" / folder).mkdir(parents=True)
        shutil.copy(video, tmp_path / "videos" / folder / "clip.mp4")
    with (tmp_path / "videos/b/clip.mp4").open("ab") as file:
        file.write(bytes(8))
    coco["videos"] = [
        {"id": 5, "file_name": "videos\\a\\clip.mp4"},
        {"id": 6, "file_name": "b/clip.mp4"},
    ]
    coco["images"][1]["video_id"] = 6
    work = tmp_path / "work"
    report = import_json(write(tmp_path, coco), work)
    assert [path.name for path in report.videos] == ["a-clip.mp4", "b-clip.mp4"]
    for path, folder in zip(report.videos, "ab", strict=True):
        assert path.read_bytes() == (tmp_path / "videos" / folder / "clip.mp4").read_bytes()


def test_only_the_same_video_at_the_target_is_used(
    coco: dict[str, Any], video: Path, tmp_path: Path
) -> None:
    path, work = write(tmp_path, coco), tmp_path / "work"
    work.mkdir()
    (work / "clip.mp4").write_bytes(b"another video")
    report = import_json(path, work)
    assert "is there already and is another file" in report.skipped[0]
    assert [one.name for one in work.iterdir()] == ["clip.mp4"]
    shutil.copy(video, work / "clip.mp4")
    killed = work / ".napari-tavis-import-killed" / "clip.mp4"
    killed.parent.mkdir()
    killed.write_bytes(b"a part of a copy")
    assert import_json(path, work).skipped == ()
    assert {one.name for one in work.iterdir()} == {"clip.mp4", "clip.mp4.tavis"}
    assert "was left alone" in import_json(path, work).skipped[0]


def test_two_imports_to_one_place_at_once_leave_the_first_that_is_whole(
    tmp_path: Path, video: Path
) -> None:
    target = tmp_path / "work" / "clip.mp4"

    def put(name: bytes, meanwhile: Callable[[], None] = lambda: None) -> None:
        with staged(target) as place:
            shutil.copy(video, place)
            meanwhile()
            default_path(place).write_bytes(name)

    with pytest.raises(DatasetError, match="is there already"):
        put(b"the second", lambda: put(b"the first"))
    assert default_path(target).read_bytes() == b"the first"
    assert sorted(path.name for path in target.parent.iterdir()) == ["clip.mp4", "clip.mp4.tavis"]


def test_no_link_is_followed_out_of_the_dataset(
    coco: dict[str, Any], video: Path, tmp_path: Path
) -> None:
    root = tmp_path / "deep" / "data"
    root.mkdir(parents=True)
    (root / "clip.mp4").symlink_to(video)
    os.mkfifo(root / "pipe.mp4")
    for name in ("clip.mp4", "pipe.mp4"):
        coco["videos"][0]["file_name"] = name
        report = import_json(write(root, coco), tmp_path / "work")
        assert f"The video {name} is in none of" in report.skipped[0]
        assert "Left: annotations 1, 2, 3." in report.skipped[0]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("frame_000000.PNG", "frame_000008.PNG"), {"clip": {0, 8}}),
        (("clip/frame_000000.PNG", "clip/frame_000008.PNG"), {"clip": {0, 8}}),
        (("images\\1\\clip\\a1-0.jpg", "images\\1\\other\\a1-8.jpg"), {"clip": {0}, "other": {8}}),
        (("clip_mp4-0_jpg.rf.ab12.jpg", "clip_mp4-49_jpg.rf.ab13.jpg"), {"clip": {0, 49}}),
        (("clip_mp4-0_jpg.rf.ab12.jpg", "clip_mp4-8_jpg.rf.ab13.jpg"), None),
        (("nowhere_0.jpg", "clip/8.jpg"), None),
    ],
)
def test_files_of_images_find_the_videos_that_the_user_names(
    coco: dict[str, Any],
    video: Path,
    tmp_path: Path,
    names: tuple[str, str],
    found: dict[str, set[int]] | None,
) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    for stem in found or {"clip": ()}:
        shutil.copy(video, clips / f"{stem}.mp4")
    del coco["videos"]
    for entry, name in zip(coco["images"], names, strict=True):
        entry.clear()
        entry.update(id=coco["images"].index(entry) + 1, file_name=name)
    report = import_json(write(tmp_path, coco), tmp_path / "work", videos=clips)
    if found is None:
        assert report.failed
        return
    assert report.skipped == ()
    made = {path.stem: {f for _, m in masks_of(path) for f in m} for path in report.videos}
    assert made == found


def test_a_byte_order_mark_and_odd_files(coco: dict[str, Any], tmp_path: Path) -> None:
    path = write(tmp_path, coco)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(import_json(path, tmp_path / "work").videos) == 1
    for text in ("", "[]", "{}", '{"images": [1]}', "[" * 100_000, '{"videos": [], "images": []}'):
        path.write_text(text)
        with pytest.raises(TavisError):
            import_json(path, tmp_path / "other")
    assert not (tmp_path / "other").exists()
