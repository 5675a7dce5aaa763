"""The annotation of one video: what the dock widget, the command line and the exports share."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from napari_tavis.inference.proposals import Proposals
from napari_tavis.session.changes import SessionChange
from napari_tavis.session.editor import SessionEditor
from napari_tavis.session.state import SessionState
from napari_tavis.session.storage import (
    SESSION_FILE,
    read_session,
    refuse_existing,
    write_session,
)
from napari_tavis.session.video import (
    VideoIdentity,
    check_video,
    count_frames,
    find_video,
    relative_place,
)

_SUFFIX = ".tavis"


def default_directory(video: str | os.PathLike[str]) -> Path:
    """Give the directory of a video's session: ``<video>.tavis`` beside it."""
    video = Path(video)
    return video.with_name(video.name + _SUFFIX)


class AnnotationSession(SessionEditor):
    """The objects of one video, their masks and their status, and their place on disk.

    Masks are kept compressed and decoded when asked for, so that the session of a long video
    stays small. Methods may be called from any thread. Make one with `create` or `open`.

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

    def __init__(
        self, video: Path, directory: Path, state: SessionState, on_disk: set[str] | None
    ) -> None:
        super().__init__(video, directory, state)
        self._on_disk = on_disk  # None: there is no session on disk yet
        self._saved_revision = -1 if on_disk is None else 0
        self._saving = threading.Lock()
        self._read_only = False

    @property
    def read_only(self) -> bool:
        """Whether nothing can be changed; `warnings` says why."""
        return self._read_only

    def close(self) -> None:
        """Let go of the session's directory; nothing can be changed any more."""
        self._read_only = True

    # Making, opening and saving

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
        session = cls(video, folder, state, None)
        session.warnings = list(proposals.warnings)
        for proposal in proposals.objects:
            state.take(proposal)
        state.take_diff()
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

        Parameters
        ----------
        path : path
            The video, its ``.tavis`` directory, or the ``session.json`` in it.
        video : path, optional
            Where the video is now, if it has moved.

        Raises
        ------
        SessionError
            If there is no session, or it cannot be read; the message names the file. A single
            damaged mask costs its frame only and is told in `warnings`.
        """
        path = Path(path).absolute()
        if path.name == SESSION_FILE:
            folder = path.parent
        elif path.is_dir() or path.suffix == _SUFFIX:
            folder = path
        else:
            folder, video = default_directory(path), path if video is None else video
        state, on_disk, warnings = read_session(folder)
        if video is not None and Path(video).is_file():
            place = Path(video).absolute()
            warning = check_video(state.video, place, folder)
        else:
            place, warning = find_video(state.video, folder, state.video_place)
        session = cls(place, folder, state, on_disk)
        session._read_only = read_only
        session.warnings = warnings + ([warning] if warning else [])
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
            with self._lock:
                if not self.dirty:
                    return
                revision = self._revision
                state = self._state.snapshot()
            if self._on_disk is None:
                refuse_existing(self.directory)
            self._on_disk = write_session(self.directory, state, self._on_disk or set())
            with self._lock:
                self._saved_revision = revision
        self.changed.emit(SessionChange("saved"))

    @property
    def dirty(self) -> bool:
        """Whether there is something that `save` would write."""
        return self._revision != self._saved_revision
