"""Looking at the videos of a set: their states, read anew only where files have changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from napari_tavis.media import MediaError
from napari_tavis.media.container import probe
from napari_tavis.project.orphans import SessionFinder
from napari_tavis.project.queue_file import Remembered
from napari_tavis.project.states import (
    QueueState,
    look,
    session_signature,
    video_signature,
)


@dataclass(frozen=True)
class QueueItem:
    """A video of a queue.

    Parameters
    ----------
    path : Path
        The video, absolute.
    state : QueueState
        How far its annotation has come.
    why : str
        Why it cannot be worked on, or what else there is to know; empty if there is nothing.
    session : Path or None
        The session's file, where there is one.
    """

    path: Path
    state: QueueState
    why: str = ""
    session: Path | None = None


class VideoLooker:
    """Looks at videos and remembers what it saw. Methods may be called from any thread.

    Parameters
    ----------
    place : callable
        Gives the word under which a video is remembered.
    remembered : mapping of str to Remembered
        What is remembered from the last run.
    """

    def __init__(self, place: Callable[[Path], str], remembered: Mapping[str, Remembered]) -> None:
        self._place = place
        self._remembered = dict(remembered)
        self._finder = SessionFinder()
        self._lock = threading.Lock()

    def look(self, path: Path) -> QueueItem:
        """Give a video's state: as remembered where its files are the same, else read."""
        signature = video_signature(path)
        if signature is None:
            return missing(path)
        directory = self._finder.find(path)
        session = "" if directory is None else session_signature(directory)
        known = self._known(path)
        if known is not None and (known.video, known.session) == (signature, session):
            return QueueItem(path, known.state, known.why, directory)
        if signature.startswith("0-"):
            state, why = QueueState.BROKEN, f"{path} is empty: copy it again."
        elif directory is None:
            state, why = QueueState.NEW, ""
        else:
            state, why = look(directory, path)
        self._remember(path, Remembered(state, why, signature, session))
        return QueueItem(path, state, why, directory)

    def look_into(self, path: Path) -> QueueItem:
        """Look into a new video, once, so that a broken one is known before its turn comes."""
        item = self.look(path)
        known = self._known(path)
        if item.state is not QueueState.NEW or known is None or known.probed:
            return item
        try:
            probe(path)
        except MediaError as error:
            return self.note_broken(path, str(error))
        self._remember(path, Remembered(known.state, known.why, known.video, known.session, True))
        return item

    def note_broken(self, path: Path, why: str) -> QueueItem:
        """Remember that a video cannot be worked on, until its file or session changes."""
        signature = video_signature(path)
        if signature is None:
            return missing(path)
        directory = self._finder.find(path)
        session = "" if directory is None else session_signature(directory)
        self._remember(path, Remembered(QueueState.BROKEN, why, signature, session, True))
        return QueueItem(path, QueueState.BROKEN, why, directory)

    def remembered(self, paths: list[Path]) -> dict[str, Remembered]:
        """Give what is remembered of some videos."""
        with self._lock:
            places = [self._place(path) for path in paths]
            return {place: self._remembered[place] for place in places if place in self._remembered}

    def _known(self, path: Path) -> Remembered | None:
        with self._lock:
            return self._remembered.get(self._place(path))

    def _remember(self, path: Path, remembered: Remembered) -> None:
        with self._lock:
            self._remembered[self._place(path)] = remembered


def missing(path: Path, session: Path | None = None) -> QueueItem:
    """Make the item of a video that is not there."""
    if session is None:
        why = f"{path} is not there: put it back, or take it off the list."
    else:
        why = f"{path} is not there, but its annotation {session.name} is: put the video back."
    return QueueItem(path, QueueState.MISSING, why, session)
