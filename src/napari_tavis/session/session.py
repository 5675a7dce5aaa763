"""The annotation of one video: what the dock widget, the command line and the exports share."""

from __future__ import annotations

import functools
import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from napari_tavis.inference.masks import Mask, MaskDamaged, decode_mask
from napari_tavis.inference.proposals import ObjectKind, Proposals
from napari_tavis.session.changes import SessionChange
from napari_tavis.session.objects import FrameRecord, FrameStatus, SessionObject, record_mask
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
_DECODED_MASKS = 16
"""Decoded masks kept at hand: 32 MB at 1080p."""


def default_directory(video: str | os.PathLike[str]) -> Path:
    """Give the directory of a video's session: ``<video>.tavis`` beside it."""
    video = Path(video)
    return video.with_name(video.name + _SUFFIX)


class AnnotationSession:
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

    changed = Signal(SessionChange)

    def __init__(
        self, video: Path, directory: Path, state: SessionState, on_disk: set[str] | None
    ) -> None:
        self.video = video
        self.directory = directory
        self.warnings: list[str] = []
        self._state = state
        self._on_disk = on_disk  # None: there is no session on disk yet
        self._revision = 0
        self._saved_revision = -1 if on_disk is None else 0
        self._lock = threading.RLock()
        self._saving = threading.Lock()
        self._decode = functools.lru_cache(_DECODED_MASKS)(self._decode_png)

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
        return session

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], *, video: str | os.PathLike[str] | None = None
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

    # What the session knows

    @property
    def frame_indices(self) -> npt.NDArray[np.int64]:
        """The sampled frames as video frame indices, ``[T]``."""
        return self._state.frame_indices

    @property
    def frame_times(self) -> npt.NDArray[np.float64]:
        """The sampled frames' presentation times in seconds, ``[T]``."""
        return self._state.frame_times

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width of the video's frames, in pixels."""
        return self._state.frame_size

    @property
    def frame_count(self) -> int:
        """How many frames the video has."""
        return self._state.frame_count

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The class names in play, without the background."""
        return self._state.vocabulary

    @property
    def model_name(self) -> str:
        """What made the proposals."""
        return self._state.model_name

    @property
    def objects(self) -> list[SessionObject]:
        """The objects, in the order they came."""
        with self._lock:
            return list(self._state.objects.values())

    def object(self, object_id: int) -> SessionObject:
        """Give one object; KeyError if the session has none of that number."""
        return self._state.objects[object_id]

    def mask(self, object_id: int, frame_index: int) -> Mask:
        """Give the mask of an object in a frame.

        Parameters
        ----------
        object_id : int
            The object.
        frame_index : int
            A frame of the video, sampled or not.

        Returns
        -------
        ndarray of bool, shape (H, W)
            A copy; empty where the object has no mask.
        """
        record = self.object(object_id).frames.get(frame_index)
        if record is None or record.png is None:
            return np.zeros(self.frame_size, dtype=bool)
        try:
            return self._decode(record.png).copy()
        except MaskDamaged as error:
            warning = (
                f"The mask of object {object_id} in frame {frame_index} of {self.directory} is "
                f"damaged and shown empty ({error})."
            )
            if warning not in self.warnings:
                self.warnings.append(warning)
            return np.zeros(self.frame_size, dtype=bool)

    def status(self, object_id: int, frame_index: int) -> FrameStatus | None:
        """Give an object's status in a frame; None where it has none there."""
        record = self.object(object_id).frames.get(frame_index)
        return None if record is None else record.status

    def annotated_frames(self, object_id: int) -> list[int]:
        """Give the frames in which an object has a status, ascending.

        A frame in which a person rubbed the object out is among them, with an empty mask.
        """
        with self._lock:
            return sorted(self.object(object_id).frames)

    # What a person does

    def set_mask(self, object_id: int, frame_index: int, mask: npt.ArrayLike) -> None:
        """Take the mask that a person painted, and mark the frame edited.

        Parameters
        ----------
        object_id : int
            The object.
        frame_index : int
            Any frame of the video.
        mask : array_like, shape (H, W)
            The mask; everything but 0 belongs to the object. Empty: it is not there.
        """
        mask = np.asarray(mask).astype(bool)
        if mask.shape != self.frame_size:
            raise ValueError(f"a mask of {mask.shape} where the frames are {self.frame_size}")
        self._check_frame(frame_index)
        record = record_mask(mask, FrameStatus.EDITED)
        with self._lock:
            self.object(object_id).frames[int(frame_index)] = record
            self._revision += 1
        self.changed.emit(SessionChange("mask", object_id, int(frame_index)))

    def accept(self, object_id: int | None = None, frame_index: int | None = None) -> None:
        """Mark masks as found right by a person, so that no run of the model replaces them.

        Parameters
        ----------
        object_id : int, optional
            The object; all of them by default.
        frame_index : int, optional
            The frame; by default all that have a status. Accepting an object where it has no
            mask says that it is not there.
        """
        if frame_index is not None:
            self._check_frame(frame_index)
        with self._lock:
            items = self.objects if object_id is None else [self.object(object_id)]
            for item in items:
                frames = list(item.frames) if frame_index is None else [int(frame_index)]
                for frame in frames:
                    record = item.frames.get(frame, FrameRecord(FrameStatus.PROPOSED, None))
                    item.frames[frame] = replace(record, status=FrameStatus.ACCEPTED)
            self._revision += 1
        self.changed.emit(SessionChange("status", object_id, frame_index))

    def rename(self, object_id: int, class_name: str) -> None:
        """Give an object another class; a word new to the vocabulary joins it.

        Raises
        ------
        SessionError
            If the word names no class, or the object is the scene mask.
        """
        with self._lock:
            self._state.rename(object_id, class_name)
            self._revision += 1
        self.changed.emit(SessionChange("renamed", object_id))

    def add_object(self, class_name: str, *, kind: ObjectKind = "object") -> SessionObject:
        """Add an object without masks, for a person to paint.

        Parameters
        ----------
        class_name : str
            Its class; a word new to the vocabulary joins it. Passed over for the scene mask.
        kind : {"object", "scene"}
            "scene" for the mask of everything that sounds.

        Raises
        ------
        SessionError
            If the word names no class, or there is a scene mask already.
        """
        with self._lock:
            item = self._state.add(class_name, kind)
            self._revision += 1
        self.changed.emit(SessionChange("added", item.object_id))
        return item

    def remove_object(self, object_id: int) -> None:
        """Remove an object with all its masks."""
        with self._lock:
            del self._state.objects[object_id]
            self._revision += 1
        self.changed.emit(SessionChange("removed", object_id))

    def replace_proposals(self, proposals: Proposals, *, replace_edits: bool = False) -> None:
        """Take the proposals of a new run of the model.

        A proposal that continues an object (same class and overlap) keeps its number. Frames
        that a person edited or accepted stay as they are, and so do objects that a person added
        or renamed; every other mask is replaced.

        Parameters
        ----------
        proposals : Proposals
            What the model proposes now.
        replace_edits : bool
            Replace what a person did, too. Never the default.

        Raises
        ------
        SessionError
            If the proposals are for frames of another size.
        """
        with self._lock:
            self._state.replace(proposals, replace_edits)
            self.warnings = list(proposals.warnings)
            self._revision += 1
        self.changed.emit(SessionChange("replaced"))

    def _check_frame(self, frame_index: int) -> None:
        if not 0 <= frame_index < self.frame_count:
            raise IndexError(f"the video has frames 0 to {self.frame_count - 1}, no {frame_index}")

    def _decode_png(self, png: bytes) -> Mask:
        return decode_mask(png, self.frame_size)
