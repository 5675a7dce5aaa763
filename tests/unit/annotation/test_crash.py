"""What is left when a process is killed, or the disk is full."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession, FrameStatus, SessionError, holds_session
from napari_tavis.annotation.proposals import Proposals

from .conftest import SIZE, box, dog, make_proposals, path_of, reopened

PAINTER = """
import sys
import numpy as np
from napari_tavis.annotation import AnnotationSession
session = AnnotationSession.open(sys.argv[1])
assert not session.read_only
for stroke in range(1, 10**6):
    mask = np.zeros(session.frame_size)
    mask.flat[:stroke % 900] = 1
    with session.step("Paint"):
        for frame in (28, 58):
            session.set_mask(1, frame, mask)
    print(stroke, "painted", flush=True)
    session.save()
    print(stroke, "saved", flush=True)
"""


def paint_and_kill(video: Path, lines: int) -> dict[str, int]:
    """Let another process paint, kill it after some lines; give its last stroke of each kind."""
    process = subprocess.Popen(
        [sys.executable, "-c", PAINTER, str(video)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    heard = [process.stdout.readline() for _ in range(lines)]
    process.kill()
    heard += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    last = {"painted": 0, "saved": 0}
    for line in heard:
        if line.endswith("d\n"):  # the last line may be torn, too
            stroke, kind = line.split()
            last[kind] = int(stroke)
    return last


@pytest.mark.parametrize("lines", [1, 2, 33, 68])
def test_a_killed_painter_loses_the_last_stroke_at_most(
    session: AnnotationSession, video: Path, lines: int
) -> None:
    session.save()
    session.close()
    last = paint_and_kill(video, lines)
    assert last["painted"] - last["saved"] in (0, 1)

    again = AnnotationSession.open(video)
    assert not again.read_only  # a dead process locks nobody out
    assert again.warnings == []
    painted = again.status(1, 28) is FrameStatus.EDITED
    stroke = int(again.mask(1, 28).sum()) if painted else 0
    assert last["saved"] <= stroke <= last["painted"]
    assert again.status(1, 28) is again.status(1, 58)  # a save is whole or not there
    assert not painted or np.array_equal(again.mask(1, 28), again.mask(1, 58))
    again.set_mask(1, 88, box(0, 0))
    again.save()
    assert np.array_equal(reopened(video).mask(1, 88), box(0, 0))
    assert np.array_equal(reopened(video).mask(1, 28), again.mask(1, 28))


@pytest.mark.skipif(os.name != "posix", reason="kills processes that were forked")
@pytest.mark.parametrize("kills", [4, pytest.param(200, marks=pytest.mark.slow)])
def test_random_kills_lose_nothing_that_was_acknowledged(kills: int) -> None:
    script = Path(__file__).parents[3] / "benchmarks" / "kill_sessions.py"
    done = subprocess.run(
        [sys.executable, str(script), "--kills", str(kills), "--seed", str(kills)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "acknowledged saves are there" in done.stdout


@pytest.mark.parametrize("left", ["empty", "with an empty journal", "half written"])
def test_a_first_save_that_was_killed_can_be_done_again(
    session: AnnotationSession, video: Path, left: str
) -> None:
    path = path_of(video)
    if left == "half written":
        half = subprocess.run(
            [sys.executable, "-c", HALF, str(path)], capture_output=True, text=True, check=False
        )
        assert half.returncode == -signal.SIGKILL, half.stderr
        assert path.stat().st_size > 4096
        assert path.with_name(f"{path.name}-journal").stat().st_size > 0
    else:
        path.touch()
        if left == "with an empty journal":
            path.with_name(f"{path.name}-journal").touch()
    assert not holds_session(path)
    with pytest.raises(SessionError, match="no session to open"):
        AnnotationSession.open(video)
    AnnotationSession.create(video, make_proposals(dog()))
    session.save()
    session.close()
    assert {one.name for one in path.parent.iterdir()} == {video.name, path.name}
    assert reopened(video).objects == session.objects


HALF = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size=2")
connection.execute("BEGIN IMMEDIATE")
connection.execute("CREATE TABLE facts(name TEXT)")
for _ in range(300):
    connection.execute("INSERT INTO facts VALUES(hex(randomblob(1000)))")
os.kill(os.getpid(), signal.SIGKILL)
"""


def said_in_child(work: Callable[[], str]) -> str:
    """Do something in a forked process, and give what it has to say."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(writer, work().encode())
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writer)
    with open(reader, encoding="utf-8") as file:
        said = file.read()
    assert os.waitpid(child, 0)[1] == 0
    return said


def save_on_full_disk(path: Path, limit: int, again: bool) -> str:
    """Paint 60 frames and save where no file may be longer than the limit."""
    if path_of(path).exists():
        session = AnnotationSession.open(path)
    else:
        session = AnnotationSession.create(
            path, Proposals(np.array([0]), np.zeros(1), (200, 300), [], frame_count=500)
        )
        session.add_object("dog")
    session.set_mask(1, 0, np.ones((200, 300)))
    if path_of(path).exists():
        session.save()
    import resource  # not on Windows

    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    generator = np.random.default_rng(1)
    masks = {frame: generator.random((200, 300)) < 0.5 for frame in range(1, 60)}
    session.set_masks(1, masks, label="Paint")
    said = ""
    try:
        session.save()
    except SessionError as error:
        said = f"refused {error}"
        assert session.dirty
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        if again:
            session.save()
    session.close()
    return said


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files in a forked process")
@pytest.mark.parametrize("limit", [0, 3000, 20_000, 200_000])
@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("again", [False, True])
def test_a_full_disk_is_said_and_costs_nothing(
    video: Path, limit: int, begun: bool, again: bool
) -> None:
    """By a limit on the size of files, which a process of any user can have."""
    path = path_of(video)
    if begun:
        session = AnnotationSession.create(video, make_proposals())
        session._state.frame_size = (200, 300)
        session.add_object("dog")
        session.save()
        session.close()
    said = said_in_child(lambda: save_on_full_disk(video, limit, again))
    assert said.startswith(f"refused Cannot save the session {path} (")
    if not (begun or again):
        assert not path.exists()
    if begun and not again:
        assert reopened(video).mask(1, 0).all()
        assert reopened(video).annotated_frames(1) == [0]
    if not again:
        assert said_in_child(lambda: save_on_full_disk(video, 1 << 40, again)) == ""
    found = reopened(video)
    assert found.warnings == []
    assert found.annotated_frames(1) == list(range(60))
    assert found.mask(1, 59).shape == (200, 300)
    assert 20_000 < found.mask(1, 59).sum() < 40_000


def test_a_disk_that_is_away_damages_nothing(session: AnnotationSession, tmp_path: Path) -> None:
    session.save()
    session.set_mask(1, 28, box(0, 0))
    session.save()
    away = session.path.rename(tmp_path / "elsewhere")
    assert session.mask(1, 58).shape == SIZE
    assert session.status(1, 28) is FrameStatus.EDITED
    session.set_mask(1, 58, box(1, 1))
    with pytest.raises(SessionError, match="Cannot save the session"):
        session.save()
    assert session.dirty
    away.rename(session.path)
    session.save()
    assert np.array_equal(reopened(session.path).mask(1, 28), box(0, 0))
    assert np.array_equal(reopened(session.path).mask(1, 58), box(1, 1))


def test_a_first_save_that_fails_can_be_repeated(session: AnnotationSession, video: Path) -> None:
    path_of(video).mkdir()
    with pytest.raises(SessionError):
        session.save()
    assert session.dirty
    session.set_mask(1, 31, box(0, 0))
    path_of(video).rmdir()
    session.save()
    assert reopened(video).objects == session.objects
    assert reopened(video).warnings == []


def test_no_file_stays_open_after_closing(session: AnnotationSession, video: Path) -> None:
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 0
    session.save()
    session.close()
    session.mask(1, 28)
    for _ in range(3):
        again = AnnotationSession.open(video)
        again.mask(1, 28)
        again.close()
        reopened(video).close()
        with pytest.raises(SessionError):
            AnnotationSession.open(video.parent)
    after = len(os.listdir("/proc/self/fd")) if before else 0
    assert after == before
