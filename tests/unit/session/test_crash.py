"""What is left when a process is killed, or a file is damaged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.session import AnnotationSession, FrameStatus

from .conftest import SIZE, box, reopened

PAINTER = """
import sys
import numpy as np
from napari_tavis.session import AnnotationSession
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


@pytest.fixture
def worked(session: AnnotationSession) -> AnnotationSession:
    """A session with a snapshot and three saves in its journal."""
    session.save()
    session.set_mask(1, 28, box(0, 0))
    session.save()
    session.set_mask(1, 58, box(0, 1))
    session.add_object("drum")
    session.save()
    session.set_mask(4, 40, box(0, 2))
    session.save()
    return session


def journal(session: AnnotationSession) -> Path:
    return session.directory / "journal-000001.jsonl"


def line_of(session: AnnotationSession, text: bytes) -> int:
    lines = journal(session).read_bytes().split(b"\n")
    return next(number for number, line in enumerate(lines) if text in line)


def damage_line(session: AnnotationSession, number: int) -> None:
    lines = journal(session).read_bytes().split(b"\n")
    middle = len(lines[number]) // 2
    lines[number] = lines[number][:middle] + b"#" + lines[number][middle + 1 :]
    journal(session).write_bytes(b"\n".join(lines))


@pytest.mark.parametrize("cut", [1, 30, 100])
def test_a_torn_journal_loses_the_last_save_only(worked: AnnotationSession, cut: int) -> None:
    data = journal(worked).read_bytes()
    worked.close()
    journal(worked).write_bytes(data[:-cut])
    again = AnnotationSession.open(worked.directory)
    assert again.warnings == []
    assert again.annotated_frames(4) == []
    assert np.array_equal(again.mask(1, 28), box(0, 0))
    assert np.array_equal(again.mask(1, 58), box(0, 1))
    again.set_mask(4, 41, box(0, 3))
    again.save()
    after = reopened(worked.directory)
    assert after.annotated_frames(4) == [41]
    assert np.array_equal(after.mask(1, 58), box(0, 1))


def test_a_damaged_line_costs_its_frame_only(worked: AnnotationSession) -> None:
    worked.close()
    damage_line(worked, line_of(worked, b'"frame":[1,28]'))
    again = AnnotationSession.open(worked.directory)
    assert ["is damaged" in warning for warning in again.warnings] == [True]
    assert np.array_equal(again.mask(1, 28), box(4, 2))
    assert np.array_equal(again.mask(1, 58), box(0, 1))
    assert np.array_equal(again.mask(4, 40), box(0, 2))
    again.set_mask(1, 28, box(0, 0))
    again.save()
    assert reopened(worked.directory).warnings == []
    assert np.array_equal(reopened(worked.directory).mask(4, 40), box(0, 2))


def test_a_damaged_head_of_a_batch_costs_no_mask(worked: AnnotationSession) -> None:
    for number in (0, 2):
        damage_line(worked, number)
    again = reopened(worked.directory)
    assert len(again.warnings) == 2
    assert np.array_equal(again.mask(1, 28), box(0, 0))
    assert np.array_equal(again.mask(4, 40), box(0, 2))


def test_masks_of_an_object_whose_line_is_damaged_are_kept(worked: AnnotationSession) -> None:
    worked.close()
    damage_line(worked, line_of(worked, b'"drum","color"'))
    again = AnnotationSession.open(worked.directory)
    assert len(again.warnings) == 2
    assert np.array_equal(again.mask(4, 40), box(0, 2))
    assert again.object(4).class_name == "object 4"
    assert again.add_object("cat").object_id == 5


def test_a_line_that_leads_outside_is_a_damaged_line(worked: AnnotationSession) -> None:
    import zlib

    text = b'{"frame":[1,88],"record":{"status":"edited","mask":"../../x.png","score":null}}'
    with journal(worked).open("ab") as file:
        file.write(b"%08x %s\n" % (zlib.crc32(text), text))
    again = reopened(worked.directory)
    assert ["is damaged" in warning for warning in again.warnings] == [True]
    assert np.array_equal(again.mask(1, 88), box(4, 4))


def compact(session: AnnotationSession) -> AnnotationSession:
    """Let a new snapshot be written, as it is once the video has another name."""
    session.close()
    renamed = session.video.rename(session.video.with_name(f"re-{session.video.name}"))
    again = AnnotationSession.open(renamed)
    again.accept(2, 28)
    again.save()
    return again


@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "flipped"])
@pytest.mark.parametrize("compacted", [False, True])
def test_a_damaged_snapshot_loses_nothing(
    worked: AnnotationSession, damage: str, compacted: bool
) -> None:
    if compacted:
        worked = compact(worked)
        assert journal(worked).exists()  # it leads from the snapshot before to this one
    worked.set_mask(1, 30, box(3, 3))
    worked.save()
    worked.close()
    path = worked.directory / "session.json"
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "cut": data[:-50], "flipped": b"#" + data[1:]}[damage])

    again = AnnotationSession.open(worked.directory)
    assert ["put together again" in warning for warning in again.warnings] == [True]
    assert again.objects == worked.objects
    again.rename(1, "cat")
    again.save()
    assert reopened(worked.directory).warnings == []
    assert reopened(worked.directory).objects == again.objects


def test_a_snapshot_that_cannot_be_written_loses_nothing(worked: AnnotationSession) -> None:
    previous = worked.directory / "session.previous.json"
    previous.unlink()
    previous.mkdir()
    again = compact(worked)
    assert not again.dirty  # the journal has it
    assert reopened(again.directory).status(2, 28) is FrameStatus.ACCEPTED
    previous.rmdir()
    again.accept(1, 88)
    again.save()
    assert previous.is_file()
    assert reopened(again.directory).objects == again.objects
    assert reopened(again.directory).identity.name == "re-clip.mp4"


def test_a_mask_that_is_damaged_later_is_left_out_when_it_is_shown(
    worked: AnnotationSession,
) -> None:
    session = reopened(worked.directory)
    path = session.object(1).frames[28].mask.path
    assert path is not None
    path.write_bytes(b"no picture")
    assert not session.mask(1, 28).any()
    assert session.status(1, 28) is None  # nobody shall export it as empty
    assert len(session.warnings) == 1
    assert session.status(1, 58) is FrameStatus.EDITED


def test_a_disk_that_is_away_damages_nothing(worked: AnnotationSession, tmp_path: Path) -> None:
    away = worked.directory.rename(tmp_path / "elsewhere")
    assert worked.mask(1, 28).shape == SIZE
    assert worked.status(1, 28) is FrameStatus.EDITED
    away.rename(worked.directory)
    assert np.array_equal(worked.mask(1, 28), box(0, 0))


def test_many_damaged_masks_are_told_briefly(session: AnnotationSession) -> None:
    session.set_masks(1, {frame: box(0, frame % 30) for frame in range(100)}, label="Paint")
    session.save()
    for path in (session.directory / "masks" / "1").iterdir():
        path.unlink()
    again = reopened(session.directory)
    assert again.annotated_frames(1) == []
    assert again.annotated_frames(2) == [28]
    assert len(again.warnings) == 11
