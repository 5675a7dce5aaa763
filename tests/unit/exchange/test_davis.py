"""DAVIS 2017, read as davis2017-evaluation reads it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_tavis.datasets.avsbench import ClipExistsError, DatasetError
from napari_tavis.datasets.davis import Davis, read_set
from napari_tavis.exchange.exporting import export
from napari_tavis.exchange.format import ExportRequest

from .conftest import SAMPLED, SIZE, MakeSession, square


@pytest.fixture
def request_davis(tmp_path: Path) -> ExportRequest:
    return ExportRequest(tmp_path / "davis", "davis", split="val")


def evaluated(root: Path, task: str, subset: str) -> dict[str, tuple[list[Path], np.ndarray]]:
    """Read a dataset the way davis2017-evaluation does: its folders, its lists, its objects.

    Returns, by video, the frames and the masks of the objects that it scores, ``[N, T, H, W]``:
    those up to the highest number in the first frame, 255 being void.
    """
    kind = "Annotations" if task == "semi-supervised" else "Annotations_unsupervised"
    year = "2019" if task == "unsupervised" and subset == "test-dev" else "2017"
    found = {}
    for line in (root / "ImageSets" / year / f"{subset}.txt").read_text().splitlines():
        images = sorted((root / "JPEGImages" / "480p" / line.strip()).glob("*.jpg"))
        files = sorted((root / kind / "480p" / line.strip()).glob("*.png"))
        assert [one.stem for one in images] == [one.stem for one in files]
        masks = np.stack([np.array(Image.open(path)) for path in files])
        masks[masks == 255] = 0
        numbers = np.arange(1, int(masks[0].max()) + 1)
        found[line.strip()] = images, masks[None] == numbers[:, None, None, None]
    return found


@pytest.mark.parametrize("task", ["semi-supervised", "unsupervised"])
@pytest.mark.parametrize(
    ("split", "subset"), [("train", "train"), ("val", "val"), ("test", "test-dev")]
)
def test_the_evaluation_finds_frames_and_objects(
    make_session: MakeSession, request_davis: ExportRequest, task: str, split: str, subset: str
) -> None:
    result = export(make_session(), replace(request_davis, split=split))
    assert (result.violations, result.notes) == ((), ())
    images, masks = evaluated(request_davis.root, task, subset)["Old-street"]
    assert [image.stem for image in images] == [f"{frame:05d}" for frame in SAMPLED]
    assert masks.shape == (2, len(SAMPLED), *SIZE)
    for place, frame in enumerate(SAMPLED):
        np.testing.assert_array_equal(masks[0, place], square(frame, 2))
        np.testing.assert_array_equal(masks[1, place], square(frame, 16))
    with Image.open(images[0]) as picture:
        assert picture.size == SIZE[::-1], "the video's own size, whatever the folder is called"


def test_objects_of_the_first_frame_have_the_first_numbers_and_others_are_told(
    make_session: MakeSession, request_davis: ExportRequest
) -> None:
    session = make_session()
    session.set_mask(1, SAMPLED[0], np.zeros(SIZE, dtype=bool))
    result = export(session, request_davis)
    (note,) = result.notes
    assert "first frame only, so not dog of Old-street" in note
    _, masks = evaluated(request_davis.root, "unsupervised", "val")["Old-street"]
    np.testing.assert_array_equal(masks[:, 0], [square(SAMPLED[0], 16)])


def test_no_object_is_void(make_session: MakeSession, request_davis: ExportRequest) -> None:
    with pytest.raises(DatasetError, match="255 objects, but an indexed PNG holds 254"):
        export(make_session(["dog"] * 255), request_davis)
    assert not request_davis.root.exists()


def test_an_object_that_others_cover_is_told(
    make_session: MakeSession, request_davis: ExportRequest
) -> None:
    session = make_session()
    session.set_mask(2, 29, square(29, 2))
    assert any("covered by other objects" in one for one in export(session, request_davis).notes)


def test_exporting_again_moves_the_video_to_its_new_split(
    make_session: MakeSession, request_davis: ExportRequest
) -> None:
    session, root = make_session(), request_davis.root
    export(session, replace(request_davis, name="other"))
    export(session, request_davis)
    with pytest.raises(ClipExistsError):
        export(session, replace(request_davis, split="train"))
    export(session, replace(request_davis, split="train", overwrite=True))
    assert read_set(root, "ImageSets/2017/val.txt") == ["other"]
    assert read_set(root, "ImageSets/2017/train.txt") == ["Old-street"]
    assert list(Davis().check(root, "train", "Old-street")) == []
    assert list(Davis().check(root, "val", "other")) == []


def test_a_video_of_the_published_dataset_is_not_replaced_unasked(
    make_session: MakeSession, request_davis: ExportRequest
) -> None:
    root = request_davis.root
    (root / "ImageSets/2017").mkdir(parents=True)
    (root / "ImageSets/2017/val.txt").write_text("bear\nOld-street\n")
    own = root / "Annotations/480p/Old-street/00000.png"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"theirs")
    with pytest.raises(ClipExistsError):
        export(make_session(), replace(request_davis, replace_own=True))
    assert own.read_bytes() == b"theirs"
    export(make_session(name="t"), replace(request_davis, name="mine"))
    assert read_set(root, "ImageSets/2017/val.txt") == ["bear", "Old-street", "mine"]


def test_a_video_that_lies_there_unlisted_is_not_replaced_unasked(
    make_session: MakeSession, request_davis: ExportRequest
) -> None:
    own = request_davis.root / "JPEGImages/480p/Old-street/00000.jpg"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"theirs")
    with pytest.raises(ClipExistsError):
        export(make_session(), request_davis)
    assert own.read_bytes() == b"theirs"


@pytest.mark.parametrize("line", ["../precious", "a/b", ".."])
def test_a_list_that_leads_out_of_the_dataset_is_refused(
    make_session: MakeSession, request_davis: ExportRequest, line: str
) -> None:
    (request_davis.root / "ImageSets/2017").mkdir(parents=True)
    (request_davis.root / "ImageSets/2017/train.txt").write_text(f"{line}\n")
    with pytest.raises(DatasetError, match="not the name of a video"):
        export(make_session(), request_davis)
