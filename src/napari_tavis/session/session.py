"""The annotation of one video: what the dock widget, the command line and the exports share."""

from __future__ import annotations

import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path

from napari_tavis.inference.proposals import Proposals
from napari_tavis.session.blobs import Blob
from napari_tavis.session.changes import SessionChange
from napari_tavis.session.editor import SessionEditor
from napari_tavis.session.errors import SessionError
from napari_tavis.session.finding import (
    SUFFIX,
    check_video,
    default_directory,
    find_session,
    find_video,
    relative_place,
)
from napari_tavis.session.loading import LoadedSession, load_session
from napari_tavis.session.lock import SessionLock
from napari_tavis.session.pending import Changes, Pending
from napari_tavis.session.snapshot import SESSION_FILE
from napari_tavis.session.state import SessionState
from napari_tavis.session.storage import SessionStore, holds_session, refuse_existing
from napari_tavis.session.video import VideoIdentity, count_frames


class AnnotationSession(SessionEditor):
    """The objects of one video, their masks and their status, and their place on disk.

    Methods may be called from any thread. Make one with `create` or `open`; whoever has a session
    open alone may change it, until `close` or until the object is no longer used.

    Attributes
    ----------
    video : Path
        The video.
    directory : Path
        Where the session is saved.
    warnings : list of str
        What the user should know, one sentence each.
    changed : psygnal.Signal
        Emits a `SessionChange` after each change: ``session.changed.connect(callback)``. The
        callback runs in the thread that made the change.
    """

    def __init__(self, video: Path, directory: Path, state: SessionState) -> None:
        super().__init__(video, directory, state)
        self._store: SessionStore | None = None  # None: there is no session on disk yet
        self._directory_lock: SessionLock | None = None
        self._looks_only = False
        self._closed = False
        self._sound = True  # nothing on the disk is damaged
        self._saved_revision = -1
        self._saving = threading.Lock()

    @staticmethod
    def default_directory(video: str | os.PathLike[str]) -> Path:
        """Give the directory of a video's session: ``<video>.tavis`` beside it."""
        return default_directory(video)

    @classmethod
    def create(
        cls,
        video: str | os.PathLike[str],
        proposals: Proposals,
        *,
        directory: str | os.PathLike[str] | None = None,
    ) -> AnnotationSession:
        """Start a session from what the model proposes. Nothing is written before `save`.

        Parameters
        ----------
        video : path
            The video.
        proposals : Proposals
            What the model proposes for it.
        directory : path, optional
            Where to save; ``<video>.tavis`` by default.

        Raises
        ------
        SessionError
            If the video cannot be read, or the directory holds a session already.
        """
        video = Path(video).absolute()
        folder = Path(directory).absolute() if directory else default_directory(video)
        refuse_existing(folder)
        count = proposals.frame_count
        state = SessionState(
            video=VideoIdentity.of(video),
            video_place=relative_place(video, folder),
            frame_count=count_frames(video) if count is None else count,
            frame_size=proposals.frame_size,
            frame_indices=proposals.frame_indices,
            frame_times=proposals.frame_times,
            vocabulary=proposals.vocabulary,
            model_name=proposals.model_name,
        )
        for proposal in proposals.objects:
            state.take(proposal)
        state.take_diff()
        session = cls(video, folder, state)
        session.warnings = list(proposals.warnings)
        return session

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        video: str | os.PathLike[str] | None = None,
        read_only: bool = False,
    ) -> AnnotationSession:
        """Open a saved session.

        One of all that have it open may change it. Whoever comes second, in this process or
        another, gets it `read_only`, and `warnings` says so.

        Parameters
        ----------
        path : path
            The video, its ``.tavis`` directory, or the ``session.json`` in it.
        video : path, optional
            Where the video is now, if it has moved.
        read_only : bool
            Only to look: nobody else is kept from changing it.

        Raises
        ------
        SessionError
            If there is no session, or it cannot be read; the message names the file. A single
            damaged mask or line costs its frame only and is told in `warnings`.
        """
        folder, given = _resolve(Path(path).absolute(), video)
        lock, told = None, None
        if not read_only and holds_session(folder):
            lock = SessionLock(folder)
            told = lock.acquire()
        loaded = load_session(folder)
        state = loaded.state
        if given is not None and given.is_file():
            place, warning = given, check_video(state.video, given, folder)
        else:
            place, warning = find_video(state.video, folder, state.video_place)
        session = cls(place, folder, state)
        session._adopt(loaded, lock, read_only or told is not None)
        if warning is None:
            session._note_place(place)
        session.warnings = [text for text in (told, *loaded.warnings, warning) if text]
        return session

    def save(self) -> None:
        """Write what has changed to the disk, atomically; nothing happens if nothing has.

        Raises
        ------
        SessionError
            If the disk refuses, or another session has taken the directory meanwhile. The
            session then stays `dirty`, and what was saved before stays as it was.
        """
        with self._saving:
            if not self.dirty or self.read_only:
                return
            store = self._store = self._store or self._take_directory()
            with self._lock:
                revision = self._revision
                pending, self._pending = self._pending, Pending()
                snapshot = self._state.snapshot() if store.wants_snapshot(self._state) else None
                changes = pending.collect(self._state)
            if store.is_new and snapshot is not None:
                changes = Changes.everything(snapshot)
            try:
                store.save(changes, snapshot)
            except BaseException:
                with self._lock:
                    self._pending.restore(pending)
                raise
            self._saved_revision = revision
        self.changed.emit(SessionChange("saved"))

    def close(self) -> None:
        """Let go of the session, so that others may change it; `save` first.

        It can still be looked at. Pictures on the disk that nothing names any more are removed.
        """
        with self._saving:
            if self._closed:
                return
            if self._store is not None and self._sound and not (self.dirty or self.read_only):
                self._store.tidy(self._state)
            self._closed = True
            if self._directory_lock is not None:
                self._directory_lock.release()

    @property
    def elsewhere(self) -> str | None:
        """Why the session is not kept beside its video, and where it is, in a sentence."""
        return None

    def move_to(self, folder: Path) -> None:
        """Keep the session in another folder from now on, and save all of it there.

        Raises
        ------
        SessionError
            If it cannot be written there either, or another session is there.
        """
        target = folder / self.directory.name
        refuse_existing(target)
        before, store = self.directory, self._store
        self.directory, self._store = target, None
        try:
            if store is None:
                self.save()
                return
            shutil.copytree(before, target)
            store.directory, self._store = target, store
            self.save()
        except BaseException as error:
            self.directory, self._store = before, store
            if store is not None:
                store.directory = before
            if isinstance(error, OSError):
                raise SessionError(f"Cannot write to {folder} ({error.strerror}).") from error
            raise

    @property
    def dirty(self) -> bool:
        """Whether there is something that `save` would write."""
        return self._revision != self._saved_revision

    @property
    def read_only(self) -> bool:
        """Whether nothing can be changed; `warnings` says why, unless that was asked for."""
        return self._looks_only or self._closed

    def _adopt(self, loaded: LoadedSession, lock: SessionLock | None, looks_only: bool) -> None:
        """Take what was read from the disk."""
        self._store = loaded.store
        self._directory_lock = lock
        self._looks_only = looks_only
        self._sound = not loaded.warnings
        self._saved_revision = self._revision

    def _note_place(self, video: Path) -> None:
        """Note where the video is and what it is called now; written with the next save."""
        place = relative_place(video, self.directory)
        if (video.name, place) != (self._state.video.name, self._state.video_place):
            self._state.video = replace(self._state.video, name=video.name)
            self._state.video_place = place
            if self._store is not None:
                self._store.rewrite = True

    def _forget_file(self, blob: Blob) -> None:
        """Let the file be written anew when its content is saved again."""
        self._sound = False
        if self._store is not None and blob.name is not None:
            self._store.forget(blob.name)

    def _take_directory(self) -> SessionStore:
        """Make the directory of a new session, and keep others out."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SessionError(
                f"Cannot make the session's directory {self.directory} "
                f"({error.strerror or error}): grant access there, and save again."
            ) from error
        refuse_existing(self.directory)
        lock = SessionLock(self.directory)
        told = lock.acquire()
        if told is not None:
            raise SessionError(told)
        self._directory_lock = lock
        return SessionStore(self.directory)


def _resolve(path: Path, video: str | os.PathLike[str] | None) -> tuple[Path, Path | None]:
    """Give the session's directory, and the video where it is known."""
    given = None if video is None else Path(video).absolute()
    if path.name == SESSION_FILE:
        return path.parent, given
    if path.is_dir() or path.suffix == SUFFIX:
        return path, given
    return find_session(path) or default_directory(path), given or path
