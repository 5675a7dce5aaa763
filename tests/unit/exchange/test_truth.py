"""What counts as truth in an export: what a person stands behind, and nothing left out unsaid."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.proposals import Proposal, Proposals
from napari_tavis.core.errors import TavisError
from napari_tavis.datasets.avsbench import DatasetError
from napari_tavis.exchange.exporting import export, plan_export
from napari_tavis.exchange.format import ExportPlan, ExportRequest
from napari_tavis.exchange.selection import UncheckedFramesError
from napari_tavis.media import Clip, open_clip

from .conftest import SAMPLED, SIZE, MakeSession, square, tree_of

TRUTH = ("avsbench", "coco", "davis", "youtube-vos")
NOTHING = np.zeros(SIZE, dtype=bool)


@pytest.fixture
def request_v1m(tmp_path: Path) -> ExportRequest:
    mapping = {"church bell": "bell"}
    return ExportRequest(tmp_path / "data", subset="v1m", split="test", mapping=mapping)


def made(
    video: Path, folder: Path, objects: dict[str, tuple[int, ...]], scene: tuple[int, ...] = ()
) -> AnnotationSession:
    """Make a session of objects, and of a scene mask, that the model found in some frames."""
    proposals = [
        Proposal(name, 0.9, {frame: square(frame, 2 + 12 * row) for frame in frames})
        for row, (name, frames) in enumerate(objects.items())
    ]
    if scene:
        masks = {frame: square(frame, 30) for frame in scene}
        proposals.append(Proposal("scene", 0.9, masks, kind="scene"))
    with open_clip(video) as clip:
        times = clip.times[list(SAMPLED)]
    found = Proposals(SAMPLED, times, SIZE, proposals, frame_count=50)
    return AnnotationSession.create(video, found, path=folder / "made.mp4.tavis")


def unchecked(session: AnnotationSession, clip: Clip, request: ExportRequest) -> tuple[int, ...]:
    return plan_export(session, clip, request).unchecked


@pytest.mark.parametrize("format_name", TRUTH)
def test_each_frame_counts_once_somebody_edited_or_accepted_all_that_is_proposed(
    make_session: MakeSession, clip: Clip, request_v1m: ExportRequest, format_name: str
) -> None:
    session = make_session(accepted=False)
    request = replace(request_v1m, format=format_name)  # type: ignore[arg-type]
    assert unchecked(session, clip, request) == SAMPLED
    session.accept(1)
    assert unchecked(session, clip, request) == SAMPLED, "the bell is a proposal still"
    session.set_mask(2, 9, square(0, 30))
    session.set_mask(2, 19, NOTHING)
    session.accept(None, 29)
    assert unchecked(session, clip, request) == (39, 49)
    session.reject(2)
    assert unchecked(session, clip, request) == ()


def test_what_the_model_did_not_find_beside_what_was_accepted_was_looked_at(
    video: Path, clip: Clip, tmp_path: Path, request_v1m: ExportRequest
) -> None:
    session = made(video, tmp_path, {"dog": SAMPLED, "bell": SAMPLED[:2]})
    session.accept(1)
    assert unchecked(session, clip, request_v1m) == SAMPLED[:2]
    session.accept(2)
    assert unchecked(session, clip, request_v1m) == ()


def test_silence_is_a_persons_word_too(
    video: Path, clip: Clip, tmp_path: Path, request_v1m: ExportRequest
) -> None:
    session = made(video, tmp_path, {"dog": SAMPLED[:3]})
    assert unchecked(session, clip, request_v1m) == SAMPLED
    session.accept(1, 9)
    session.accept(1, 19)
    assert unchecked(session, clip, request_v1m) == SAMPLED[2:]
    session.set_done(True)
    assert unchecked(session, clip, request_v1m) == SAMPLED[2:3], "done accepts no proposal"
    session.set_done(False)
    session.accept(1, 29)
    assert unchecked(session, clip, request_v1m) == (), "the object is accepted throughout"


def test_a_video_in_which_the_model_found_nothing_is_silent_when_it_is_done(
    video: Path, clip: Clip, tmp_path: Path, request_v1m: ExportRequest
) -> None:
    session = made(video, tmp_path, {})
    assert unchecked(session, clip, request_v1m) == SAMPLED
    session.set_done(True)
    assert unchecked(session, clip, request_v1m) == ()


def test_the_scene_mask_counts_where_it_is_what_is_written(
    video: Path, clip: Clip, tmp_path: Path, request_v1m: ExportRequest
) -> None:
    session = made(video, tmp_path, {"dog": SAMPLED}, SAMPLED)
    ms3 = replace(request_v1m, subset="ms3")
    session.accept(2)
    assert unchecked(session, clip, ms3) == ()
    assert unchecked(session, clip, request_v1m) == SAMPLED
    session.revert(2, 29)
    assert unchecked(session, clip, ms3) == (29,)
    session.accept(1, 29)
    assert unchecked(session, clip, ms3) == (), "the objects are written, which a person accepted"


def test_an_overlay_shows_the_work_as_it_is(
    make_session: MakeSession, clip: Clip, request_v1m: ExportRequest
) -> None:
    session = make_session(accepted=False)
    shown = plan_export(session, clip, replace(request_v1m, format="overlay"))
    assert shown.unchecked == ()
    assert "picture of the work" in shown.notes[0]


def test_the_refusal_counts_and_says_what_to_do(
    make_session: MakeSession, request_v1m: ExportRequest
) -> None:
    session = make_session(accepted=False)
    session.accept(None, 9)
    with pytest.raises(UncheckedFramesError, match=r"4 of the 5 .* first at 1\.90 s: accept"):
        export(session, request_v1m)
    assert not request_v1m.root.exists()


@pytest.mark.parametrize("format_name", TRUTH)
def test_an_accepted_object_without_a_class_is_an_obstacle(
    make_session: MakeSession, clip: Clip, request_v1m: ExportRequest, format_name: str
) -> None:
    session = make_session()
    background = next(item for item in session.objects if item.kind == "background")
    session.restore(background.object_id)
    session.accept()
    request = replace(request_v1m, format=format_name)  # type: ignore[arg-type]
    for masks in ("objects", "accepted"):
        with pytest.raises(DatasetError, match=rf"Object {background.object_id} .* has no class"):
            plan_export(session, clip, replace(request, masks=masks))  # type: ignore[arg-type]
    session.rename(background.object_id, "cat")
    assert "cat" in {one.exported_as for one in plan_export(session, clip, request).objects}


@pytest.mark.parametrize("subset", ["v1s", "v1m"])
@pytest.mark.parametrize("accepted", [True, False])
def test_a_scene_mask_without_objects_is_not_written_as_silence(
    video: Path, tmp_path: Path, request_v1m: ExportRequest, subset: str, accepted: bool
) -> None:
    session = made(video, tmp_path, {}, SAMPLED)
    if accepted:
        session.accept()
        session.set_done(True)
    asked = replace(request_v1m, subset=subset, include_proposals=True)  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="would call it silence: add the objects"):
        export(session, asked)
    assert not request_v1m.root.exists()
    if accepted:
        assert export(session, replace(request_v1m, subset="ms3")).violations == ()


def test_a_frame_with_an_accepted_scene_mask_and_no_object_is_not_silent(
    video: Path, clip: Clip, tmp_path: Path, request_v1m: ExportRequest
) -> None:
    session = made(video, tmp_path, {"dog": SAMPLED[:4]}, SAMPLED)
    session.accept()
    with pytest.raises(DatasetError, match=r"at 4\.90 s, but"):
        plan_export(session, clip, request_v1m)
    scene = next(item for item in session.objects if item.kind == "scene")
    session.set_mask(scene.object_id, 49, NOTHING)
    assert unchecked(session, clip, request_v1m) == ()


@pytest.mark.parametrize("format_name", ["coco", "davis", "youtube-vos"])
def test_frames_in_which_an_object_has_no_status_are_left_out_and_told(
    make_session: MakeSession, clip: Clip, request_v1m: ExportRequest, format_name: str
) -> None:
    session = make_session()
    session.set_mask(1, 33, square(0, 2))
    session.set_mask(1, 34, square(0, 2))
    session.set_mask(2, 34, NOTHING)
    request = replace(request_v1m, format=format_name)  # type: ignore[arg-type]
    shown = plan_export(session, clip, request)
    assert shown.frames == (9, 19, 29, 34, 39, 49)
    assert any("1 frames are left out" in note for note in shown.notes)


def notes_of(shown: ExportPlan) -> str:
    return " ".join(shown.notes)


@pytest.mark.parametrize("format_name", TRUTH)
def test_the_same_video_in_another_split_is_told(
    make_session: MakeSession, clip: Clip, request_v1m: ExportRequest, format_name: str
) -> None:
    session = make_session()
    request = replace(request_v1m, format=format_name)  # type: ignore[arg-type]
    export(session, replace(request, split="train", name="first"))
    shown = plan_export(session, clip, replace(request, name="second"))
    assert "is also in train (first) of this dataset" in notes_of(shown)
    shown = plan_export(session, clip, replace(request, name="second", split="train"))
    assert "of this dataset" not in notes_of(shown)


def test_the_same_video_in_another_subset_and_split_is_told(
    make_session: MakeSession, clip: Clip, request_v1m: ExportRequest
) -> None:
    session = make_session()
    export(session, replace(request_v1m, split="train"))
    shown = plan_export(session, clip, replace(request_v1m, subset="ms3", split="test"))
    assert "is also in train (Old-street" in notes_of(shown)


def test_an_object_that_others_cover_is_told(
    make_session: MakeSession, clip: Clip, request_v1m: ExportRequest
) -> None:
    session = make_session()
    session.set_mask(2, 29, square(29, 2))
    assert "covered by other objects" in notes_of(plan_export(session, clip, request_v1m))


@pytest.mark.parametrize("format_name", TRUTH)
@pytest.mark.parametrize("field", ["name", "licence", "root"])
def test_texts_that_are_not_utf8_are_refused_before_anything_is_done(
    make_session: MakeSession, request_v1m: ExportRequest, format_name: str, field: str
) -> None:
    bad = os.fsdecode(b"caf\xe9")
    value = request_v1m.root / bad if field == "root" else bad
    request = replace(request_v1m, format=format_name, **{field: value})  # type: ignore[arg-type]
    with pytest.raises(TavisError, match="not valid text"):
        export(make_session(), request)
    assert not request_v1m.root.exists()


def test_a_video_whose_name_is_not_utf8_is_refused(
    video: Path, tmp_path: Path, request_v1m: ExportRequest
) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    try:
        odd.write_bytes(video.read_bytes())
    except OSError:
        pytest.skip("this disk takes no such name")
    with open_clip(video) as clip:
        found = Proposals(
            SAMPLED,
            clip.times[list(SAMPLED)],
            SIZE,
            [Proposal("dog", 1.0, {frame: square(frame, 2) for frame in SAMPLED})],
            frame_count=50,
        )
        session = AnnotationSession.create(odd, found, path=tmp_path / "odd.tavis")
        session.accept()
        for format_name in TRUTH:
            request = replace(request_v1m, format=format_name)  # type: ignore[arg-type]
            with pytest.raises(TavisError, match="not valid text"):
                export(session, request, clip=clip)
    assert not request_v1m.root.exists()


@pytest.mark.parametrize("format_name", [*TRUTH, "overlay"])
def test_a_place_that_no_disk_has_is_a_sentence(
    make_session: MakeSession, request_v1m: ExportRequest, format_name: str
) -> None:
    root = request_v1m.root / ("y" * 300)
    request = replace(request_v1m, format=format_name, root=root)  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match=r"cannot be (a dataset|written)"):
        export(make_session(), request)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a limit of its own for a child")
@pytest.mark.parametrize("format_name", [*TRUTH, "s4", "overlay"])
def test_a_full_disk_is_a_sentence_and_leaves_the_dataset_as_it_was(
    make_session: MakeSession, request_v1m: ExportRequest, format_name: str
) -> None:
    import resource

    session = make_session()
    choices = {"subset": "s4"} if format_name == "s4" else {"format": format_name}
    request = replace(request_v1m, **choices)  # type: ignore[arg-type]
    export(session, replace(request, name="first"))
    before = tree_of(request.root)
    child = os.fork()
    if child == 0:
        code = 9
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (150, 150))
            export(session, replace(request, name="second"))
        except TavisError as error:
            code = 1 if "\n" not in str(error) else 8
        else:
            code = 7
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 1
    assert tree_of(request.root) == before


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a place that takes no folder")
@pytest.mark.parametrize("format_name", [*TRUTH, "overlay"])
def test_a_place_that_cannot_be_written_is_a_sentence(
    make_session: MakeSession, request_v1m: ExportRequest, format_name: str
) -> None:
    request = replace(request_v1m, format=format_name, root=Path("/proc/data"))  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="cannot be written"):
        export(make_session(), request)
