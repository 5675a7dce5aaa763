"""The videos one works through, each with how far it has come."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

from napari_tavis.annotation import AnnotationSession
from napari_tavis.core.tasks import Task
from napari_tavis.project.listing import SESSION_SUFFIX, list_videos, session_files
from napari_tavis.project.looking import QueueItem, VideoLooker, missing
from napari_tavis.project.queue_file import (
    FOLDER_FILE,
    QueueMemory,
    memory_file,
    read_memory,
    write_memory,
)
from napari_tavis.project.states import QueueState


class VideoQueue:
    """The videos of a folder or of a list, in order; made by `open`.

    States are read from the sessions on the disk. What is remembered between two runs lies in a
    JSON file beside the videos; see `queue_file`. Methods may be called from any thread.

    Attributes
    ----------
    source : Path
        The folder, or the list file.
    file : Path
        Where the queue remembers.
    warnings : list of str
        What the user should know, one sentence each.
    """

    def __init__(self, source: Path, file: Path, memory: QueueMemory) -> None:
        self.source = source
        self.file = file
        self.warnings: list[str] = []
        self._memory = memory
        self._looker = VideoLooker(self.place, memory.videos)
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

        Parameters
        ----------
        source : path
            A folder of videos, its ``tavis-queue.json``, or a text file with one path per line.
        recursive : bool, optional
            Whether a folder's folders belong to it; as it was the last time by default.
        file : path, optional
            Where to remember; ``tavis-queue.json`` in the folder, or beside the list, by default.
        task : Task, optional
            Told how far it is; stops the work when cancelled.

        Raises
        ------
        ProjectError
            If the source cannot be read.
        Cancelled
            If asked for.
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
        """Give what is known of a video, or None where it is none of the queue's."""
        with self._lock:
            return None if path is None else self._items.get(path)

    def place(self, path: Path) -> str:
        """Give a video's place relative to the queue, to show and to remember it by."""
        try:
            return Path(os.path.relpath(path, self.file.parent)).as_posix()
        except ValueError:  # another drive
            return str(path)

    # Looking at the disk

    def refresh(self, *, task: Task | None = None) -> None:
        """List the videos again, and read the states of those whose files have changed.

        A video that has vanished meanwhile, or has left its session behind, is missing.

        Raises
        ------
        ProjectError
            If the source cannot be read any more.
        Cancelled
            If asked for; the queue then stays as it was.
        """
        task = task or Task()
        listed = list_videos(self.source, recursive=self.recursive)
        items: dict[Path, QueueItem] = {}
        for done, path in enumerate(listed, start=1):
            task.check()
            items[path] = self._looker.look(path)
            task.report(done, len(listed), "looking through the videos")
        with self._lock:
            for item in (*self._left_behind(items.values()), *self._vanished(items)):
                items.setdefault(item.path, item)
            self._items = items

    def _left_behind(self, found: Iterable[QueueItem]) -> list[QueueItem]:
        """Give the videos of the folder's sessions that belong to none of the videos found."""
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
        """Look at one video again; None where it is none of the queue's."""
        return None if self.item(path) is None else self.note(self._looker.look(path))

    def check(self, *, task: Task | None = None) -> None:
        """Look into the new videos, so that broken ones are known before their turn comes.

        Parameters
        ----------
        task : Task, optional
            Told how far it is; stops the work when cancelled.

        Raises
        ------
        Cancelled
            If asked for.
        """
        task = task or Task()
        new = [item.path for item in self.videos if item.state is QueueState.NEW]
        for done, path in enumerate(new, start=1):
            task.check()
            self.note(self._looker.look_into(path))
            task.report(done, len(new), "checking the new videos")

    def look_into(self, path: Path) -> QueueItem:
        """Look into one video, such as one that did not open; what is wrong with it is noted."""
        return self.note(self._looker.look_into(path))

    def note(self, item: QueueItem) -> QueueItem:
        """Take what is newly known of a video of the queue, such as one whose session is open."""
        with self._lock:
            if item.path in self._items:
                self._items[item.path] = item
        return item

    def note_broken(self, path: Path, why: str) -> QueueItem:
        """Note that a video cannot be worked on, until its file or its session changes."""
        return self.note(self._looker.note_broken(path, why))

    # Going through it

    def next(self, after: Path | None = None, *, skip_finished: bool = False) -> QueueItem | None:
        """Give the next video that can be opened.

        Parameters
        ----------
        after : Path, optional
            The video to go on from; from the beginning where it is none of the queue's.
        skip_finished : bool
            Whether to pass over what is done or exported.

        Returns
        -------
        QueueItem or None
            None where there is none.
        """
        found = (
            item
            for item in self._following(after)
            if item.state.workable and not (skip_finished and item.state.finished)
        )
        return next(found, None)

    def previous(self, before: Path | None = None) -> QueueItem | None:
        """Give the video before another one, done or not; None where there is none."""
        videos, at = self.videos, self.position(before)
        earlier = [] if at is None else videos[:at]
        return next((item for item in reversed(earlier) if item.state.workable), None)

    def to_segment(self, after: Path | None, count: int) -> list[Path]:
        """Give the videos to segment in advance: the new ones among those that come next.

        Parameters
        ----------
        after : Path or None
            The video that is worked on.
        count : int
            How many videos to look ahead; what is finished or broken does not count.
        """
        coming = (
            item
            for item in self._following(after)
            if item.state.workable and not item.state.finished
        )
        return [item.path for item in islice(coming, count) if item.state is QueueState.NEW]

    def position(self, path: Path | None) -> int | None:
        """Give where a video comes in the queue, from 0; None where it is none of its."""
        paths = [item.path for item in self.videos]
        return paths.index(path) if path in paths else None

    def _following(self, after: Path | None) -> list[QueueItem]:
        at = self.position(after)
        return self.videos[0 if at is None else at + 1 :]

    # What is remembered

    @property
    def recursive(self) -> bool:
        """Whether the folder's folders belong to it."""
        return self._memory.recursive

    @property
    def current(self) -> Path | None:
        """The video last worked on; None where there was none, or it is none of the queue's."""
        place = self._memory.current
        found = (item.path for item in self.videos if place and self.place(item.path) == place)
        return next(found, None)

    @current.setter
    def current(self, path: Path | None) -> None:
        self._memory.current = "" if path is None else self.place(path)

    @property
    def skip_finished(self) -> bool:
        """Whether going on passes over what is done."""
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

        Raises
        ------
        ProjectError
            If the disk refuses. The queue works on without.
        """
        with self._lock:
            seen = self._looker.remembered(list(self._items))
            memory = replace(self._memory, videos=seen)
            if memory != self._written:
                write_memory(self.file, memory)
                self._written = memory


def mark_done(directory: Path, done: bool = True) -> None:
    """Mark a session on the disk done, or not done.

    Parameters
    ----------
    directory : Path
        The session's directory; it must not be open for writing anywhere.
    done : bool
        Which.

    Raises
    ------
    SessionError
        If it cannot be opened or saved, or somebody else works on it.
    """
    session = AnnotationSession.open(directory)
    try:
        session.set_done(done)
        session.save()
    finally:
        session.close()
