"""One may write, the others are told."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.inference import Proposals
from napari_tavis.session import AnnotationSession, SessionError

from .conftest import box, dog, make_proposals, reopened

HOLDER = """
import sys
from napari_tavis.session import AnnotationSession
session = AnnotationSession.open(sys.argv[1])
print("read-only" if session.read_only else "mine", *session.warnings, flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def closed(session: AnnotationSession) -> Path:
    session.save()
    session.close()
    return session.directory


def start(video: Path) -> tuple[subprocess.Popen[str], str]:
    """Open the session in another process; give what it says."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(video)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_a_second_process_is_told_and_reads_only(closed: Path, video: Path) -> None:
    holder, said = start(video)
    assert said == "mine"
    second = AnnotationSession.open(video)
    assert second.read_only
    assert ["open in another window or process" in text for text in second.warnings] == [True]
    assert np.array_equal(second.mask(1, 28), box(4, 2))
    with pytest.raises(SessionError, match="reading only"):
        second.set_mask(1, 28, box(0, 0))
    holder.kill()
    holder.communicate()
    third = AnnotationSession.open(video)
    assert not third.read_only
    assert third.warnings == []


def test_the_second_process_is_told_while_this_one_paints(closed: Path, video: Path) -> None:
    session = AnnotationSession.open(video)
    session.set_mask(1, 28, box(0, 0))
    holder, said = start(video)
    holder.communicate("")
    assert said.startswith("read-only")
    assert "reading only" in said
    session.save()
    assert np.array_equal(reopened(video).mask(1, 28), box(0, 0))


def test_every_change_is_refused_when_read_only(closed: Path, video: Path) -> None:
    session = reopened(video)
    assert session.read_only
    assert session.warnings == []
    nothing = Proposals(np.array([28]), np.array([1.0]), session.frame_size, [], frame_count=150)
    for change in (
        lambda: session.set_mask(1, 28, box(0, 0)),
        lambda: session.set_masks(1, {28: box(0, 0)}, label="Paint"),
        lambda: session.propose_masks(1, {30: box(0, 0)}),
        lambda: session.accept(),
        lambda: session.rename(1, "cat"),
        lambda: session.add_object("cat"),
        lambda: session.remove_object(1),
        lambda: session.reject(1),
        lambda: session.restore(1),
        lambda: session.merge(1, 2),
        lambda: session.split(1, 58),
        lambda: session.set_threshold(1, 0.7),
        lambda: session.revert(1, 28),
        lambda: session.replace_proposals(nothing),
        lambda: session.set_done(True),
        lambda: session.note_export("data", "avsbench", "clip"),
        session.undo,
    ):
        with pytest.raises(SessionError, match="reading only"):
            change()
    session.add_work(5)
    assert not session.dirty
    session.save()
    assert session.objects == reopened(video).objects


def test_looking_keeps_nobody_out(closed: Path, video: Path) -> None:
    looking = reopened(video)
    assert not AnnotationSession.open(video).read_only
    assert looking.mask(1, 28).any()


def test_closing_lets_the_next_one_write(closed: Path, video: Path) -> None:
    first = AnnotationSession.open(video)
    first.accept(1, 28)
    first.save()
    first.close()
    first.close()
    assert first.read_only
    second = AnnotationSession.open(video)
    assert not second.read_only
    with pytest.raises(SessionError):
        first.accept()


def test_a_session_that_nobody_uses_is_let_go(closed: Path, video: Path) -> None:
    first = AnnotationSession.open(video)
    first.changed.connect(print)
    first.set_mask(1, 28, box(0, 0))
    del first
    gc.collect()
    assert not AnnotationSession.open(video).read_only


def test_a_new_session_is_locked_from_its_first_save(video: Path) -> None:
    first = AnnotationSession.create(video, make_proposals(dog()))
    first.save()
    assert AnnotationSession.open(video).read_only


def test_a_directory_without_a_session_is_left_alone(video: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other.tavis"
    folder.mkdir()
    with pytest.raises(SessionError, match="no session"):
        AnnotationSession.open(folder)
    assert list(folder.iterdir()) == []


def test_a_directory_that_cannot_be_written_is_open_for_reading(closed: Path, video: Path) -> None:
    (closed / ".lock").unlink()
    (closed / ".lock").mkdir()
    session = AnnotationSession.open(video)
    assert session.read_only
    assert ["cannot be written to" in text for text in session.warnings] == [True]
    assert np.array_equal(session.mask(1, 28), box(4, 2))
