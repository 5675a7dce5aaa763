"""What is said before anything is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.proposals import Proposal, Proposals
from napari_tavis.core.tasks import Task
from napari_tavis.core.vocabulary import class_color
from napari_tavis.datasets.avsbench import DatasetError, open_dataset
from napari_tavis.datasets.avsbench.mapping import UnmappedClassError
from napari_tavis.exchange.exporting import export, note_export, plan_export
from napari_tavis.exchange.format import ExportRequest
from napari_tavis.media import Clip

from .conftest import SAMPLED, SIZE, MakeSession, square


@pytest.fixture
def request_v1m(tmp_path: Path) -> ExportRequest:
    return ExportRequest(tmp_path / "data", subset="v1m", split="test")


def test_classes_that_avsbench_lacks_are_told_and_nothing_is_written(
    make_session: MakeSession, clip: Clip, request_v1m: ExportRequest
) -> None:
    session = make_session(("dog", "church bell", "kazoo"))
    for attempt in (
        lambda: plan_export(session, clip, request_v1m),
        lambda: export(session, request_v1m),
    ):
        with pytest.raises(UnmappedClassError) as raised:
            attempt()
        assert raised.value.class_names == ("church bell", "kazoo")
    assert not request_v1m.root.exists()


def test_mapping_is_used_shown_and_remembered_by_the_dataset(
    make_session: MakeSession, clip: Clip, request_v1m: ExportRequest
) -> None:
    session = make_session(("dog", "church bell", "kazoo"))
    mapped = replace(request_v1m, mapping={"church bell": "bell", "kazoo": None})
    shown = plan_export(session, clip, mapped)
    becomes = {one.item.class_name: (one.exported_as, one.reason) for one in shown.objects}
    assert becomes["church bell"] == ("bell", "")
    assert becomes["kazoo"] == (None, "left out by its class")
    result = export(session, mapped)
    assert result.violations == ()
    assert open_dataset(request_v1m.root, "v1m", "test")[0].class_names == ("bell", "dog")
    assert plan_export(session, clip, request_v1m).existing == "own", "not asked again"


def test_preview_names_what_is_written(
    make_session: MakeSession, clip: Clip, request_v1m: ExportRequest
) -> None:
    session = make_session(("dog",))
    shown = plan_export(session, clip, request_v1m)
    result = export(session, request_v1m)
    assert (shown.name, shown.place) == (result.name, result.place)
    assert shown.frames == (9, 19, 29, 39, 49)
    assert shown.seconds == (0, 5)
    assert shown.existing == ""
    note_export(session, result)
    (note,) = session.exports
    assert (note.format, note.name, note.stale) == ("avsbench-v1m", result.name, False)
    assert plan_export(session, clip, request_v1m).existing == "own"


def test_a_clip_of_another_video_is_told_and_kept(
    make_session: MakeSession, clip: Clip, request_v1m: ExportRequest, tmp_path: Path
) -> None:
    from napari_tavis.datasets.avsbench import ClipAnnotation, write_clip

    frames = np.zeros((5, 20, 20, 3), np.uint8)
    class_map = np.zeros((5, 20, 20), np.uint8)
    other = ClipAnnotation("park", frames, class_map, np.zeros(80_000, np.float32))
    write_clip(request_v1m.root, "v1m", "test", other)
    asked = replace(request_v1m, name="park", replace_own=True)
    session = make_session(("dog",))
    assert plan_export(session, clip, asked).existing == "other"
    with pytest.raises(DatasetError, match="already hold"):
        export(session, asked)


def test_objects_that_are_not_accepted_are_left_out_where_that_is_asked_for(
    make_session: MakeSession, clip: Clip, request_v1m: ExportRequest
) -> None:
    session = make_session(("dog", "car"), accepted=False)
    session.accept(2)
    asked = replace(request_v1m, masks="accepted")
    shown = plan_export(session, clip, asked)
    assert [one.exported_as for one in shown.objects] == [None, "car"]
    session.accept(2, 9)
    export(session, asked)
    assert open_dataset(request_v1m.root, "v1m", "test")[0].class_names == ("car",)


def test_pictures_show_the_masks_in_the_colours_of_the_dataset(
    make_session: MakeSession, clip: Clip, request_v1m: ExportRequest
) -> None:
    session = make_session(("dog",))
    shown = plan_export(session, clip, request_v1m)
    picture = shown.picture(2).astype(int)
    tint = picture[6, 38] - np.asarray(clip.frames[29])[6, 38]
    towards = np.array(class_color(17)) - np.asarray(clip.frames[29])[6, 38].astype(int)
    assert (
        np.sign(tint[np.abs(towards) > 20]).tolist()
        == np.sign(towards[np.abs(towards) > 20]).tolist()
    )
    assert picture.shape == (48, 64, 3)


@pytest.mark.parametrize("format_name", ["coco", "davis", "youtube-vos", "overlay"])
def test_whole_video_formats_are_previewed_as_they_are_written(
    make_session: MakeSession, clip: Clip, tmp_path: Path, format_name: str
) -> None:
    session = make_session()
    request = ExportRequest(tmp_path / "out", format_name)  # type: ignore[arg-type]
    shown = plan_export(session, clip, request)
    result = export(session, request)
    assert (shown.name, shown.place, shown.existing) == (result.name, result.place, "")
    note_export(session, result)
    assert plan_export(session, clip, request).existing == "own"


def test_a_video_of_the_same_file_name_is_another_one(
    make_session: MakeSession, clip: Clip, request_v1m: ExportRequest, tmp_path: Path, video: Path
) -> None:
    export(make_session(("dog",)), request_v1m)
    (tmp_path / "elsewhere").mkdir()
    other_file = tmp_path / "elsewhere" / video.name
    other_file.write_bytes(video.read_bytes() + b"\0" * 8)
    objects = [Proposal("car", 1.0, {frame: square(frame, 2) for frame in SAMPLED})]
    proposals = Proposals(SAMPLED, clip.times[list(SAMPLED)], SIZE, objects, frame_count=50)
    other = AnnotationSession.create(other_file, proposals)
    other.accept()
    asked = replace(request_v1m, replace_own=True)
    assert plan_export(other, clip, asked).existing == "other"
    with pytest.raises(DatasetError, match="already hold"):
        export(other, asked)
    assert open_dataset(request_v1m.root, "v1m", "test")[0].class_names == ("dog",)
    export(make_session(("cat",), name="t"), asked)
    assert open_dataset(request_v1m.root, "v1m", "test")[0].class_names == ("cat",)


def test_what_is_written_is_told_also_if_its_check_is_cancelled(
    make_session: MakeSession, request_v1m: ExportRequest
) -> None:
    def cancel(done: int, total: int, what: str) -> None:
        if what == "checking":
            task.cancel()

    session, task = make_session(("dog",)), Task(cancel)
    result = export(session, request_v1m, task=task)
    assert task.cancelled
    assert result.violations == ()
    assert open_dataset(request_v1m.root, "v1m", "test").names == (result.name,)
