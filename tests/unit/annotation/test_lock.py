"""One may write, the others are told."""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession, SessionError
from napari_tavis.annotation.proposals import Proposals

from .conftest import box, change, dog, make_proposals, reopened, rows, write_protected

HOLDER = """
import sys
from napari_tavis.annotation import AnnotationSession
session = AnnotationSession.open(sys.argv[1])
print("read-only" if session.read_only else "mine", *session.warnings, flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait seconds for whom the record alone names."""
    monkeypatch.setattr("napari_tavis.annotation.store._PATIENCE", 0.1)


@pytest.fixture
def closed(session: AnnotationSession) -> Path:
    session.save()
    session.close()
    return session.path


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
    assert f"on {socket.gethostname()}, process {holder.pid}, since 20" in second.warnings[0]
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
    for refused in (
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
            refused()
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


def test_a_folder_without_a_session_is_left_alone(video: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other.tavis"
    folder.mkdir()
    with pytest.raises(SessionError, match="no session"):
        AnnotationSession.open(folder)
    assert list(folder.iterdir()) == []


def test_a_file_that_cannot_be_written_is_open_for_reading(closed: Path, video: Path) -> None:
    with write_protected(closed):
        session = AnnotationSession.open(video)
        assert session.read_only
        assert ["cannot be written to" in text for text in session.warnings] == [True]
        assert np.array_equal(session.mask(1, 28), box(4, 2))


def test_nothing_lies_beside_the_file_between_two_saves(closed: Path, video: Path) -> None:
    session = AnnotationSession.open(video)
    session.set_mask(1, 28, box(0, 0))
    session.save()
    assert {path.name for path in closed.parent.iterdir()} == {"clip.mp4", "clip.mp4.tavis"}
    session.close()
    assert {path.name for path in closed.parent.iterdir()} == {"clip.mp4", "clip.mp4.tavis"}


@pytest.mark.parametrize(
    "owner",
    [
        '{"token":"x","program":"napari","host":"another","process":1,"since":1.7e9}',
        '{"token":"x","program":"napari","host":"here","process":999999,"since":1e99}',
        '{"token":7,"program":[],"host":null,"process":-1,"since":"never"}',
        '{"process":99999999999999999999}',
        "[1, 2]",
        "{",
    ],
)
def test_a_writer_that_a_crash_left_on_record_keeps_nobody_out(
    closed: Path, video: Path, owner: str
) -> None:
    owner = owner.replace("here", socket.gethostname())
    change(video, f"INSERT OR REPLACE INTO facts VALUES('owner', '{owner}')")
    session = AnnotationSession.open(video)
    assert not session.read_only
    session.accept(1, 28)
    session.save()
    session.close()
    assert rows(video, "SELECT value FROM facts WHERE name='owner'") == []


def test_a_record_that_could_not_be_replaced_is_no_other_writer(closed: Path, video: Path) -> None:
    """On a full disk neither the one before can leave nor this one sign, and then there is room."""
    gone = '{"token":"x","program":"napari","host":"b","process":1,"since":1.7e9}'
    change(video, f"INSERT INTO facts VALUES('owner', '{gone}')")
    held = AnnotationSession.open(video)
    assert held._store is not None
    assert held._store._writer is not None
    held._store._writer.execute("ROLLBACK")  # as if signing had failed
    change(video, f"INSERT OR REPLACE INTO facts VALUES('owner', '{gone}')")
    held.set_mask(1, 28, box(0, 0))
    held.save()
    assert np.array_equal(reopened(video).mask(1, 28), box(0, 0))


def test_who_lost_the_file_to_another_writer_overwrites_nothing(closed: Path, video: Path) -> None:
    """As it may happen to a process that slept in the moment in which nobody has the lock."""
    session = AnnotationSession.open(video)
    session.set_mask(1, 28, box(0, 0))
    assert session._store is not None
    assert session._store._writer is not None
    session._store._writer.execute("ROLLBACK")
    thief = '{"token":"x","program":"napari","host":"b","process":1,"since":1.7e9}'
    change(video, f"INSERT OR REPLACE INTO facts VALUES('owner', '{thief}')")
    with pytest.raises(SessionError, match=r"taken over by another writer .napari on b, process 1"):
        session.save()
    assert session.dirty
    assert np.array_equal(reopened(video).mask(1, 28), box(4, 2))


def test_a_reader_sees_one_state_whatever_is_saved_meanwhile(closed: Path, video: Path) -> None:
    writer, reader = AnnotationSession.open(video), reopened(video)
    before = reader.objects
    for left in (0, 1):
        writer.set_masks(1, dict.fromkeys((28, 58, 88), box(0, left)), label="Paint")
        writer.remove_object(3 - left)
        writer.save()
    writer.close()
    assert reader.objects == before
    assert np.array_equal(reader.mask(1, 58), box(4, 3))
    assert np.array_equal(reader.mask(3, 28), box(0, 0, 20, 30))
    assert reader.warnings == []
    assert np.array_equal(reopened(video).mask(1, 58), box(0, 1))


def test_one_who_reads_does_not_keep_the_writer_waiting(closed: Path, video: Path) -> None:
    writer, reader = AnnotationSession.open(video), reopened(video)
    for left in range(3):
        reader.mask(1, 28)
        writer.set_mask(1, 28, box(0, left))
        writer.save()
    assert not writer.dirty
