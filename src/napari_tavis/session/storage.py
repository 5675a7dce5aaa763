"""A session's directory: what is in it, and how it is written and read.

Layout of ``<video>.tavis/``::

    session.json              a snapshot: everything but the pictures
    journal-<number>.jsonl    what was saved since
    session.previous.json     the snapshot before, with its journal, in case one is damaged
    masks/<object>/<frame>-<digest of the file>.png    1-bit
    logits/<object>/<frame>-<digest of the file>.png   8-bit, see `inference.logits`
    .lock                     held by whoever may write

A picture's name holds the digest of its content, so that a changed mask is a new file; it stays
in the folder of the object that it was made for, also where it belongs to another one by now. All
new pictures are on the disk before a line of the journal names them. When the journal has grown
long, a new snapshot takes its place. A crash at any point leaves one whole session.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from napari_tavis.atomic import sync_directory, write_file
from napari_tavis.session.blobs import EMPTY, Blob
from napari_tavis.session.errors import SessionError
from napari_tavis.session.journal import encode_batch, journal_file
from napari_tavis.session.objects import FrameRecord
from napari_tavis.session.pending import Changes
from napari_tavis.session.snapshot import PREVIOUS_FILE, SESSION_FILE, write_snapshot
from napari_tavis.session.state import SessionState

_LINES = 1000
"""Lines a journal may have before a snapshot is written, besides half of the frames' number."""
_WRITERS = 16
"""Pictures that are written at a time: waiting for the disk is shared by those that wait."""


def holds_session(directory: Path) -> bool:
    """Say whether there is a session in a directory."""
    return any((directory / name).exists() for name in (SESSION_FILE, PREVIOUS_FILE))


def refuse_existing(directory: Path) -> None:
    """Refuse to start a session where there is one already.

    Raises
    ------
    SessionError
        If the directory holds a session.
    """
    if holds_session(directory):
        raise SessionError(
            f"{directory} holds a session already: open that one, or choose another directory."
        )


class SessionStore:
    """Writes a session to its directory; there is one at a time.

    Parameters
    ----------
    directory : Path
        The session's directory.
    generation : int
        Number of the snapshot there, and of its journal; 0 if there is none.
    lines : int
        Lines in its journal.
    known : set of str
        The pictures that are there.
    appendable : bool
        Whether the snapshot and its journal are whole, so that lines can be added.

    Attributes
    ----------
    rewrite : bool
        Whether the snapshot holds something that the journal cannot correct.
    """

    def __init__(
        self,
        directory: Path,
        generation: int = 0,
        lines: int = 0,
        known: Iterable[str] = (),
        *,
        appendable: bool = False,
    ) -> None:
        self.directory = directory
        self.rewrite = False
        self._appendable = appendable
        self._generation = generation
        self._lines = lines
        self._known = set(known)

    @property
    def is_new(self) -> bool:
        """Whether there is no snapshot of this version yet, so that everything is to be written."""
        return self._generation == 0

    def wants_snapshot(self, state: SessionState) -> bool:
        """Say whether the next save should write everything, as the journal has grown long."""
        frames = sum(len(item.frames) for item in state.objects.values())
        return self.rewrite or not self._appendable or self._lines > _LINES + frames // 2

    def save(self, changes: Changes, snapshot: SessionState | None) -> None:
        """Write changes.

        Parameters
        ----------
        changes : Changes
            What changed since the last time.
        snapshot : SessionState, optional
            The whole session at the same moment, where `wants_snapshot`.

        Raises
        ------
        SessionError
            If the disk refuses; the session on disk is then what it was before.
        """
        try:
            self._write_blobs(changes)
            if self._appendable:
                self._append(encode_batch(changes))
                if snapshot is not None:
                    self._try_to_compact(snapshot)
            else:
                assert snapshot is not None
                self._compact(snapshot)
        except OSError as error:
            raise SessionError(
                f"Cannot save the session {self.directory} ({error.strerror or error}); nothing "
                f"that was saved before is lost. Make room or grant access there, and save again."
            ) from error

    def forget(self, name: str) -> None:
        """Take note that a picture is damaged, so that it is written again where it is needed."""
        self._known.discard(name)

    def tidy(self, state: SessionState) -> None:
        """Remove pictures that nothing names any more; one that will not go does no harm.

        Parameters
        ----------
        state : SessionState
            The session, all of which is saved.
        """
        used = {
            blob.name
            for item in state.objects.values()
            for record in item.frames.values()
            for blob in record.blobs
        }
        for name in self._known - used:
            with contextlib.suppress(OSError):
                (self.directory / name).unlink()
                self._known.discard(name)
                (self.directory / name).parent.rmdir()  # goes once it is empty

    def _write_blobs(self, changes: Changes) -> None:
        """Bring all pictures that changes name to the disk, before anything names them there."""
        fresh: dict[str, list[Blob]] = {}
        for (number, frame), record in changes.frames.items():
            for folder, blob in _pictures(record):
                if blob.name is None:
                    name = f"{folder}/{number}/{frame:08d}-{blob.digest}.png"
                    fresh.setdefault(name, []).append(blob)
        written = [name for name in fresh if name not in self._known]
        folders = {(self.directory / name).parent for name in written}
        for folder_path in folders:
            folder_path.mkdir(parents=True, exist_ok=True)

        def write(name: str) -> None:
            # not by way of a temporary file: nothing names it yet, and its name proves its content
            write_file(self.directory / name, fresh[name][0].read())

        with ThreadPoolExecutor(_WRITERS) as pool:
            list(pool.map(write, written))
        for folder_path in folders:
            sync_directory(folder_path)
        for name, blobs in fresh.items():
            for blob in blobs:
                blob.settle(str(self.directory), name)
        self._known.update(written)

    def _append(self, batch: list[bytes]) -> None:
        """Add a batch to the journal: all of it or, if that fails, nothing."""
        path = journal_file(self.directory, self._generation)
        is_new = not path.exists()
        with path.open("ab") as file:
            start = file.seek(0, os.SEEK_END)
            try:
                file.write(b"".join(batch))
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                self._appendable = False  # unless the part that was written goes away again
                os.truncate(path, start)
                self._appendable = True
                raise
        if is_new:
            sync_directory(self.directory)
        self._lines += len(batch)

    def _try_to_compact(self, state: SessionState) -> None:
        """Write a snapshot of what the journal tells already; another time if that fails now."""
        try:
            self._compact(state)
        except OSError:
            self._appendable = False  # nobody knows which snapshot a line would continue

    def _compact(self, state: SessionState) -> None:
        """Write a snapshot and begin a new journal."""
        generation = max([self._generation, *self._journals()]) + 1
        write_snapshot(self.directory, state, generation, keep_previous=self._appendable)
        self._appendable = True
        self.rewrite = False
        self._generation = generation
        self._lines = 0
        for number, path in self._journals().items():
            if number < generation - 1:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _journals(self) -> dict[int, Path]:
        found = self.directory.glob("journal-*.jsonl")
        return {int(path.stem[8:]): path for path in found if path.stem[8:].isdigit()}


def _pictures(record: FrameRecord | None) -> Iterator[tuple[str, Blob]]:
    """Give the pictures of a record, each with its folder."""
    if record is None:
        return
    found = (("masks", record.mask), ("masks", record.proposal), ("logits", record.logits))
    for folder, blob in found:
        if blob is not None and blob is not EMPTY:
            yield folder, blob
