"""How far a video has come, as its session says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from napari_tavis.annotation import AnnotationSession
from napari_tavis.project.states import (
    QueueState,
    file_signature,
    read_state,
)

from .conftest import box, make_session, make_video, spoil


def export(session: AnnotationSession) -> None:
    session.note_export("data", "v1m", "clip")


def export_then_paint(session: AnnotationSession) -> None:
    export(session)
    session.set_mask(1, 5, box(4))


def finish(session: AnnotationSession) -> None:
    session.set_done(True)


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (lambda session: None, QueueState.SEGMENTED),
        (lambda session: session.add_work(9.0), QueueState.SEGMENTED),
        (lambda session: session.set_mask(1, 5, box(4)), QueueState.IN_WORK),
        (lambda session: session.accept(1, 5), QueueState.IN_WORK),
        (lambda session: session.rename(1, "drum"), QueueState.IN_WORK),
        (lambda session: session.reject(2), QueueState.IN_WORK),
        (lambda session: session.add_object("drum"), QueueState.IN_WORK),
        (finish, QueueState.DONE),
        (export, QueueState.EXPORTED),
        (export_then_paint, QueueState.IN_WORK),
    ],
)
def test_state(
    change: Callable[[AnnotationSession], object], state: QueueState, folder: Path
) -> None:
    video = folder / "clip2.mp4"
    assert read_state(make_session(video, change), video)[0] is state


def test_a_change_after_the_export_is_told(folder: Path) -> None:
    video = folder / "clip2.mp4"
    assert (
        "Changed since it was exported to data"
        in read_state(make_session(video, export_then_paint), video)[1]
    )


def test_a_session_that_cannot_be_read_is_broken(folder: Path) -> None:
    video = folder / "clip2.mp4"
    directory = make_session(video)
    spoil(directory)
    state, why = read_state(directory, video)
    assert state is QueueState.BROKEN
    assert "clip2.mp4.tavis" in why


def test_looking_changes_nothing_and_takes_no_lock(folder: Path) -> None:
    video = folder / "clip2.mp4"
    directory = make_session(video)
    opened = AnnotationSession.open(directory)
    assert not opened.read_only
    before = directory.stat().st_mtime_ns
    read_state(directory, video)
    opened.set_done(True)
    assert directory.stat().st_mtime_ns == before
    opened.save()
    assert read_state(directory, video)[0] is QueueState.DONE


def test_a_signature_changes_with_every_save(folder: Path) -> None:
    video = folder / "clip2.mp4"
    assert file_signature(video.with_name("clip2.mp4.tavis")) == ""
    directory = make_session(video)
    seen = {file_signature(directory)}
    for left in (4, 6):
        session = AnnotationSession.open(directory)
        session.set_mask(1, 5, box(left))
        session.save()
        session.close()
        seen.add(file_signature(directory))
    assert len(seen) == 3
    assert file_signature(directory) in seen


def test_a_signature_of_a_video(folder: Path) -> None:
    before = file_signature(folder / "clip2.mp4")
    make_video(folder / "clip2.mp4", "something else")
    assert file_signature(folder / "clip2.mp4") != before
    assert file_signature(folder / "gone.mp4") == ""
