"""The file of a session: what is in it, what is written, and what it may do to a reader."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_tavis.annotation import AnnotationSession, FrameStatus, SessionError, find_session
from napari_tavis.annotation.masks import PackedMasks
from napari_tavis.annotation.proposals import Proposal, Proposals

from .conftest import SIZE, box, change, dog, make_proposals, path_of, reopened, rows


@pytest.fixture
def saved(session: AnnotationSession) -> Path:
    session.save()
    return session.path


@pytest.fixture
def closed(session: AnnotationSession, saved: Path) -> Path:
    session.close()
    return saved


def pictures(video: Path) -> set[object]:
    return {digest for (digest,) in rows(video, "SELECT digest FROM pictures")}


def test_masks_are_one_bit_pictures(closed: Path, video: Path) -> None:
    query = "SELECT data FROM pictures WHERE digest=(SELECT mask FROM frames WHERE object=2)"
    ((data,),) = rows(video, query)
    with Image.open(io.BytesIO(bytes(data))) as image:  # type: ignore[call-overload]
        assert image.mode == "1"
        assert np.array_equal(np.asarray(image), box(10, 25))


def test_the_file_says_whose_it_is(closed: Path, video: Path) -> None:
    assert rows(video, "PRAGMA application_id") == [(0x54415649,)]
    assert rows(video, "PRAGMA user_version") == [(1,)]
    assert rows(video, "PRAGMA journal_mode") == [("delete",)]


def test_others_may_read_what_the_umask_lets_them(session: AnnotationSession, video: Path) -> None:
    session.save()
    assert session.path.stat().st_mode & 0o777 == video.stat().st_mode & 0o777


def test_saving_twice_writes_nothing(session: AnnotationSession, saved: Path) -> None:
    before = saved.stat().st_mtime_ns
    session.save()
    assert saved.stat().st_mtime_ns == before


def test_an_edit_writes_its_own_mask(session: AnnotationSession, video: Path, saved: Path) -> None:
    before = pictures(video)
    session.set_mask(1, 58, box(0, 0))
    session.save()
    assert len(pictures(video) - before) == 1
    session.accept()
    session.save()
    assert len(pictures(video) - before) == 1


def test_equal_masks_are_kept_once(session: AnnotationSession, video: Path) -> None:
    session.set_masks(1, dict.fromkeys(range(100), box(4, 2)), label="Paint")
    session.save()
    session.set_mask(2, 3, box(4, 2))
    session.save()
    assert len(pictures(video)) == 5
    assert all(np.array_equal(reopened(video).mask(1, at), box(4, 2)) for at in (0, 50, 99))


def test_what_nothing_names_goes_a_day_later(session: AnnotationSession, video: Path) -> None:
    session.save()
    session._history._most_steps = 1
    for left in range(3):
        session.set_mask(1, 28, box(0, left))
        session.save()
    session.save()
    session.close()
    assert len(pictures(video)) == 8  # a reader may still ask for them
    again = AnnotationSession.open(video)
    again.set_mask(2, 28, box(0, 0))  # one of them is used again
    again.save()
    again.close()
    change(video, "UPDATE pictures SET unused_since=unused_since - 90000")
    third = AnnotationSession.open(video)
    third.accept(2)
    third.save()
    third.close()
    last = reopened(video)
    assert last.warnings == []
    assert np.array_equal(last.mask(1, 28), box(0, 2))
    assert np.array_equal(last.mask(2, 28), box(0, 0))
    assert rows(video, "SELECT * FROM pictures WHERE unused_since < 1e9") == []


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "text", "other size", "gone"])
def test_a_damaged_mask_costs_its_frame_only(closed: Path, video: Path, damage: str) -> None:
    which = "digest=(SELECT mask FROM frames WHERE object=1 AND frame=58)"
    ((data,),) = rows(video, f"SELECT data FROM pictures WHERE {which}")
    assert isinstance(data, bytes)
    other = io.BytesIO()
    Image.new("1", (3, 3)).save(other, "PNG")
    contents = {
        "truncated": data[:-20],
        "flipped": data[:-20] + bytes([data[-20] ^ 1]) + data[-19:],
        "empty": b"",
        "text": b"no picture",
        "other size": other.getvalue(),
    }
    if damage == "gone":
        change(video, f"DELETE FROM pictures WHERE {which}")
    else:
        change(video, f"UPDATE pictures SET data=x'{contents[damage].hex()}' WHERE {which}")
    again = AnnotationSession.open(video)
    assert not again.mask(1, 58).any()
    assert ["in frame 58" in warning for warning in again.warnings] == [True]
    assert again.annotated_frames(1) == [28, 88]  # nobody shall export it as empty
    assert np.array_equal(again.mask(1, 88), box(4, 4))
    again.set_mask(1, 58, box(4, 3))  # the same mask once more: it is made whole
    again.save()
    assert reopened(video).warnings == []
    assert np.array_equal(reopened(video).mask(1, 58), box(4, 3))


def test_many_missing_masks_are_told_briefly(session: AnnotationSession, video: Path) -> None:
    masks = {frame: box(frame % 16, frame % 30) for frame in range(100)}
    session.set_masks(1, masks, label="Paint")
    session.save()
    session.close()
    change(video, "DELETE FROM pictures WHERE digest IN (SELECT mask FROM frames WHERE object=1)")
    again = reopened(video)
    assert again.annotated_frames(1) == []
    assert again.annotated_frames(2) == [28]
    assert len(again.warnings) == 11


NO_SESSIONS = {
    "nothing": b"",
    "text": b"{" * 100,
    "zeros": bytes(8192),
    "cut": b"SQLite format 3\0" + bytes(40),
    "noise": np.random.default_rng(0).bytes(20_000),
    "head only": b"SQLite format 3\0\x10\x00\x01\x01\x00\x40\x20\x20" + b"\xff" * 5000,
}


@pytest.mark.parametrize("content", NO_SESSIONS.values(), ids=NO_SESSIONS)
def test_what_is_no_session_is_named(video: Path, content: bytes) -> None:
    path_of(video).write_bytes(content)
    for path in (video, path_of(video)):
        with pytest.raises(SessionError, match=r"clip\.mp4\.tavis"):
            AnnotationSession.open(path)
    assert path_of(video).read_bytes() == content


def test_no_session_is_said_plainly(video: Path) -> None:
    for path in (video, path_of(video)):
        with pytest.raises(SessionError, match=r"session to open in [^ ]*clip\.mp4\.tavis \("):
            reopened(path)


@pytest.mark.parametrize("kind", ["folder", "pipe", "dangling link"])
def test_what_is_no_file_is_neither_opened_nor_written(
    session: AnnotationSession, video: Path, tmp_path: Path, kind: str
) -> None:
    path = path_of(video)
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SessionError, match="no session to open"):
        AnnotationSession.open(video)
    assert find_session(tmp_path / "another.mp4") is None
    with pytest.raises(SessionError, match="already"):
        session.save()
    assert not (tmp_path / "elsewhere").exists()


def test_a_link_is_read_and_never_written(closed: Path, video: Path, tmp_path: Path) -> None:
    closed.rename(tmp_path / "precious")
    closed.symlink_to(tmp_path / "precious")
    before = (tmp_path / "precious").read_bytes()
    session = AnnotationSession.open(video)
    assert session.read_only
    assert ["it is a link" in warning for warning in session.warnings] == [True]
    assert session.mask(1, 28).any()
    session.close()
    assert (tmp_path / "precious").read_bytes() == before


def test_a_link_in_place_of_the_journal_is_not_followed(
    closed: Path, video: Path, tmp_path: Path
) -> None:
    (tmp_path / "precious").write_text("precious")
    journal = closed.with_name("clip.mp4.tavis-journal")
    journal.symlink_to(tmp_path / "precious")
    with pytest.raises(SessionError, match="journal"):
        AnnotationSession.open(video)
    assert (tmp_path / "precious").read_text() == "precious"
    journal.unlink()
    os.mkfifo(journal)
    with pytest.raises(SessionError, match="journal"):
        AnnotationSession.open(video)


def test_a_journal_that_names_another_file_is_refused(
    closed: Path, video: Path, tmp_path: Path
) -> None:
    """SQLite deletes the file that such a journal names."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    name = os.fsencode(victim)
    check = sum(name) & 0xFFFFFFFF
    head = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(4) + bytes(4) + b"\0\0\0\1"
    page = b"\0\0\x02\0\0\0\x10\0"
    tail = name + len(name).to_bytes(4, "big") + check.to_bytes(4, "big") + head[:8]
    journal = closed.with_name("clip.mp4.tavis-journal")
    journal.write_bytes((head + page).ljust(512, b"\0") + b"\x40\0\x04\x01" + tail)
    for attempt in (AnnotationSession.open, reopened, lambda path: find_session(path)):
        try:
            attempt(video)
        except SessionError as error:
            assert "journal" in str(error)  # noqa: PT017
    assert victim.read_text() == "precious"


def test_another_programs_database_is_refused(video: Path) -> None:
    path = path_of(video)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE moz_cookies(id INTEGER)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(SessionError, match="another program"):
        AnnotationSession.open(video)
    with pytest.raises(SessionError, match="already"):
        AnnotationSession.create(video, make_proposals(dog()))
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [0, 2, 2**31 - 1, -5])
def test_another_version_is_refused(closed: Path, video: Path, version: int) -> None:
    change(video, f"PRAGMA user_version={version}")
    with pytest.raises(SessionError, match="schema version"):
        reopened(video)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER UPDATE ON facts BEGIN DELETE FROM frames; END",
        "CREATE VIEW v AS SELECT * FROM facts",
        "DROP TABLE steps",
        "DROP TABLE frames",
        "ALTER TABLE frames ADD COLUMN more",
        "CREATE INDEX i ON frames(abs(score))",
        "CREATE TABLE more(x DEFAULT (randomblob(1000000)))",
        "CREATE VIRTUAL TABLE f USING fts5(x)",
        "DROP TABLE objects; CREATE VIEW objects AS WITH RECURSIVE c(x) AS "
        "(SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x,x,x,x,x,x,x,x,x,x FROM c",
        "PRAGMA journal_mode=WAL",
    ],
)
def test_other_tables_views_and_triggers_are_refused(
    closed: Path, video: Path, statement: str
) -> None:
    change(video, *statement.split("; C")[:1], *[f"C{x}" for x in statement.split("; C")[1:]])
    with pytest.raises(SessionError, match=r"clip\.mp4\.tavis"):
        AnnotationSession.open(video)


NONSENSE: tuple[object, ...] = (
    None,
    -1,
    2**62,
    1e308,
    float("inf"),
    "",
    "x" * 1_000_000,
    "\ud800",
    b"",
    b"\xff" * 40,
)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        *(("objects", name) for name in ("number", "class", "red", "score", "kind", "state")),
        *(("objects", name) for name in ("named_by_person", "threshold")),
        *(("frames", name) for name in ("object", "frame", "status", "mask", "score")),
        *(("frames", name) for name in ("proposal", "logits")),
        *(("pictures", name) for name in ("digest", "unused_since", "data")),
        *(("steps", name) for name in ("number", "label", "frame", "bytes", "changes")),
        ("facts", "value"),
    ],
)
def test_nonsense_in_a_column_is_a_sentence_or_a_session_to_read(
    session: AnnotationSession, video: Path, table: str, column: str
) -> None:
    session.set_mask(1, 28, box(0, 0))
    session.save()
    session.close()
    whole = session.path.read_bytes()
    for value in NONSENSE:
        session.path.write_bytes(whole)
        with sqlite3.connect(session.path, isolation_level=None) as connection:
            encoded = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
            cast = "CAST(? AS TEXT)" if isinstance(value, str) else "?"
            try:
                connection.execute(f"UPDATE {table} SET {column}={cast}", (encoded,))
            except sqlite3.Error:
                continue  # SQLite itself refuses it there
        connection.close()
        try:
            again = AnnotationSession.open(video)
        except SessionError as error:
            assert str(session.path) in str(error)  # noqa: PT017
            assert len(str(error)) < 1000  # noqa: PT017
            continue
        for item in again.objects:
            for frame in again.annotated_frames(item.object_id):
                again.mask(item.object_id, frame)
                again.proposal_mask(item.object_id, frame)
        if not again.read_only:
            with contextlib.suppress(SessionError):
                again.undo()
            again.add_object("drum")
            again.save()
        again.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("video", {"frame_size": [1_000_000, 1_000_000]}),
        ("video", {"frame_size": [-24, 40]}),
        ("video", {"frame_size": [32768, 32768]}),
        ("video", {"frame_size": [24.0, 40]}),
        ("video", {"frame_size": [24]}),
        ("video", {"frame_count": 2**62}),
        ("video", {"frame_count": -1}),
        ("video", {"frame_count": True}),
        ("video", {"name": "../../etc/passwd"}),
        ("video", {"name": ""}),
        ("video", {"size": 1e300}),
        ("video", {"fingerprint": "../../x"}),
        ("video", []),
        ("sampling", [[28, 10**30], [0.0, 1.0], "toy"]),
        ("sampling", [[28, 27], [0.0, 1.0], "toy"]),
        ("sampling", [[28, 150], [0.0, 1.0], "toy"]),
        ("sampling", [[28], [float("nan")], "toy"]),
        ("sampling", [[28], [float("inf")], "toy"]),
        ("sampling", [[28], [], "toy"]),
        ("sampling", [[True], [1.0], "toy"]),
        ("sampling", "many"),
        ("vocabulary", 7),
        ("vocabulary", [1]),
        ("vocabulary", [["dog"] * 3]),
        ("vocabulary", ["x" * 100_000]),
        ("vocabulary", ["word"] * 100_000),
        ("vocabulary", ["\ud800"]),
        ("next_object", 2**62),
        ("next_object", "1"),
        ("marks", {"worked_seconds": float("inf")}),
        ("marks", {"edits": -1}),
        ("marks", {"exports": [[1, 2, 3, 4]]}),
        ("marks", {"exports": 5}),
        ("marks", {"done": "yes"}),
    ],
)
def test_facts_out_of_bounds_are_damage(
    closed: Path, video: Path, name: str, value: object
) -> None:
    if isinstance(value, dict):
        ((known,),) = rows(video, "SELECT value FROM facts WHERE name=?", name)
        value = json.loads(str(known)) | value
    with sqlite3.connect(closed, isolation_level=None) as connection:
        query = "UPDATE facts SET value=? WHERE name=?"
        connection.execute(query, (json.dumps(value), name))
    connection.close()
    with pytest.raises(SessionError, match="is damaged"):
        AnnotationSession.open(video)


@pytest.mark.parametrize("text", ["[" * 200_000, "{", "", "NaN", "1" * 100_000])
def test_facts_that_are_no_json_are_damage(closed: Path, video: Path, text: str) -> None:
    for name in ("video", "sampling", "vocabulary", "next_object", "marks"):
        whole = closed.read_bytes()
        change(video, f"UPDATE facts SET value='{text}' WHERE name='{name}'")
        with pytest.raises(SessionError, match="is damaged"):
            AnnotationSession.open(video)
        closed.write_bytes(whole)


def test_what_is_left_of_a_damaged_file_can_be_read(
    session: AnnotationSession, video: Path
) -> None:
    masks = {frame: box(frame % 16, frame % 30) for frame in range(150)}
    session.set_masks(1, masks, label="Paint")
    session.save()
    session.close()
    data = bytearray(session.path.read_bytes())
    readable = 0
    for page in range(1, len(data) // 4096):
        spoiled = data.copy()
        spoiled[page * 4096 : page * 4096 + 300] = bytes(300)
        session.path.write_bytes(spoiled)
        try:
            again = AnnotationSession.open(video)
        except SessionError as error:
            assert "is damaged" in str(error)  # noqa: PT017
            continue
        found = {frame: again.mask(1, frame) for frame in again.annotated_frames(1)}
        if again.read_only:
            assert any("is damaged" in warning for warning in again.warnings)
        else:  # a page that nothing uses
            assert len(found) == 150
        kept = set(again.annotated_frames(1))  # without those that turned out to be damaged
        assert all(np.array_equal(found[frame], masks[frame]) for frame in kept)
        readable += 1
        again.close()
    assert readable > 3
    session.path.write_bytes(data)
    assert reopened(video).warnings == []


def test_frames_out_of_range_are_left_out_and_said(closed: Path, video: Path) -> None:
    change(
        video,
        "INSERT INTO frames SELECT object, 150, status, mask, score, proposal, logits FROM frames "
        "WHERE object=2",
        "INSERT INTO frames SELECT 77, frame, status, mask, score, proposal, logits FROM frames "
        "WHERE object=2 AND frame=28",
    )
    again = AnnotationSession.open(video)
    assert again.read_only
    assert ["is damaged and left out" in warning for warning in again.warnings] == [True, True]
    assert again.annotated_frames(2) == [28]
    assert again.object(77).class_name == "object 77"  # its masks can still be looked at
    assert np.array_equal(again.mask(77, 28), box(10, 25))


def test_a_long_session_stays_small(video: Path) -> None:
    size = (1080, 1920)
    at, across = np.ogrid[: size[0], : size[1]]
    frames = range(28, 6000, 30)
    masks = PackedMasks(size)
    for number, frame in enumerate(frames):
        masks[frame] = (at - 540) ** 2 + (across - 600 - number) ** 2 < 300**2
    times = np.array(frames) / 30
    objects = [Proposal("dog", 0.5, masks)]
    proposals = Proposals(np.array(frames), times, size, objects, frame_count=6000)
    session = AnnotationSession.create(video, proposals)
    session.save()
    for one in (session, reopened(video)):
        records = one.objects[0].frames.values()
        assert [blob.held for record in records for blob in record.blobs] == [0] * len(frames)
    assert session.path.stat().st_size < 0.02 * len(frames) * size[0] * size[1]
    assert np.array_equal(reopened(video).mask(1, 58), masks[58])


@pytest.mark.parametrize("word", ["\ud800", "a\nb", "x" * 201, "\0"])
def test_words_that_cannot_be_saved_are_refused(
    session: AnnotationSession, video: Path, word: str
) -> None:
    with pytest.raises(SessionError, match="cannot be an object's class"):
        session.add_object(word)
    proposals = make_proposals(dog())
    proposals.vocabulary = ("dog", word)
    with pytest.raises(SessionError, match="cannot be an object's class"):
        session.replace_proposals(proposals)
    path_of(video).unlink(missing_ok=True)
    with pytest.raises(SessionError, match="cannot be an object's class"):
        AnnotationSession.create(video, proposals)


def test_scores_that_are_no_numbers_are_left_out(session: AnnotationSession, video: Path) -> None:
    scores = {40: float("nan"), 41: float("inf"), 42: 1e300, 43: 0.5}
    session.propose_masks(1, {frame: box(0, 0) for frame in scores}, scores=scores)
    session.save()
    session.close()
    again = AnnotationSession.open(video)
    assert not again.read_only
    assert {frame: again.scores(1).get(frame) for frame in scores} == {
        40: None,
        41: None,
        42: None,
        43: 0.5,
    }


def test_a_video_of_any_name_can_be_annotated(video: Path) -> None:
    for name in ("a\\b.mp4", "50%?#x.mp4", "Ünïcödé ☃.mp4", os.fsdecode(b"caf\xe9.mp4"), "-c.mp4"):
        other = video.with_name(name)
        other.write_bytes(video.read_bytes())
        AnnotationSession.create(other, make_proposals(dog())).save()
        again = reopened(other)
        assert again.video == other
        assert again.warnings == []
        assert np.array_equal(again.mask(1, 28), box(4, 2))


def test_frames_too_large_to_hold_are_refused(video: Path) -> None:
    huge = Proposals(np.array([0]), np.array([0.0]), (10**6, 10**6), [], frame_count=1)
    with pytest.raises(SessionError, match="cannot be annotated"):
        AnnotationSession.create(video, huge)


def test_a_closed_session_can_be_looked_at(session: AnnotationSession, saved: Path) -> None:
    session.close()
    assert session.mask(1, 28).shape == SIZE
    assert np.array_equal(session.mask(1, 28), box(4, 2))
    assert session.status(1, 28) is FrameStatus.PROPOSED
