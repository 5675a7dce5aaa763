"""What is counted, how much was changed, and how well two people agree."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession, FrameStatus
from napari_tavis.project import ProjectError, QueueState
from napari_tavis.project.agreement import MatchedObject, class_kappa
from napari_tavis.project.listing import find_sources
from napari_tavis.project.report import as_json, write_json
from napari_tavis.project.statistics import collect

from .conftest import FRAMES, box, make_session, make_video, spoil

EMPTY = np.zeros_like(box(0))


def correct(session: AnnotationSession) -> None:
    """Accept, move, rub out and add; and reject the bell."""
    session.accept(1, FRAMES[0])
    session.set_mask(1, FRAMES[1], box(2, width=5))  # half of what was proposed
    session.set_mask(1, FRAMES[2], EMPTY)
    drum = session.add_object("drum")
    session.set_mask(drum.object_id, FRAMES[0], box(20))
    session.reject(2)
    session.add_work(90)


def test_change_against_the_proposals(folder: Path) -> None:
    directory = make_session(folder / "clip2.mp4", correct)
    found = collect([directory])
    change = found.change
    assert change.masks == 3
    assert change.mean_iou == pytest.approx((1 + 0.5 + 0) / 3)
    assert (change.unchanged, change.removed, change.added) == (1, 1, 1)
    assert found.classes["dog"].change.mean_iou == pytest.approx(0.5)
    assert found.classes["drum"].change.mean_iou is None
    assert list(found.classes) == ["dog", "drum"]
    assert found.rejected == 1


def test_an_unchanged_repainting_counts_as_unchanged(folder: Path) -> None:
    directory = make_session(folder / "clip2.mp4", lambda s: s.set_mask(1, FRAMES[0], box(2)))
    assert collect([directory]).change.unchanged == 1


def test_frames_and_masks_by_status(folder: Path) -> None:
    def some(session: AnnotationSession) -> None:
        session.accept(None, FRAMES[0])
        session.set_mask(1, FRAMES[1], box(3))
        session.accept(2, FRAMES[1])

    found = collect([make_session(folder / "clip2.mp4", some)])
    assert found.frames_by_status == {"accepted": 1, "edited": 1, "proposed": 1}
    assert found.masks_by_status == {
        FrameStatus.ACCEPTED: 3,
        FrameStatus.EDITED: 1,
        FrameStatus.PROPOSED: 2,
    }
    nothing = collect([make_session(folder / "clip10.mp4", objects={})])
    assert nothing.frames_by_status == {"empty": 3}


def test_clips_time_and_classes_are_summed(folder: Path) -> None:
    make_session(folder / "clip2.mp4", lambda s: (s.set_done(True), s.add_work(60)))
    make_session(folder / "clip10.mp4", lambda s: s.add_work(180))
    sources = find_sources([folder])
    found = collect(sources.sessions, unsegmented=sources.unsegmented)
    assert found.clips_by_state == {
        QueueState.NEW: 1,
        QueueState.SEGMENTED: 1,
        QueueState.DONE: 1,
    }
    assert (found.time.clips, found.time.total, found.time.mean) == (2, 4.0, 2.0)
    assert (found.classes["dog"].clips, found.classes["dog"].masks) == (2, 6)


def test_two_people_who_agree_in_part(folder: Path, tmp_path: Path) -> None:
    anna = make_session(folder / "clip2.mp4", lambda session: session.set_done(True))
    copy = tmp_path / "ben" / "same.mp4"
    copy.parent.mkdir()
    shutil.copy(folder / "clip2.mp4", copy)

    def ben(session: AnnotationSession) -> None:
        session.set_mask(1, FRAMES[0], box(2, width=5))
        session.rename(2, "drum")
        session.accept()

    found = collect([anna, make_session(copy, ben)])
    (agreement,) = found.agreements
    assert agreement.frames == 3
    matched = {one.first_class: one for one in agreement.matched}
    assert matched["dog"].iou == pytest.approx((0.5 + 1 + 1) / 3)
    assert matched["bell"].second_class == "drum"
    assert agreement.class_share == 0.5
    assert agreement.object_iou == pytest.approx((2.5 / 3 + 1) / 2)
    assert agreement.foreground_iou == pytest.approx((15 / 20 + 2) / 3)
    assert found.class_kappa == pytest.approx((0.5 - 0.25) / 0.75)


def test_objects_of_one_person_alone_are_told(folder: Path, tmp_path: Path) -> None:
    first = make_session(folder / "clip2.mp4", lambda session: session.accept())
    copy = make_video(tmp_path / "ben" / "clip2.mp4")
    apart = make_session(copy, lambda session: session.accept(), {"dog": box(2), "drum": box(13)})
    (agreement,) = collect([first, apart]).agreements
    assert [one.first_class for one in agreement.matched] == ["dog"]
    assert (agreement.first_only, agreement.second_only) == (("bell",), ("drum",))


def test_what_nobody_has_looked_at_is_not_compared(folder: Path, tmp_path: Path) -> None:
    first = make_session(folder / "clip2.mp4", lambda session: session.accept(None, FRAMES[0]))
    copy = make_video(tmp_path / "ben" / "clip2.mp4")
    (agreement,) = collect([first, make_session(copy)]).agreements
    assert agreement.frames == 0
    assert "No frame is finished in both" in agreement.why


def test_a_session_given_twice_counts_once(folder: Path) -> None:
    directory = make_session(folder / "clip2.mp4")
    found = collect([directory, folder / "clip2.mp4", directory.parent / "." / directory.name])
    assert len(found.clips) == 1
    assert not found.agreements


def test_an_unreadable_session_is_a_problem_and_no_more(folder: Path) -> None:
    good, bad = make_session(folder / "clip2.mp4"), make_session(folder / "clip10.mp4")
    spoil(bad)
    found = collect([bad, good])
    assert len(found.clips) == 1
    assert "clip10.mp4.tavis" in found.problems[0]


def test_open_sessions_are_counted_as_they_are(folder: Path) -> None:
    make_session(folder / "clip2.mp4")
    session = AnnotationSession.open(folder / "clip2.mp4")
    session.accept()
    found = collect([session])
    assert found.masks_by_status == {FrameStatus.ACCEPTED: 6}
    session.set_done(True)  # still open
    session.close()


def test_kappa() -> None:
    def pairs(*classes: str) -> list[MatchedObject]:
        return [MatchedObject(one[0], one[1], 1.0) for one in classes]

    assert class_kappa(pairs("aa", "bb", "cc")) == pytest.approx(1)
    assert class_kappa(pairs("ab", "ba")) == pytest.approx(-1)
    assert class_kappa(pairs("aa", "ab", "ba", "bb")) == pytest.approx(0)
    assert class_kappa(pairs("aa", "aa")) is None
    assert class_kappa([]) is None


def test_json_holds_every_number(folder: Path, tmp_path: Path) -> None:
    found = collect([make_session(folder / "clip2.mp4", correct)])
    file = tmp_path / "numbers" / "stats.json"
    write_json(file, found)
    document = json.loads(file.read_text())
    assert document == as_json(found)
    assert document["minutes"]["mean_per_clip"] == 1.5
    assert document["clips"]["in work"] == 1
    assert document["change"]["masks"] == 3
    with pytest.raises(ProjectError, match=r"stats\.json"):
        write_json(file / "stats.json", found)


def test_sources_are_what_is_meant(folder: Path) -> None:
    directory = make_session(folder / "clip2.mp4")
    lost = make_session(folder / "Clip1.MOV")
    (folder / "Clip1.MOV").unlink()
    (folder / "list.txt").write_text("clip2.mp4\ngone.mp4\nclip10.mp4\n")
    whole = find_sources([folder])
    assert set(whole.sessions) == {directory, lost}
    assert whole.unsegmented == (folder / "clip10.mp4",)
    assert find_sources([directory]).sessions == (directory,)
    assert find_sources([folder / "clip2.mp4"]).sessions == (directory,)
    listed = find_sources([folder / "list.txt"])
    assert (listed.sessions, listed.unsegmented) == ((directory,), (folder / "clip10.mp4",))
    with pytest.raises(ProjectError, match=r"nowhere does not exist"):
        find_sources([folder / "nowhere"])
