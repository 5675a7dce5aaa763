"""Reading a session from its directory, with what is damaged left out and told."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from napari_tavis.session.blobs import Blob, BlobDamaged
from napari_tavis.session.errors import SessionDamaged, SessionError
from napari_tavis.session.journal import Replay, journal_file
from napari_tavis.session.objects import FrameRecord
from napari_tavis.session.snapshot import PREVIOUS_FILE, SESSION_FILE, read_snapshot
from napari_tavis.session.state import SessionState
from napari_tavis.session.storage import SessionStore

_CHECKED = 2000
"""Pictures read whole when a session is opened, well under a second; the others when shown."""
_TOLD = 10
"""Damaged pictures told one by one."""


@dataclass(frozen=True)
class LoadedSession:
    """A session as it was read.

    Parameters
    ----------
    state : SessionState
        What it holds.
    store : SessionStore
        Where it can be saved.
    warnings : tuple of str
        A sentence for all that is damaged; nothing of that is removed from the disk.
    """

    state: SessionState
    store: SessionStore
    warnings: tuple[str, ...]


def load_session(directory: Path) -> LoadedSession:
    """Read a session.

    Parameters
    ----------
    directory : Path
        The session's directory.

    Raises
    ------
    SessionError
        If there is no session, it is from a newer version, names a file outside the directory, or
        the snapshot and the one before are damaged. Anything else that is damaged costs its
        frame only.
    """
    state, generation, warnings = _read_snapshots(directory)
    replay = Replay(state, str(directory))
    rescued = bool(warnings)
    if rescued:  # from the snapshot before, whose journal leads to the lost one
        replay.read(journal_file(directory, generation))
        generation += 1
    replay.read(journal_file(directory, generation))
    replay.finish()
    present = _present_files(directory)
    inspection = _Inspection(present)
    _leave_out_damaged(state, inspection)
    whole = present - inspection.damaged
    appendable = generation > 0 and not rescued and replay.whole
    store = SessionStore(directory, generation, replay.lines, whole, appendable=appendable)
    damaged = _shortened(inspection.warnings)
    return LoadedSession(state, store, (*warnings, *replay.warnings, *damaged))


def _read_snapshots(directory: Path) -> tuple[SessionState, int, list[str]]:
    """Read the snapshot or, if it is damaged, the one before."""
    try:
        state, generation = read_snapshot(directory / SESSION_FILE)
        return state, generation, []
    except SessionDamaged as error:
        try:
            state, generation = read_snapshot(directory / PREVIOUS_FILE)
        except SessionDamaged:
            raise error from None
        warning = (
            f"{directory / SESSION_FILE} is missing or damaged: the session was put together again "
            f"from {PREVIOUS_FILE} and its journals. Look through it before you go on."
        )
        return state, generation, [warning]


def _present_files(directory: Path) -> set[str]:
    """Give the names of all pictures; none of them may lead out of the directory."""
    home = os.path.realpath(directory) + os.sep
    found: set[str] = set()
    for folder in ("masks", "logits"):
        for entry in _scan(directory / folder):
            _refuse_leading_out(entry, home)
            for file in _scan(Path(entry.path)):
                if file.is_symlink():
                    _refuse_leading_out(file, home)
                found.add(f"{folder}/{entry.name}/{file.name}")
    return found


def _scan(directory: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError:
        return []


def _refuse_leading_out(entry: os.DirEntry[str], home: str) -> None:
    if not (os.path.realpath(entry.path) + os.sep).startswith(home):
        raise SessionError(
            f"{entry.path} leads out of the session's directory: remove that link, or put the "
            f"file itself there."
        )


class _Inspection:
    """Finds missing and damaged pictures.

    Parameters
    ----------
    present : set of str
        The names of those that are there.
    """

    def __init__(self, present: set[str]) -> None:
        self.warnings: list[str] = []
        self._present = present
        self._checked: dict[str, str | None] = {}

    @property
    def damaged(self) -> set[str]:
        """The names of those that cannot be used."""
        return {name for name, reason in self._checked.items() if reason}

    def mend(self, record: FrameRecord) -> FrameRecord | None:
        """Give a record without what is damaged; None if that is its mask."""
        if self._lost(record.mask, "mask"):
            return None
        if record.proposal is not None and self._lost(record.proposal, "proposal"):
            record = replace(record, proposal=None)
        if record.logits is not None and self._lost(record.logits, "mask's logits"):
            record = replace(record, logits=None)
        return record

    def _lost(self, blob: Blob, what: str) -> bool:
        """Say whether a picture cannot be used, and note why."""
        name = blob.name
        if name is None:
            return False
        if name not in self._checked:
            self._checked[name] = self._fault(blob, name)
            if reason := self._checked[name]:
                path = blob.path
                self.warnings.append(f"The {what} {path} is damaged and left out ({reason}).")
        return self._checked[name] is not None

    def _fault(self, blob: Blob, name: str) -> str | None:
        if name not in self._present:
            return "the file is missing"
        if len(self._checked) >= _CHECKED:
            return None
        try:
            blob.read()
        except (OSError, BlobDamaged) as error:
            return str(error)
        return None


def _leave_out_damaged(state: SessionState, inspection: _Inspection) -> None:
    """Take missing and damaged pictures out of a session."""
    for item in state.objects.values():
        for frame, record in list(item.frames.items()):
            mended = inspection.mend(record)
            if mended is None:
                del item.frames[frame]
            elif mended is not record:
                item.frames[frame] = mended


def _shortened(warnings: list[str]) -> list[str]:
    if len(warnings) <= _TOLD:
        return warnings
    more = len(warnings) - _TOLD
    return [*warnings[:_TOLD], f"{more} more pictures of the session are damaged and left out."]
