"""The videos to work through, each with how far it has come."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from napari_tavis.annotation import AnnotationSession
from napari_tavis.core.tasks import Task
from napari_tavis.media import MediaError
from napari_tavis.media.container import probe
from napari_tavis.project.listing import (
    SESSION_SUFFIX,
    SessionFinder,
    list_videos,
    session_files,
)
from napari_tavis.project.queue_file import (
    FOLDER_FILE,
    QueueMemory,
    Remembered,
    memory_file,
    read_memory,
    write_memory,
)
from napari_tavis.project.states import (
    QueueState,
    file_signature,
    read_state,
)


@dataclass(frozen=True)
class QueueItem:
    """A video of a queue."""

    path: Path  # absolute
    state: QueueState
    why: str = ""  # why it cannot be worked on, or what else to know; may be empty
    session: Path | None = None  # the session's file, where there is one


class _StateReader:
    """Reads the states of videos, anew only where files have changed.

    Methods may be called from any thread. `place` gives the key under which a video is remembered;
    `remembered` is what the last run knew.
    """

    def __init__(self, place: Callable[[Path], str], remembered: Mapping[str, Remembered]) -> None:
        self._place = place
        self._remembered = dict(remembered)
        self._finder = SessionFinder()
        self._lock = threading.Lock()

    def read(self, path: Path) -> QueueItem:
        """Return a video's state: as remembered where its files are the same, else read anew."""
        signature = file_signature(path)
        if not signature:
            return missing(path)
        session_file = self._finder.find(path)
        session = file_signature(session_file)
        known = self._known(path)
        if known is not None and (known.video, known.session) == (signature, session):
            return QueueItem(path, known.state, known.why, session_file)
        if signature.startswith("0-"):
            state, why = QueueState.BROKEN, f"{path} is empty: copy it again."
        elif session_file is None:
            state, why = QueueState.NEW, ""
        else:
            state, why = read_state(session_file, path)
        self._remember(path, Remembered(state, why, signature, session))
        return QueueItem(path, state, why, session_file)

    def probe_new(self, path: Path) -> QueueItem:
        """Open a new video, once, so that a broken one is known before its turn comes."""
        item = self.read(path)
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
        signature = file_signature(path)
        if not signature:
            return missing(path)
        session_file = self._finder.find(path)
        session = file_signature(session_file)
        self._remember(path, Remembered(QueueState.BROKEN, why, signature, session, True))
        return QueueItem(path, QueueState.BROKEN, why, session_file)

    def remembered(self, paths: list[Path]) -> dict[str, Remembered]:
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
    """Make the item of a video that does not exist; `session` is the one it has left behind."""
    if session is None:
        why = f"{path} is not there: put it back, or take it off the list."
    else:
        why = f"{path} is not there, but its annotation {session.name} is: put the video back."
    return QueueItem(path, QueueState.MISSING, why, session)


class VideoQueue:
    """The videos of a folder or of a list, in order; made by `open`.

    States are read from the sessions on the disk. What is remembered between two runs is in the
    JSON file `file` beside the videos; see `queue_file`. Methods may be called from any thread.
    `source` is the folder or the list file, `warnings` has what the user should know, a sentence
    each.
    """

    def __init__(self, source: Path, file: Path, memory: QueueMemory) -> None:
        self.source = source
        self.file = file
        self.warnings: list[str] = []
        self._memory = memory
        self._states = _StateReader(self.place, memory.videos)
        self._items: dict[Path, QueueItem] = {}
        self._written: QueueMemory | None = None
        self._lock = threading.RLock()

    @classmethod
    def open(
        cls,
        source: str | os.PathLike[str],
        *,
        recursive: bool | None = None,
        file: str | os.PathLike[str] | None = None,
        task: Task | None = None,
    ) -> VideoQueue:
        """Open the queue of a folder or a list.

        `source` is a folder of videos, its ``tavis-queue.json``, or a text file with one path a
        line. `recursive` says whether a folder's folders are included; None means as the last
        time. `file` is where to remember; ``tavis-queue.json`` in the folder, or beside the list,
        by default.

        Raises `ProjectError` if the source cannot be read, `Cancelled` if the task is cancelled.
        """
        source = Path(os.path.abspath(source))
        if source.name == FOLDER_FILE:
            source = source.parent
        memory_path = Path(os.path.abspath(file)) if file else memory_file(source)
        memory, warning = read_memory(memory_path)
        queue = cls(source, memory_path, memory)
        if recursive is not None:
            memory.recursive = recursive
        if warning:
            queue.warnings.append(warning)
        queue.refresh(task=task)
        return queue

    # What is in it

    @property
    def videos(self) -> list[QueueItem]:
        """The videos in order, as they were when last looked at."""
        with self._lock:
            return list(self._items.values())

    @property
    def counts(self) -> Mapping[QueueState, int]:
        """How many videos are in each state; states without any are left out."""
        return Counter(item.state for item in self.videos)

    def item(self, path: Path | None) -> QueueItem | None:
        """Return what is known of a video, or None if it is not in the queue."""
        with self._lock:
            return None if path is None else self._items.get(path)

    def place(self, path: Path) -> str:
        """Return a video's path relative to the queue's file, to show and to remember it by."""
        try:
            return Path(os.path.relpath(path, self.file.parent)).as_posix()
        except ValueError:  # another drive
            return str(path)

    # Looking at the disk

    def refresh(self, *, task: Task | None = None) -> None:
        """List the videos again, and read the states of those whose files have changed.

        A video that has vanished meanwhile, or has left its session behind, is missing. Raises
        `ProjectError` if the source cannot be read any more, and `Cancelled` if the task is
        cancelled; the queue then stays as it was.
        """
        task = task or Task()
        listed = list_videos(self.source, recursive=self.recursive)
        # Read without the lock, for which the window may be waiting, and exchanged at once.
        items: dict[Path, QueueItem] = {}
        for done, path in enumerate(listed, start=1):
            task.check()
            items[path] = self._states.read(path)
            task.report(done, len(listed), "looking through the videos")
        with self._lock:
            for item in (*self._left_behind(items.values()), *self._vanished(items)):
                items.setdefault(item.path, item)
            self._items = items

    def _left_behind(self, found: Iterable[QueueItem]) -> list[QueueItem]:
        """Return missing items for the folder's sessions that belong to no video found."""
        if not self.source.is_dir():
            return []
        taken = {item.session for item in found}
        sessions = session_files(self.source, recursive=self.recursive)
        return [
            missing(session.with_name(session.name.removesuffix(SESSION_SUFFIX)), session)
            for session in sessions
            if session not in taken
        ]

    def _vanished(self, found: Mapping[Path, QueueItem]) -> list[QueueItem]:
        gone = [path for path in self._items if path not in found and not path.exists()]
        return [missing(path) for path in gone if self._items[path].session is None]

    def refresh_video(self, path: Path) -> QueueItem | None:
        """Look at one video again; None if it is not in the queue."""
        return None if self.item(path) is None else self.note(self._states.read(path))

    def check(self, *, task: Task | None = None) -> None:
        """Open the new videos, so that broken ones are known before their turn comes."""
        task = task or Task()
        new = [item.path for item in self.videos if item.state is QueueState.NEW]
        for done, path in enumerate(new, start=1):
            task.check()
            self.note(self._states.probe_new(path))
            task.report(done, len(new), "checking the new videos")

    def look_into(self, path: Path) -> QueueItem:
        """Open one video, such as one that failed to open; what is wrong with it is noted."""
        return self.note(self._states.probe_new(path))

    def note(self, item: QueueItem) -> QueueItem:
        """Take over what is newly known of a video, such as one whose session is open."""
        with self._lock:
            if item.path in self._items:
                self._items[item.path] = item
        return item

    def note_broken(self, path: Path, why: str) -> QueueItem:
        """Note that a video cannot be worked on, until its file or its session changes."""
        return self.note(self._states.note_broken(path, why))

    # Going through it

    def next(self, after: Path | None = None, *, skip_finished: bool = False) -> QueueItem | None:
        """Return the next video that can be opened; None where there is none.

        It begins with the first where `after` is not in the queue.
        """
        found = (
            item
            for item in self._following(after)
            if item.state.workable and not (skip_finished and item.state.finished)
        )
        return next(found, None)

    def previous(self, before: Path | None = None) -> QueueItem | None:
        """Return the video before another one, done or not; None where there is none."""
        videos, at = self.videos, self.position(before)
        earlier = [] if at is None else videos[:at]
        return next((item for item in reversed(earlier) if item.state.workable), None)

    def to_segment(self, after: Path | None, count: int) -> list[Path]:
        """Return the videos to segment in advance: the new ones among the next `count`.

        Finished and broken ones do not count.
        """
        coming = (
            item
            for item in self._following(after)
            if item.state.workable and not item.state.finished
        )
        return [item.path for item in islice(coming, count) if item.state is QueueState.NEW]

    def position(self, path: Path | None) -> int | None:
        """Return a video's position in the queue, from 0; None if it is not in it."""
        paths = [item.path for item in self.videos]
        return paths.index(path) if path in paths else None

    def _following(self, after: Path | None) -> list[QueueItem]:
        at = self.position(after)
        return self.videos[0 if at is None else at + 1 :]

    # What is remembered

    @property
    def recursive(self) -> bool:
        """Whether the folder's folders are included."""
        return self._memory.recursive

    @property
    def current(self) -> Path | None:
        """The video last worked on; None if there was none, or it is not in the queue any more."""
        place = self._memory.current
        found = (item.path for item in self.videos if place and self.place(item.path) == place)
        return next(found, None)

    @current.setter
    def current(self, path: Path | None) -> None:
        self._memory.current = "" if path is None else self.place(path)

    @property
    def skip_finished(self) -> bool:
        """Whether going on skips what is done."""
        return self._memory.skip_finished

    @skip_finished.setter
    def skip_finished(self, value: bool) -> None:
        self._memory.skip_finished = value

    @property
    def ahead(self) -> int:
        """How many videos are segmented in advance."""
        return max(self._memory.ahead, 0)

    @ahead.setter
    def ahead(self, value: int) -> None:
        self._memory.ahead = value

    def save(self) -> None:
        """Write what the queue remembers, if anything has changed.

        Raises `ProjectError` if the disk refuses; the queue can still be used.
        """
        with self._lock:
            seen = self._states.remembered(list(self._items))
            memory = replace(self._memory, videos=seen)
            if memory != self._written:
                write_memory(self.file, memory)
                self._written = memory


def mark_done(session_file: Path, done: bool = True) -> None:
    """Mark a session on the disk done, or not done.

    It must not be open for writing anywhere. Raises `SessionError` if it cannot be opened or
    saved, or somebody else is working on it.
    """
    with closing(AnnotationSession.open(session_file)) as session:
        session.set_done(done)
        session.save()
