"""A session's file: one SQLite database, and how it is written, read and kept from two writers.

``<video>.tavis`` holds these tables::

    facts      what is known of the session as a whole, as JSON: the video, the sampled frames, ...
    objects    a row for each object
    frames     a row for each object and frame, which names pictures by their digests
    pictures   masks (1-bit PNG) and logits (8-bit PNG), see `masks`; each content once
    steps      what can be undone and redone, as JSON

A save is one transaction with a rollback journal, so that a crash at any point leaves the file as
it was before or after; the journal beside it exists only meanwhile. A picture that nothing names
any more stays for a day: whoever opened the file for reading before may still ask for it.

Whoever may write holds SQLite's own reserved lock, also between transactions. Only in the moment
between a commit and taking the lock again could another one get it: whoever finds it free while
the file names a writer tries again until that one has had time to come back. So a record left
behind by a crash never keeps anybody out, and each transaction makes sure that the file is still
ours.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
import sqlite3
import stat
import sys
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from napari_tavis.annotation import rows
from napari_tavis.annotation.blobs import Blob, BlobDamaged, digest_of
from napari_tavis.annotation.history import Diff, Step
from napari_tavis.annotation.objects import SessionObject
from napari_tavis.annotation.state import SessionState, VideoIdentity
from napari_tavis.core.errors import SessionError

APPLICATION_ID = 0x54415649  # "TAVI"
SCHEMA_VERSION = 1

_SCHEMA = (
    "CREATE TABLE facts(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE objects(number INTEGER PRIMARY KEY, class TEXT NOT NULL, red INTEGER NOT NULL,"
    " green INTEGER NOT NULL, blue INTEGER NOT NULL, score REAL NOT NULL, kind TEXT NOT NULL,"
    " named_by_person INTEGER NOT NULL, state TEXT NOT NULL, threshold REAL NOT NULL)",
    "CREATE TABLE frames(object INTEGER NOT NULL, frame INTEGER NOT NULL, status TEXT NOT NULL,"
    " mask BLOB NOT NULL, score REAL, proposal BLOB, logits BLOB, PRIMARY KEY(object, frame))"
    " WITHOUT ROWID",
    "CREATE TABLE pictures(number INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE,"
    " unused_since REAL, data BLOB NOT NULL)",
    "CREATE TABLE steps(number INTEGER PRIMARY KEY, label TEXT NOT NULL, frame INTEGER,"
    " bytes INTEGER NOT NULL, changes TEXT NOT NULL)",
)

_LONGEST_VALUE = 64 << 20  # bytes
_MOST_OBJECTS = 100_000
_MOST_RECORDS = 1_000_000
_MOST_STEPS = 10_000
_WAIT = 10.0  # seconds that a transaction waits for those who read or write at the moment
_PATIENCE = 2.0  # seconds in which a writer that lives takes its lock again, however busy it is
_KEPT_UNUSED = 24 * 3600.0  # seconds that pictures stay which nothing names
_INSTRUCTIONS = 100_000  # of SQLite, between two calls of `_Deadline`
_MOST_CALLS = 5_000  # after which reading a file is given up
_MOST_NAMED = 10  # damaged parts that are reported one by one
_LONGEST_PATH = 500  # bytes that SQLite takes, with some left for the journal's

# What SQLite raises, also where its message quotes a damaged file, or the file asks for too much.
FAULTS = (sqlite3.Error, UnicodeError, MemoryError)
_UNREADABLE = (*FAULTS, SessionError, ValueError, KeyError, IndexError)


class CannotWriteError(Exception):
    """The disk refuses, or another writer has the file; says why in a few words."""


class _Busy(Exception):
    """Another process has the lock."""


@dataclass
class Loaded:
    """What a file holds."""

    state: SessionState
    done: list[Step] = field(default_factory=list)  # what can be undone
    undone: list[Step] = field(default_factory=list)  # what can be redone
    forgotten: int = 0  # steps that are no longer kept
    # A sentence each for what is damaged and was left out; whoever writes would lose it for good.
    damage: list[str] = field(default_factory=list)
    # A sentence each for pictures that are gone, each of which costs its frame only.
    missing: list[str] = field(default_factory=list)
    # Where the session belongs, and the stamp of what was there, if it had to move from there.
    own_place: tuple[str, str] | None = None


def holds_session(path: Path) -> bool:
    """Say whether something is there that a new session must not replace.

    An empty file is what a kill or a full disk leaves of a session that never was.
    """
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        return error.errno != errno.ENAMETOOLONG
    if not stat.S_ISREG(found.st_mode):
        return True
    if not found.st_size:
        return False
    if _journal(path).exists():  # of a killed writer: what it began is taken back first
        with contextlib.suppress(*FAULTS, SessionError):
            _refuse_foreign_journal(path)
            with _closing(_connect(path)) as reader:
                return bool(_all(reader, "SELECT count(*) FROM sqlite_master")[0][0])
    return True


class Store:
    """The file of one session, untouched before `open` or `create`. Thread safe."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self._token = secrets.token_hex(8)
        self._since = time.time()
        self._before: dict[str, object] = {}  # who was on record when this took the lock
        self._facts: dict[str, str] = {}
        self._steps: set[int] = set()
        self._wrote = False
        self._is_new = False  # nothing is in the file before the first save

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            if self._writer is not None:  # never wait here: others may be waiting for this thread
                self._writer.execute("PRAGMA busy_timeout=0")
            self.close()

    # Taking and releasing the file

    def open(self, *, write: bool) -> str | None:
        """Open the file that is there; `write` keeps others from writing.

        Gives a sentence on why it is open for reading only although `write` was asked for: another
        has it. `SessionError` if there is no session; `CannotWriteError` if the disk refuses the
        writing, and the file is then open for reading.
        """
        refuse_other(self.path)
        self._reader = _checked(self.path)
        if not write:
            return None
        if self.path.is_symlink():
            raise CannotWriteError("it is a link")
        writer = _connect(self.path)
        try:
            self._take(writer)
        except _Busy:
            writer.close()
            return (
                f"{self.path} is open in another window or process already{self._owner()}, so it "
                f"is open for reading only here: close it there, then open it again."
            )
        except FAULTS as error:
            writer.close()
            raise CannotWriteError(_reason(error)) from error
        except BaseException:
            writer.close()
            raise
        self._writer = writer
        return None

    def create(self) -> None:
        """Make a new file, empty until the first save, and keep others from writing.

        `SessionError` if there is a session already, `CannotWriteError` if the disk refuses.
        """
        refuse_existing(self.path)
        if _is_too_long(self.path):
            raise CannotWriteError(_TOO_LONG)
        writer = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):  # the empty file of a session that never was
                flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
                os.close(os.open(self.path, flags, 0o666))  # less what the umask takes away
            writer = _connect(self.path)
            writer.execute("PRAGMA auto_vacuum=NONE")
            writer.execute("PRAGMA page_size=4096")
            writer.execute("BEGIN IMMEDIATE")
            if _all(writer, "SELECT count(*) FROM sqlite_master")[0][0]:
                raise SessionError(_existing(self.path))
            writer.execute(f"PRAGMA application_id={APPLICATION_ID}")
            writer.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            for statement in _SCHEMA:
                writer.execute(statement)
            self._sign(writer)
        except (OSError, *FAULTS) as error:
            self._give_up(writer)
            if _is_busy(error):
                raise SessionError(_existing(self.path)) from error
            raise CannotWriteError(_reason(error)) from error
        except BaseException:
            self._give_up(writer)
            raise
        self._writer = writer
        self._is_new = True

    def close(self) -> None:
        """Release the file, so that others may write to it; it can still be read."""
        with self._writing, self._reading:
            writer, self._writer = self._writer, None
            reader, self._reader = self._reader, None
            if writer is not None and self._is_new:
                self._give_up(writer)
            elif writer is not None:
                self._sign_off(writer, tidy=self._wrote)
            if reader is not None:
                _shut(reader)

    def stop_writing(self) -> None:
        """Let others write to the file, and go on reading it."""
        with self._writing:
            writer, self._writer = self._writer, None
            if writer is not None:
                self._sign_off(writer)

    def _sign_off(self, writer: sqlite3.Connection, *, tidy: bool = False) -> None:
        """Take the writer off the record, and disconnect it."""
        with contextlib.suppress(*FAULTS, CannotWriteError):
            self._require_ours(writer)
            if tidy:
                _tidy(writer)
            writer.execute("DELETE FROM facts WHERE name='owner'")
            writer.execute("COMMIT")
        _shut(writer)

    def _give_up(self, writer: sqlite3.Connection | None) -> None:
        """Leave nothing of a file that could not be made."""
        if writer is not None:
            _shut(writer)
        with contextlib.suppress(OSError):
            if not holds_session(self.path) and not self.path.stat().st_size:
                self.path.unlink()

    def _take(self, writer: sqlite3.Connection) -> None:
        """Take the lock and note who has it."""
        writer.execute("PRAGMA busy_timeout=0")
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                writer.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if _is_busy(error):
                    raise _Busy from error
                raise
            owner = self._before = _owner_in(writer)
            if not owner or _is_gone(owner) or time.monotonic() > until:
                break
            writer.execute("ROLLBACK")  # a living writer may only be between two transactions
            time.sleep(0.02)
        writer.execute(f"PRAGMA busy_timeout={int(1000 * _WAIT)}")
        try:
            self._sign(writer)
            writer.execute("COMMIT")
        except FAULTS as error:
            if _code(error) != sqlite3.SQLITE_FULL:
                raise
            _roll_back(writer)  # there may be room when there is something to save
        writer.execute("BEGIN IMMEDIATE")

    def _sign(self, writer: sqlite3.Connection) -> None:
        """Note in the file who writes."""
        owner = {
            "token": self._token,
            "program": Path(sys.argv[0] or sys.executable).name[:60],
            "process": os.getpid(),
            "host": socket.gethostname(),
            "since": self._since,
        }
        _put_fact(writer, "owner", rows.dump_json(owner))

    def _require_ours(self, writer: sqlite3.Connection) -> None:
        """Be in a transaction, and make sure that nobody has taken the file meanwhile."""
        if not writer.in_transaction:
            writer.execute("BEGIN IMMEDIATE")
        owner = _owner_in(writer)
        if owner.get("token") != self._token:
            if owner and owner != self._before:
                _roll_back(writer)
                raise CannotWriteError(f"it was taken over by another writer{_described(owner)}")
            self._sign(writer)  # there was no room for it, or somebody came and went

    def _owner(self) -> str:
        try:
            with self._reading:
                return _described(_owner_in(self._reader)) if self._reader else ""
        except FAULTS:
            return ""

    # Writing

    def save(
        self,
        diff: Diff,
        facts: dict[str, str],
        steps: Sequence[tuple[Step, Diff]] = (),
        kept: Collection[int] = (),
        *,
        whole: bool = False,
    ) -> int:
        """Write a change, all of it or nothing.

        Parameters
        ----------
        diff : Diff
            What changed since the last save.
        facts : dict
            What is known of the session as a whole.
        steps : sequence of (Step, Diff)
            The steps that the disk does not have as they are.
        kept : collection of int
            The numbers of all steps that can be undone or redone.
        whole : bool
            Whether the change is all that the session holds; anything else in the file goes.

        Returns
        -------
        int
            How many pictures were only in another file that cannot be read.

        Raises
        ------
        CannotWriteError
            If the disk refuses; the file is then as it was.
        """
        with self._writing:
            writer = self._writer
            if writer is None:
                raise CannotWriteError("it is not open for writing")
            changed = {name: fact for name, fact in facts.items() if fact != self._facts.get(name)}
            try:
                self._require_ours(writer)
                for table in ("objects", "frames", "steps") if whole else ():
                    writer.execute(f"DELETE FROM {table}")
                written, lost = self._write_pictures(writer, [diff, *(part for _, part in steps)])
                _write_records(writer, diff)
                for name, fact in changed.items():
                    _put_fact(writer, name, fact)
                for number in self._steps.difference(kept):
                    writer.execute("DELETE FROM steps WHERE number=?", (number,))
                sizes = [_write_step(writer, step, part) for step, part in steps]
                writer.execute("COMMIT")
            except BaseException as error:
                _roll_back(writer)
                self._begin_again(writer)
                if isinstance(error, (OSError, *FAULTS)):
                    raise CannotWriteError(_reason(error)) from error
                raise
            self._begin_again(writer)
            if self._is_new:
                self._is_new = False
                self._connect_reader()
            self._wrote = True
            self._facts |= changed
            self._steps = set(kept)
            for (step, _), size in zip(steps, sizes, strict=True):
                step.size = size
            for blob in written:  # only now: before the commit, memory alone had them
                blob.settle(self)
            return lost

    def _connect_reader(self) -> None:
        """Read a file that was just made through a connection that stays, as if it was opened."""
        with contextlib.suppress(*FAULTS), self._reading:
            self._reader = _connect(self.path)
            self._reader.execute("PRAGMA query_only=ON")

    def _write_pictures(
        self, writer: sqlite3.Connection, parts: Sequence[Diff]
    ) -> tuple[list[Blob], int]:
        """Write the pictures that the file does not have; one that is damaged is repaired."""
        fresh = [blob for part in parts for blob in part.blobs() if blob.source is not self]
        done: set[bytes] = set()
        lost: set[bytes] = set()
        for blob in fresh:
            elsewhere = blob.source is not None
            if elsewhere and blob.digest in done | lost:
                continue
            try:
                data = blob.read()
            except (OSError, BlobDamaged):
                if not elsewhere:
                    raise
                lost.add(blob.digest)
                continue
            if blob.digest not in done:
                done.add(blob.digest)
                writer.execute(
                    "INSERT INTO pictures(digest, data) VALUES(?, ?) ON CONFLICT(digest) DO UPDATE "
                    "SET data=excluded.data, unused_since=NULL "
                    "WHERE data IS NOT excluded.data OR unused_since IS NOT NULL",
                    (blob.digest, data),
                )
        return [blob for blob in fresh if blob.digest in done], len(lost - done)

    def _begin_again(self, writer: sqlite3.Connection) -> None:
        """Hold the lock until the next save."""
        with contextlib.suppress(*FAULTS):
            writer.execute("BEGIN IMMEDIATE")

    # Reading

    def load(self) -> Loaded:
        """Read everything but the pictures, as it was at one moment; `SessionError` if damaged."""
        with self._reading:
            reader = self._reader
            assert reader is not None
            try:
                with _one_moment(reader):
                    loaded = self._load(reader)
            except FAULTS as error:
                raise SessionError(_damaged(self.path, _reason(error))) from error
            except ValueError as error:
                raise SessionError(_damaged(self.path, str(error))) from error
            except KeyError as error:
                raise SessionError(_damaged(self.path, f"{error} is missing")) from error
            finally:
                reader.set_progress_handler(None, 0)
            return loaded

    def _load(self, reader: sqlite3.Connection) -> Loaded:
        damage = _structure_damage(reader, self.path)
        facts = dict(_text_pairs(_all(reader, "SELECT name, value FROM facts LIMIT 100")))
        loaded = Loaded(rows.state_from_facts(facts), damage=damage)
        if "own_place" in facts:
            loaded.own_place = rows.own_place_from_json(facts["own_place"])
        self._facts = {name: facts[name] for name in rows.facts_of(loaded.state)}
        gaps = _Gaps(self.path)
        _read_objects(reader, loaded.state, gaps)
        _read_records(reader, loaded.state, self, gaps, loaded.missing)
        self._read_steps(reader, facts, loaded, gaps)
        loaded.damage.extend(gaps.sentences())
        return loaded

    def _read_steps(
        self, reader: sqlite3.Connection, facts: dict[str, str], loaded: Loaded, gaps: _Gaps
    ) -> None:
        """Read which steps there are; what they changed is read when it is asked for."""
        try:
            history = rows.load_json(facts.get("history", "{}"))
            if not isinstance(history, dict):
                raise ValueError("the history is not a mapping")
            position = rows.whole(history.get("position", 0), 0, rows.MOST_NUMBER)
            loaded.forgotten = rows.whole(history.get("forgotten", 0), 0, rows.MOST_NUMBER)
        except ValueError as error:
            gaps.add("what can be undone", error)
            return
        query = f"SELECT number, label, frame, bytes FROM steps ORDER BY number LIMIT {_MOST_STEPS}"
        for number, label, frame, size in gaps.rows(reader, query):
            try:
                step = Step(
                    rows.whole(number, 1, rows.MOST_NUMBER),
                    rows.text(label, 200),
                    None if frame is None else rows.whole(frame, 0, rows.MOST_FRAMES),
                    None,
                    rows.whole(size, 0, rows.MOST_NUMBER),
                    saved=True,
                )
            except ValueError as error:
                gaps.add("a step", error)
                continue
            (loaded.done if step.number <= position else loaded.undone).append(step)
        self._steps = {step.number for step in (*loaded.done, *loaded.undone)}

    def read_step(self, step: Step, frame_count: int) -> Diff:
        """Read what a step changed; `ValueError` if damaged, `OSError` if the disk refuses."""
        found = self._ask("SELECT changes FROM steps WHERE number=?", step.number)
        if not found or not isinstance(found[0][0], str):
            raise ValueError("it is gone")
        return rows.diff_from_json(found[0][0], self, frame_count)

    def read_picture(self, digest: bytes) -> bytes:
        """Give the content of a digest.

        `BlobDamaged` if there is none, or another one, `OSError` if the disk refuses.
        """
        found = self._ask("SELECT data FROM pictures WHERE digest=?", digest)
        if not found:
            raise BlobDamaged("it is missing")
        data = found[0][0]
        if not isinstance(data, bytes) or digest_of(data) != digest:
            raise BlobDamaged("its content is not what was saved")
        return data

    def _ask(self, query: str, value: int | bytes) -> list[tuple[object, ...]]:
        with self._reading:
            try:
                if self._reader is not None:
                    return _all(self._reader, query, value)
                refuse_other(self.path)
                with _closing(_connect(self.path)) as reader:
                    return _all(reader, query, value)
            except (*FAULTS, SessionError) as error:
                raise OSError(_reason(error)) from error


# Opening


def refuse_existing(path: Path) -> None:
    """Refuse to start a session where something is already."""
    if holds_session(path):
        raise SessionError(_existing(path))


def _existing(path: Path) -> str:
    return f"{path} holds a session already: open that one, or choose another place."


def refuse_other(path: Path) -> None:
    """Refuse what is not a file of ours before SQLite sees it: `SessionError`."""
    nothing = "Segment the video first, or choose its .tavis file."
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SessionError(f"There is no session to open in {path} ({reason}). {nothing}") from None
    if not stat.S_ISREG(found.st_mode):
        raise SessionError(f"There is no session to open in {path} (it is not a file). {nothing}")
    if _is_too_long(path):
        raise SessionError(
            f"{path} cannot be opened ({_TOO_LONG}): move it, and the video with it."
        )
    if not holds_session(Path(os.path.realpath(path))):
        raise SessionError(f"There is no session to open in {path} (it is empty). {nothing}")
    _refuse_foreign_journal(path)


def read_identity(path: Path) -> VideoIdentity | None:
    """Read which video a session is of; None if that cannot be read."""
    with contextlib.suppress(*_UNREADABLE):
        video = rows.load_json(_read_fact(path, "video"))
        return rows.identity_from_json(video) if isinstance(video, dict) else None
    return None


def read_stamp(path: Path) -> str | None:
    """Read the `rows.stamp` of a session; None if that cannot be read."""
    with contextlib.suppress(*_UNREADABLE):
        return rows.stamp(rows.marks_from_json(_read_fact(path, "marks")))
    return None


def read_own_place(path: Path) -> tuple[str, str] | None:
    """Read where a session belongs, as `Loaded.own_place`; None if it is there, or unreadable."""
    with contextlib.suppress(*_UNREADABLE):
        return rows.own_place_from_json(_read_fact(path, "own_place"))
    return None


def _read_fact(path: Path, name: str) -> str:
    refuse_other(path)
    with _closing(_checked(path)) as reader:
        found = _all(reader, "SELECT value FROM facts WHERE name=?", name)
        return rows.text(found[0][0], _LONGEST_VALUE)


def _refuse_foreign_journal(path: Path) -> None:
    """Refuse a journal that names another file, which SQLite would delete in the end."""
    journal = _journal(Path(os.path.realpath(path)))
    try:
        found = os.lstat(journal)
        if not stat.S_ISREG(found.st_mode):
            raise SessionError(
                f"{journal} is not the journal of a session: move it away, and open again."
            )
        if found.st_size < 8:
            return
        with journal.open("rb") as file:
            file.seek(-8, os.SEEK_END)
            # What ends a journal that names a super-journal, of a transaction over several files.
            if file.read(8) == b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7":
                raise SessionError(
                    f"{journal} was not written by napari-tavis: move it away, and open again."
                )
    except OSError:
        return


_TOO_LONG = f"its path is longer than {_LONGEST_PATH} bytes, which SQLite does not take"


def _is_too_long(path: Path) -> bool:
    return max(len(os.fsencode(one)) for one in (path, os.path.realpath(path))) > _LONGEST_PATH


def _journal(path: Path) -> Path:
    return path.with_name(f"{path.name}-journal")


def _connect(path: Path) -> sqlite3.Connection:
    """Connect to a file that exists, trusting nothing in it."""
    place = os.fsencode(path.absolute().as_posix())
    slash = "" if place.startswith(b"/") else "/"
    connection = sqlite3.connect(
        f"file://{slash}{quote(place)}?mode=rw",
        uri=True,
        timeout=_WAIT,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        _distrust(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _distrust(connection: sqlite3.Connection) -> None:
    """Limit what a file can make SQLite do."""
    connection.text_factory = _decoded
    for category, limit in (
        (sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE),
        (sqlite3.SQLITE_LIMIT_SQL_LENGTH, 10_000),
        (sqlite3.SQLITE_LIMIT_COLUMN, 100),
        (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 20),
        (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
        (sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1),
    ):
        connection.setlimit(category, limit)
    for pragma in (
        "trusted_schema=OFF",
        "cell_size_check=ON",
        "mmap_size=0",  # a file that shrinks would end the process
        "temp_store=MEMORY",
        "synchronous=FULL",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _checked(path: Path) -> sqlite3.Connection:
    """Connect for reading to what is a session by its marks and its tables."""
    reader = None
    try:
        reader = _connect(path)
        reader.execute("PRAGMA query_only=ON")
        reader.set_progress_handler(_Deadline(), _INSTRUCTIONS)
        mark = _all(reader, "PRAGMA application_id")[0][0]
        if mark != APPLICATION_ID:
            raise SessionError(
                f"{path} is a database of another program, not a session: choose the .tavis file "
                f"of a video."
            )
        version = _all(reader, "PRAGMA user_version")[0][0]
        if version != SCHEMA_VERSION:
            raise SessionError(
                f"{path} has schema version {version}, and this napari-tavis reads version "
                f"{SCHEMA_VERSION}: open it with the napari-tavis that wrote it, or a newer one."
            )
        if _all(reader, "PRAGMA journal_mode")[0][0] != "delete":
            raise SessionError(
                f"{path} was changed by another program (its journal mode is not that of a "
                f"session): set its journal mode to DELETE there, and open it again."
            )
        _require_schema(reader, path)
    except FAULTS as error:
        if reader is not None:
            reader.close()
        if _is_busy(error):
            raise SessionError(
                f"{path} is being written for a long time: wait a moment, and open it again."
            ) from error
        if _code(error) in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            raise SessionError(
                f"{path} cannot be read ({_reason(error)}): if there is a file {path.name}-journal "
                f"beside it, copy both into a folder of your own, and open the session there."
            ) from error
        raise SessionError(_damaged(path, _reason(error))) from error
    except BaseException:
        if reader is not None:
            reader.close()
        raise
    return reader


def _require_schema(reader: sqlite3.Connection, path: Path) -> None:
    """Refuse a file with other tables than a session's, or with views or triggers."""
    query = "SELECT sql, name FROM sqlite_master WHERE sql IS NOT NULL LIMIT 100"
    found = _all(reader, query)
    if sorted(str(sql) for sql, _ in found) == sorted(_SCHEMA):
        return
    other = next((name for sql, name in found if sql not in _SCHEMA), "a table is missing")
    shown = ascii(str(other)[:40])
    raise SessionError(_damaged(path, f"its tables are not those of a session: {shown}"))


class _Deadline:
    """Stops reading that takes longer than any session does."""

    def __init__(self) -> None:
        self._calls = 0

    def __call__(self) -> bool:  # True makes SQLite stop
        self._calls += 1
        return self._calls > _MOST_CALLS


def _damaged(path: Path, reason: str) -> str:
    return (
        f"{path} is damaged ({reason}): restore it from a backup, or move it away and segment the "
        f"video again."
    )


# Who writes


def _owner_in(connection: sqlite3.Connection) -> dict[str, object]:
    """Give who is noted as the writer; empty if nobody is."""
    found = _all(connection, "SELECT value FROM facts WHERE name='owner'")
    if not found or not isinstance(found[0][0], str):
        return {}
    with contextlib.suppress(ValueError):
        owner = rows.load_json(found[0][0])
        return owner if isinstance(owner, dict) else {}
    return {}


def _is_gone(owner: dict[str, object]) -> bool:
    """Say whether a writer's process ended; only this machine's are known."""
    number = owner.get("process")
    if os.name != "posix" or owner.get("host") != socket.gethostname():
        return False
    if type(number) is not int or not 0 < number < 1 << 31:
        return False
    try:
        os.kill(number, 0)  # sends nothing
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _described(owner: dict[str, object]) -> str:
    """Say who a writer is: program, host, and since when."""
    try:
        program, host = rows.text(owner.get("program"), 60), rows.text(owner.get("host"), 255)
        number = rows.whole(owner.get("process"), 1, 1 << 31)
        since = time.localtime(rows.real(owner.get("since"), 0, 1e11))
    except (ValueError, OverflowError, OSError):
        return ""
    when = time.strftime("%Y-%m-%d %H:%M", since)
    shown = "".join(letter if letter.isprintable() else "?" for letter in f"{program} on {host}")
    return f" ({shown}, process {number}, since {when})"


# Reading


class _Gaps:
    """Collects what is damaged in the tables, and reads on as far as possible."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[str] = []
        self._more = 0

    def add(self, what: str, error: BaseException) -> None:
        """Note what is left out."""
        if len(self._found) < _MOST_NAMED:
            reason = _reason(error)
            self._found.append(f"In {self._path}, {what} is damaged and left out ({reason}).")
        else:
            self._more += 1

    def rows(self, reader: sqlite3.Connection, query: str) -> list[tuple[object, ...]]:
        """Give the rows of a query, up to where the file is damaged."""
        with contextlib.suppress(*FAULTS):
            return _all(reader, query)
        found: list[tuple[object, ...]] = []
        try:
            found.extend(reader.execute(query))
        except FAULTS as error:
            self.add("a part of a table", error)
        return found

    def sentences(self) -> list[str]:
        """Give a sentence for each, the first ones one by one."""
        more = f"{self._more} more parts of the session are damaged and left out."
        return [*self._found, more] if self._more else self._found


def _structure_damage(reader: sqlite3.Connection, path: Path) -> list[str]:
    """Let SQLite check the whole file."""
    try:
        found = _all(reader, "PRAGMA quick_check(1)")
    except FAULTS as error:
        if _is_busy(error):
            raise
        found = [(_reason(error),)]
    if found == [("ok",)]:
        return []
    reason = "".join(letter if letter.isprintable() else " " for letter in str(found[0][0]))
    return [
        f"{path} is damaged ({reason[:200]}): what can still be read is shown. Restore it from a "
        f"backup, or export what is there."
    ]


def _read_objects(reader: sqlite3.Connection, state: SessionState, gaps: _Gaps) -> None:
    query = f"SELECT * FROM objects ORDER BY number LIMIT {_MOST_OBJECTS + 1}"
    for count, row in enumerate(gaps.rows(reader, query)):
        if count == _MOST_OBJECTS:
            gaps.add("a part of the list of objects", ValueError("it is too long"))
            return
        try:
            item = rows.object_from_row(row)
        except ValueError as error:
            gaps.add("an object", error)
            continue
        state.objects[item.object_id] = item
    highest = max(state.objects, default=0)
    if state.next_id <= highest:
        gaps.add("the number of the next object", ValueError("it is taken"))
        state.next_id = highest + 1


def _read_records(
    reader: sqlite3.Connection,
    state: SessionState,
    source: Store,
    gaps: _Gaps,
    missing: list[str],
) -> None:
    """Read what is known of each frame, except what refers to missing pictures."""
    present = _present_pictures(reader)
    query = (
        "SELECT object, frame, CAST(status AS BLOB), mask, score, proposal, logits FROM frames "
        f"LIMIT {_MOST_RECORDS + 1}"
    )
    lost: list[str] = []
    last = state.frame_count - 1
    for count, (number, frame, *row) in enumerate(gaps.rows(reader, query)):
        if count == _MOST_RECORDS:
            gaps.add("a part of the masks", ValueError("there are too many"))
            break
        try:
            at = rows.whole(frame, 0, last)
            number = rows.whole(number, 1, rows.MOST_NUMBER)
            _, mask, _, proposal, logits = row
            if present and not (mask in present and proposal in present and logits in present):
                gone = "mask" if mask not in present else "model's own mask"
                lost.append(
                    f"The {gone} of object {number} in frame {at} of {source.path} is missing and "
                    f"left out."
                )
                row[3] = proposal if proposal in present else None
                row[4] = logits if logits in present else None
                if mask not in present:
                    continue
            record = rows.record_from_row(row, source)
            item = state.objects.get(number) or _stand_in(state, number, gaps)
        except ValueError as error:
            gaps.add("what is known of a frame", error)
            continue
        item.frames[at] = record
    missing.extend(lost[:_MOST_NAMED])
    if len(lost) > _MOST_NAMED:
        more = len(lost) - _MOST_NAMED
        missing.append(f"{more} more pictures of the session are missing and left out.")


def _present_pictures(reader: sqlite3.Connection) -> set[object]:
    """Give the digests of all pictures, and what stands for none; empty if that is damaged."""
    query = f"SELECT digest FROM pictures LIMIT {3 * _MOST_RECORDS + 1}"
    with contextlib.suppress(*FAULTS):
        found = {row[0] for row in _all(reader, query)}
        return found | {b"", None} if len(found) <= 3 * _MOST_RECORDS else set()
    return set()


def _stand_in(state: SessionState, number: int, gaps: _Gaps) -> SessionObject:
    """Make an object for masks whose own one is damaged."""
    if len(state.objects) >= _MOST_OBJECTS:
        raise ValueError("its object is missing")
    name = f"object {number}"
    gaps.add(f"the class of an object, called {name!r} now,", ValueError("it is missing"))
    item = SessionObject(number, name, state.color(name, "object"), 1.0, named_by_person=True)
    state.objects[number] = item
    state.next_id = max(state.next_id, number + 1)
    return item


def _text_pairs(found: list[tuple[object, ...]]) -> Iterator[tuple[str, str]]:
    for name, value in found:
        if not isinstance(name, str) or not isinstance(value, str):
            raise ValueError("a fact is not text")
        yield name, value


@contextlib.contextmanager
def _one_moment(reader: sqlite3.Connection) -> Iterator[None]:
    """Let everything that is read be of one state, whatever is saved meanwhile."""
    reader.execute("BEGIN")
    try:
        yield
    finally:
        _roll_back(reader)


# Writing


def _write_records(writer: sqlite3.Connection, diff: Diff) -> None:
    for number, (_, item) in diff.objects.items():
        if item is None:
            writer.execute("DELETE FROM objects WHERE number=?", (number,))
        else:
            writer.execute(
                "INSERT OR REPLACE INTO objects VALUES(?,?,?,?,?,?,?,?,?,?)",
                rows.object_to_row(item),
            )
    gone = [key for key, (_, record) in diff.frames.items() if record is None]
    writer.executemany("DELETE FROM frames WHERE object=? AND frame=?", gone)
    writer.executemany(
        "INSERT OR REPLACE INTO frames VALUES(?,?,?,?,?,?,?)",
        (
            (*key, *rows.record_to_row(record))
            for key, (_, record) in diff.frames.items()
            if record is not None
        ),
    )


def _write_step(writer: sqlite3.Connection, step: Step, diff: Diff) -> int:
    """Write a step; give the bytes that it takes, with the pictures that it replaced."""
    changes = rows.diff_to_json(diff)
    size = len(changes) + sum(_sizes(writer, diff))
    writer.execute(
        "INSERT OR REPLACE INTO steps VALUES(?,?,?,?,?)",
        (step.number, step.label[:200], step.frame_index, size, changes),
    )
    return size


def _sizes(writer: sqlite3.Connection, diff: Diff) -> Iterator[int]:
    for before, _ in diff.frames.values():
        for blob in before.blobs if before is not None else ():
            query = "SELECT length(data) FROM pictures WHERE digest=?"
            yield from (int(str(row[0])) for row in _all(writer, query, blob.digest))


def _put_fact(writer: sqlite3.Connection, name: str, value: str) -> None:
    writer.execute("INSERT OR REPLACE INTO facts VALUES(?,?)", (name, value))


def _tidy(writer: sqlite3.Connection) -> None:
    """Note which pictures nothing names any more, and remove those that have been so for long."""
    used = {
        digest
        for row in _all(writer, "SELECT mask, proposal, logits FROM frames")
        for digest in row
        if isinstance(digest, bytes)
    }
    for changes in writer.execute("SELECT changes FROM steps").fetchall():
        used |= rows.digests_in(str(changes[0]))
    now = time.time()
    for digest, since in _all(writer, "SELECT digest, unused_since FROM pictures"):
        if digest in used:
            if since is not None:
                writer.execute("UPDATE pictures SET unused_since=NULL WHERE digest=?", (digest,))
        elif not isinstance(since, float) or since > now:
            writer.execute("UPDATE pictures SET unused_since=? WHERE digest=?", (now, digest))
        elif since < now - _KEPT_UNUSED:
            writer.execute("DELETE FROM pictures WHERE digest=?", (digest,))


# SQLite


def _all(connection: sqlite3.Connection, query: str, *values: object) -> list[tuple[object, ...]]:
    """Ask, and release the lock that reading takes."""
    return connection.execute(query, values).fetchall()


def _roll_back(connection: sqlite3.Connection) -> None:
    with contextlib.suppress(*FAULTS):
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _shut(connection: sqlite3.Connection) -> None:
    _roll_back(connection)
    with contextlib.suppress(*FAULTS):
        connection.close()


@contextlib.contextmanager
def _closing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield connection
    finally:
        _shut(connection)


def _code(error: BaseException) -> int:
    """Give SQLite's primary result code; 0 for another error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_busy(error: BaseException) -> bool:
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


_REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is write-protected, or was moved away",
    sqlite3.SQLITE_CANTOPEN: "the folder is write-protected or gone",
    sqlite3.SQLITE_IOERR: "the disk refuses, or there is no room",
    sqlite3.SQLITE_BUSY: "another process uses it",
    sqlite3.SQLITE_PERM: "it is write-protected",
    sqlite3.SQLITE_INTERRUPT: "reading it takes too long",
}


def _reason(error: BaseException) -> str:
    """Say in a few words what the disk or SQLite reports."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, UnicodeError):
        return "it holds what is not text"
    if isinstance(error, MemoryError):
        return "it asks for more memory than there is"
    return _REASONS.get(_code(error), str(error))
