"""The annotation of one video: what the dock widget, the command line and the exports share."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from napari_tavis.annotation import edits
from napari_tavis.annotation.blobs import EMPTY, Blob
from napari_tavis.annotation.finding import (
    SUFFIX,
    check_video,
    default_path,
    find_session,
    find_video,
    is_elsewhere,
    path_elsewhere,
    relative_place,
)
from napari_tavis.annotation.history import (
    ChangeKind,
    Diff,
    History,
    HistoryStep,
    SessionChange,
    Step,
)
from napari_tavis.annotation.masks import Mask, PackedMasks, cut_logits, decode_mask
from napari_tavis.annotation.objects import (
    DEFAULT_THRESHOLD,
    FrameRecord,
    FrameStatus,
    Sampling,
    SessionObject,
)
from napari_tavis.annotation.proposals import ObjectKind, Proposals
from napari_tavis.annotation.rows import (
    facts_of,
    history_to_json,
    own_place_to_json,
    stamp,
    state_from_facts,
)
from napari_tavis.annotation.state import (
    ExportNote,
    Marks,
    SessionState,
    VideoIdentity,
    require_words,
)
from napari_tavis.annotation.store import (
    CannotWriteError,
    Loaded,
    Store,
    holds_session,
    read_identity,
    read_stamp,
    refuse_existing,
)
from napari_tavis.core.errors import SessionError

# Of decoded masks that are cached: 16 at 1080p; the last one however large.
_DECODED_BYTES = 32 << 20


class AnnotationSession:
    """The objects of one video, their masks and their status, and their place on disk.

    Methods may be called from any thread. Make one with `create` or `open`. Only one of those who
    have a session open may change it, until `close` or until the object is no longer used. Where it
    is read-only, every method that changes it raises `SessionError` and changes nothing; so does a
    change that makes no sense.

    Masks are kept compressed, on the disk where they are saved, and decoded when asked for, so
    that the session of a long video stays small.

    Attributes
    ----------
    video : Path
        The video.
    path : Path
        The file in which the session is saved; another one once it had to move (see `elsewhere`).
    elsewhere : str or None
        Why the session is kept in the user's data folder and not beside its video, in a sentence.
    warnings : list of str
        What the user should know, one sentence each.
    changed : psygnal.Signal
        Emits a `SessionChange` after each change: ``session.changed.connect(callback)``. The
        callback runs in the thread that made the change.
    """

    changed = Signal(SessionChange)

    def __init__(
        self, video: Path, path: Path, state: SessionState, *, may_move: bool = False
    ) -> None:
        self.video = video
        self.path = path
        self.elsewhere: str | None = None
        self.warnings: list[str] = []
        self._state = state
        self._lock = threading.RLock()
        self._decoded: OrderedDict[tuple[int, int], tuple[FrameRecord, float, Mask]] = OrderedDict()
        self._history = History()
        self._open_steps = threading.local()  # .diff: what a thread has changed inside its `step`
        self._store: Store | None = None  # None: there is no session on disk yet
        self._may_move = may_move
        self._obstacle: str | None = None  # why nothing can be changed
        self._closed = False
        self._unsaved = Diff()
        self._revision = 0
        self._saved_revision = -1
        self._saved_stamp = ""
        # Once it had to move: where it belongs, and the stamp of what was there.
        self._own_place: tuple[str, str] | None = None
        # Held while a save writes; `_lock` is not, so that changes go on meanwhile.
        self._saving = threading.Lock()

    # Opening, saving and closing

    @staticmethod
    def default_path(video: str | os.PathLike[str]) -> Path:
        """Give the file of a video's session: ``<video>.tavis`` beside it."""
        return default_path(video)

    @classmethod
    def create(
        cls,
        video: str | os.PathLike[str],
        proposals: Proposals,
        *,
        path: str | os.PathLike[str] | None = None,
        may_move: bool = False,
    ) -> AnnotationSession:
        """Start a session from what the model proposes. Nothing is written before `save`.

        Parameters
        ----------
        video : path
            The video.
        proposals : Proposals
            What the model proposes for it.
        path : path, optional
            The file to save in; ``<video>.tavis`` by default.
        may_move : bool
            Whether to keep the session in the user's data folder if that file cannot be written.

        Raises
        ------
        SessionError
            If the video cannot be read, there is a session already, or the proposals name what
            cannot be saved.
        """
        video = Path(video).absolute()
        place = Path(path).absolute() if path else default_path(video)
        refuse_existing(place)
        require_words(proposals.vocabulary)
        count = proposals.frame_count
        state = SessionState(
            video=VideoIdentity.of(video),
            video_place=relative_place(video, place),
            frame_count=_count_frames(video) if count is None else count,
            frame_size=proposals.frame_size,
            sampling=Sampling(proposals.frame_indices, proposals.frame_times, proposals.model_name),
            vocabulary=proposals.vocabulary,
        )
        try:
            state_from_facts(facts_of(state))  # what could not be read again must not be saved
        except ValueError as error:
            raise SessionError(f"{video} cannot be annotated: {error}.") from error
        for proposal in proposals.objects:
            state.take(proposal)
        session = cls(video, place, state, may_move=may_move)
        session._unsaved = state.take_diff()
        session.warnings = list(proposals.warnings)
        return session

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        video: str | os.PathLike[str] | None = None,
        read_only: bool = False,
        may_move: bool = False,
    ) -> AnnotationSession:
        """Open a saved session.

        Only one of those who have it open may change it. Whoever comes second, in this process or
        another, gets it `read_only`, and `warnings` says who has it; so does whoever opens a file
        that is damaged, as far as that can be read.

        Parameters
        ----------
        path : path
            The video, or its ``.tavis`` file.
        video : path, optional
            Where the video is now, if it has moved.
        read_only : bool
            Only to look: nobody else is kept from changing it.
        may_move : bool
            Whether to keep the session in the user's data folder where it cannot be written.

        Raises
        ------
        SessionError
            If there is no session, or it cannot be read; the message names the file. A single
            missing mask costs its frame only and is reported in `warnings`.
        """
        place, given = _resolve(Path(path).absolute(), video)
        store, taken, refused = Store(place), None, None
        try:
            try:
                taken = store.open(write=not read_only)
            except CannotWriteError as error:
                refused = str(error)
            loaded = store.load()
            state = loaded.state
            if given is not None and given.is_file():
                found, warning = given, check_video(state.video, given, place)
            else:
                found, warning = find_video(state.video, place, state.video_place)
        except BaseException:
            store.close()
            raise
        session = cls(found, place, state, may_move=may_move)
        session._adopt(store, loaded)
        if taken or loaded.damage or read_only:
            # A damaged file is left as it is: writing would lose what cannot be read now.
            why = (taken, *loaded.damage, f"{place} was opened for reading only.")
            session._obstacle = next(text for text in why if text)
            store.stop_writing()
        elif refused is not None and may_move:
            session.elsewhere = _moved(path_elsewhere(state.video), place, refused)
        elif refused is not None:
            session._obstacle = taken = (
                f"{place} cannot be written to ({refused}), so it is open for reading only: grant "
                f"access there, then open it again."
            )
        if is_elsewhere(place):
            session.elsewhere = _elsewhere(found, place)
            if may_move and session._own_place and not (session.read_only or loaded.missing):
                session._go_back()
        if warning is None:
            session._note_place(found)
        noticed = (taken, *loaded.damage, *loaded.missing, warning)
        session.warnings = [text for text in noticed if text]
        return session

    def _adopt(self, store: Store, loaded: Loaded) -> None:
        """Take over what was read from the disk."""
        self._store = store
        self._own_place = loaded.own_place
        self._saved_revision = self._revision
        self._saved_stamp = stamp(self._state.marks)
        self._history = History(loaded.done, loaded.undone, loaded.forgotten)
        self._history.trim()

    def _note_place(self, video: Path) -> None:
        """Note where the video is and what it is called now; written with the next save."""
        place = relative_place(video, self.path)
        if (video.name, place) != (self._state.video.name, self._state.video_place):
            self._state.video = replace(self._state.video, name=video.name)
            self._state.video_place = place

    def save(self) -> None:
        """Write what has changed to the disk, atomically; nothing happens if nothing has.

        Where the file cannot be written and the session may move, all of it is written to the
        user's data folder instead, and `elsewhere` says why.

        Raises
        ------
        SessionError
            If the disk refuses, or another session has taken the file meanwhile. The session then
            stays `dirty`, and what was saved before stays as it was.
        """
        with self._saving:
            if not self.dirty or self.read_only:
                return
            self._save(self._write)
        self.changed.emit(SessionChange("saved"))

    def move_to(self, folder: Path) -> None:
        """Keep the session in another folder from now on, and write all of it there.

        Raises
        ------
        SessionError
            If it cannot be written there, or another session is there; it then stays where it was.
        """
        self._require_writable()
        place = folder.absolute() / default_path(self.video).name

        def write(*changes: object) -> None:
            left, own, self._own_place = self.path, self._own_place, None
            try:
                lost = self._write_whole(self._create(place))
            except BaseException as error:
                self._own_place = own  # as nothing was moved
                if isinstance(error, (CannotWriteError, SessionError)):
                    raise SessionError(
                        f"Cannot keep the session in {folder} ({error}): choose another folder."
                    ) from error
                raise
            if place != default_path(self.video):
                self.elsewhere = _elsewhere(self.video, place)
                return
            self.elsewhere = None
            if is_elsewhere(left) and not lost:  # it would be found before the one beside it
                with suppress(OSError):
                    left.unlink()

        with self._saving:
            self._save(write)
        self.changed.emit(SessionChange("saved"))

    def _save(
        self, write: Callable[[Diff, dict[str, str], list[tuple[Step, Diff]], set[int]], None]
    ) -> None:
        """Hand what has changed to a writer; if that fails, it is still to be saved."""
        with self._lock:
            revision = self._revision
            diff, self._unsaved = self._unsaved, Diff()
            steps = self._history.to_save()
            kept, facts = self._history.numbers, self._facts()
            now = stamp(self._state.marks)
        try:
            write(diff, facts, steps, kept)
        except BaseException:
            with self._lock:
                diff.extend(self._unsaved)  # what was changed while the disk was waited for
                self._unsaved = diff
                for step, _ in steps:
                    step.saved = False
            raise
        with self._lock:
            self._history.trim()
        self._saved_revision, self._saved_stamp = revision, now

    def _facts(self) -> dict[str, str]:
        facts = facts_of(self._state)
        facts["history"] = history_to_json(self._history.position, self._history.forgotten)
        if self._own_place is not None:
            facts["own_place"] = own_place_to_json(*self._own_place)
        return facts

    def _write(
        self, diff: Diff, facts: dict[str, str], steps: list[tuple[Step, Diff]], kept: set[int]
    ) -> None:
        """Write to the session's own place or, if that cannot be, to the user's data folder."""
        store = self._store
        try:
            if store is None:
                store = self._create(self.path)
            store.save(diff, facts, steps, kept)
        except CannotWriteError as error:
            if self._store is None and store is not None:
                store.close()
            if self._may_move and not is_elsewhere(self.path):
                self._move(str(error))
                return
            raise SessionError(
                f"Cannot save the session {self.path} ({error}); nothing that was saved before is "
                f"lost. Make room or grant access there, and save again."
            ) from error
        self._store = store

    @staticmethod
    def _create(path: Path) -> Store:
        store = Store(path)
        store.create()
        return store

    def _move(self, why: str) -> None:
        """Write everything to the user's data folder, and continue there."""
        place, own = path_elsewhere(self._state.video), self.path
        self._own_place = str(own), self._saved_stamp
        try:
            self._write_whole(self._create(place))
        except (CannotWriteError, SessionError) as error:
            self._own_place = None
            raise SessionError(
                f"Cannot save the session {own} ({why}), nor keep it in {place} ({error}): "
                f"nothing that you do is saved until one of them can be written to."
            ) from error
        self.elsewhere = _moved(place, own, why)

    def _go_back(self) -> None:
        """Write everything to the place where it belongs, if that can be written again.

        It stays in the user's data folder where somebody has continued with what was there.
        """
        assert self._own_place is not None
        own, seen = Path(self._own_place[0]), self._own_place[1]
        if not own.parent.is_dir() or holds_session(own) != bool(seen):
            return
        if seen and read_stamp(own) != seen:
            self.elsewhere = (
                f"{own} was changed since this session had to be kept in {self.path}: there are "
                f"two of them now; move one of them away."
            )
            return
        store, left = Store(own), self._store
        self._own_place = None
        try:
            if not seen:
                store.create()
            elif store.open(write=True) is not None:
                raise CannotWriteError("it is open elsewhere")
            lost = self._write_whole(store)
        except (CannotWriteError, SessionError):
            store.close()
            self._own_place = str(own), seen
            return
        self.elsewhere = None
        if left is not None and not lost:
            with suppress(OSError):
                left.path.unlink()

    def _write_whole(self, store: Store) -> int:
        """Write everything to another file, and continue there; give how much could not be read."""
        place = self._state.video_place
        try:
            with self._lock:
                self._state.video_place = relative_place(self.video, store.path)
                everything, steps = self._state.everything(), self._all_steps()
                kept, facts = self._history.numbers, self._facts()
            lost = store.save(everything, facts, steps, kept, whole=True)
        except BaseException:
            self._state.video_place = place
            store.close()
            raise
        if self._store is not None:
            self._store.close()
        if lost:
            self._warn(
                f"{lost} masks that were saved before could not be read from {self.path}, and are "
                f"only there."
            )
        self._store, self.path = store, store.path
        return lost

    def _all_steps(self) -> list[tuple[Step, Diff]]:
        """Read all steps; those before one that cannot be read are forgotten."""
        for back in (True, False):
            self._history.load_all(self._read_step, back=back)
        return [(step, step.diff) for step in self._history.steps if step.diff is not None]

    def close(self) -> None:
        """Release the session, so that others may change it; `save` first.

        It can still be looked at.
        """
        with self._saving:
            if self._closed:
                return
            self._closed = True
            self._obstacle = self._obstacle or f"{self.path} is closed: open it again."
            if self._store is not None:
                self._store.close()

    @property
    def revision(self) -> int:
        """Counts the changes: what was worked out from the session holds while this stays."""
        return self._revision

    @property
    def dirty(self) -> bool:
        """Whether there is something that `save` would write."""
        return self._revision != self._saved_revision

    @property
    def read_only(self) -> bool:
        """Whether nothing can be changed."""
        return self._obstacle is not None

    @property
    def obstacle(self) -> str | None:
        """Why nothing can be changed, in a sentence; None if it can."""
        return self._obstacle

    # Looking

    @property
    def identity(self) -> VideoIdentity:
        """How the video is recognised."""
        return self._state.video

    @property
    def frame_indices(self) -> npt.NDArray[np.int64]:
        """The sampled frames as video frame indices, ``[T]``."""
        return self._state.sampling.frame_indices

    @property
    def frame_times(self) -> npt.NDArray[np.float64]:
        """The sampled frames' presentation times in seconds, ``[T]``."""
        return self._state.sampling.frame_times

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
        return self._state.sampling.model_name

    @property
    def done(self) -> bool:
        """Whether a person has finished with the video."""
        return self._state.marks.done

    @property
    def worked_seconds(self) -> float:
        """How long somebody has worked on it."""
        return self._state.marks.worked_seconds

    @property
    def exports(self) -> tuple[ExportNote, ...]:
        """Where it was exported to, the latest last."""
        with self._lock:
            return self._state.marks.notes()

    @property
    def edits(self) -> int:
        """How often objects or masks were changed: another number is another state."""
        with self._lock:
            return self._state.marks.edits

    @property
    def objects(self) -> list[SessionObject]:
        """The objects, in the order they came, with rejected and background ones."""
        with self._lock:
            return list(self._state.objects.values())

    @property
    def active_objects(self) -> list[SessionObject]:
        """The objects that are worked on and exported: not rejected, background or the scene."""
        return [item for item in self.objects if item.kind == "object" and item.takes_part]

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
            A copy; empty where the object has no mask. A proposed mask is cut at the object's
            threshold.
        """
        with self._lock:
            item = self.object(object_id)
            record, threshold = item.frames.get(frame_index), item.threshold
            kept = self._decoded.get((object_id, frame_index))
        if record is None or record.empty:
            return np.zeros(self.frame_size, dtype=bool)
        # Nobody has to invalidate this cache: records are immutable, and a new one is another.
        if kept is not None and kept[0] is record and kept[1] == threshold:
            return kept[2].copy()
        mask = self._cut(object_id, frame_index, record, threshold)
        if mask is None:
            mask = self._read(object_id, frame_index, record.mask)
        if mask is None:
            self._leave_out(object_id, frame_index, record)
            return np.zeros(self.frame_size, dtype=bool)
        with self._lock:
            self._decoded[object_id, frame_index] = (record, threshold, mask)
            self._decoded.move_to_end((object_id, frame_index))
            while len(self._decoded) > max(1, _DECODED_BYTES // mask.nbytes):
                self._decoded.popitem(last=False)
        return mask.copy()

    def proposal_mask(self, object_id: int, frame_index: int) -> Mask | None:
        """Give what the model proposed in a frame, as it cut it, also where a person edited it.

        Returns
        -------
        ndarray of bool, shape (H, W), or None
            None where the model proposed nothing.
        """
        record = self.object(object_id).frames.get(frame_index)
        proposed = None if record is None else record.proposed
        return None if proposed is None else self._read(object_id, frame_index, proposed)

    def status(self, object_id: int, frame_index: int) -> FrameStatus | None:
        """Give an object's status in a frame; None where it has none there."""
        record = self.object(object_id).frames.get(frame_index)
        return None if record is None else record.status

    def statuses(self, object_id: int) -> dict[int, FrameStatus]:
        """Give an object's status by frame, ascending, where it has one."""
        with self._lock:
            frames = self.object(object_id).frames
            return {frame: frames[frame].status for frame in sorted(frames)}

    def scores(self, object_id: int) -> dict[int, float]:
        """Give the model's score of an object, 0 to 1, by frame, ascending, where there is one."""
        with self._lock:
            frames = sorted(self.object(object_id).frames.items())
        return {frame: record.score for frame, record in frames if record.score is not None}

    def annotated_frames(self, object_id: int) -> list[int]:
        """Give the frames in which an object has a status, ascending.

        A frame in which a person erased the object is among them, with an empty mask.
        """
        with self._lock:
            return sorted(self.object(object_id).frames)

    def threshold(self, object_id: int) -> float:
        """Give the probability, 0 to 1, at which an object's proposed masks are cut."""
        return self.object(object_id).threshold

    def has_logits(self, object_id: int) -> bool:
        """Say whether a threshold changes anything: proposed masks whose logits were kept."""
        with self._lock:
            return any(
                record.logits is not None and not record.status.by_person
                for record in self.object(object_id).frames.values()
            )

    # Changing: masks

    def set_mask(
        self, object_id: int, frame_index: int, mask: npt.ArrayLike, *, label: str = "Paint"
    ) -> None:
        """Take the mask that a person painted, and mark the frame edited.

        Parameters
        ----------
        object_id : int
            The object.
        frame_index : int
            Any frame of the video.
        mask : array_like, shape (H, W)
            The mask; everything but 0 belongs to the object. Empty: it is not there.
        label : str
            What the step is called in undo.
        """
        self.set_masks(object_id, {frame_index: np.asarray(mask)}, label=label)

    def set_masks(
        self, object_id: int, masks: Mapping[int, npt.NDArray[np.generic]], *, label: str
    ) -> None:
        """Take masks that a person made, and mark their frames edited: one step.

        Parameters
        ----------
        object_id : int
            The object.
        masks : mapping of int to ndarray, shape (H, W)
            By frame of the video; everything but 0 belongs to the object.
        label : str
            What the step is called in undo.
        """
        blobs = self._pack(masks, masks)
        with self._edit(label, min(blobs, default=None)) as (state, diff):
            edits.paint(state, object_id, blobs)
        self._emit_masks(object_id, blobs, diff)

    def propose_masks(
        self,
        object_id: int,
        masks: Mapping[int, Mask],
        *,
        scores: Mapping[int, float] | None = None,
        label: str = "Propagate",
    ) -> list[int]:
        """Take masks that a model made, as proposals: one step.

        Parameters
        ----------
        object_id : int
            The object.
        masks : mapping of int to ndarray of bool, shape (H, W)
            By frame of the video; `PackedMasks` are taken as they are encoded. Frames that a
            person edited or accepted are skipped.
        scores : mapping of int to float, optional
            The model's score of each, 0 to 1.
        label : str
            What the step is called in undo.

        Returns
        -------
        list of int
            The frames written.
        """
        statuses = self.statuses(object_id)  # only spares encoding: `edits.propose` decides
        free = [frame for frame in masks if not (frame in statuses and statuses[frame].by_person)]
        blobs = self._pack(masks, free)
        with self._edit(label, min(blobs, default=None)) as (state, diff):
            written = edits.propose(state, object_id, blobs, scores or {})
        self._emit_masks(object_id, written, diff)
        return written

    def revert(self, object_id: int, frame_index: int) -> None:
        """Go back to what the model proposed in a frame; nothing happens if it proposed nothing."""
        with self._edit("Back to the proposal", frame_index) as (state, diff):
            edits.revert(state, object_id, int(frame_index))
        self._emit("mask", object_id, int(frame_index), diff=diff)

    def set_threshold(self, object_id: int, value: float) -> None:
        """Cut an object's proposed masks at another probability, where their logits were kept.

        Edited and accepted frames stay as they are. Several calls in a row are one step.

        Parameters
        ----------
        object_id : int
            The object.
        value : float
            Probability, 0 to 1, above which a pixel is inside; at 0.5 they are what the model cut.
        """
        if not 0 <= value <= 1:
            raise ValueError(f"a threshold of {value}, which is not between 0 and 1")
        with self._edit("Threshold", joins=True) as (state, diff):
            state.change_object(object_id, threshold=float(value))
        self._emit("threshold", object_id, diff=diff)

    def accept(self, object_id: int | None = None, frame_index: int | None = None) -> None:
        """Mark masks as found right by a person, so that no run of the model replaces them.

        Parameters
        ----------
        object_id : int, optional
            The object; by default all that are neither rejected nor background.
        frame_index : int, optional
            The frame; by default all that have a status. Accepting an object where it has no
            mask says that it is not there.
        """
        frame = None if frame_index is None else int(frame_index)
        if frame is not None:
            self._state.check_frame(frame)
        with self._edit("Accept", frame) as (state, diff):
            everything = [item for item in self.objects if item.takes_part]
            for item in everything if object_id is None else [self.object(object_id)]:
                edits.accept(state, item, list(item.frames) if frame is None else [frame])
        self._emit("status", object_id, frame, diff=diff)

    def accept_frames(self, frames: Mapping[int, Collection[int]]) -> None:
        """Mark frames of many objects, by their numbers, as found right: one step, and quick."""
        with self._edit("Accept") as (state, diff):
            for object_id, indices in frames.items():
                for index in indices:
                    state.check_frame(index)
                edits.accept(state, self.object(object_id), indices)
        self._emit("status", diff=diff)

    # Changing: objects

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
        with self._edit("New object") as (state, diff):
            item = edits.add(state, class_name, kind)
        self._emit("added", item.object_id, diff=diff)
        return item

    def remove_object(self, object_id: int) -> None:
        """Remove an object with all its masks."""
        with self._edit("Delete") as (state, diff):
            self.object(object_id)  # KeyError if there is none
            state.drop_object(object_id)
        self._emit("removed", object_id, diff=diff)

    def rename(self, object_id: int, class_name: str) -> None:
        """Give an object another class; a word new to the vocabulary joins it.

        Raises
        ------
        SessionError
            If the word names no class, or the object is the scene mask.
        """
        with self._edit("Rename") as (state, diff):
            edits.rename(state, object_id, class_name)
        self._emit("renamed", object_id, diff=diff)

    def reject(self, object_id: int) -> None:
        """Say that an object does not sound: it stays in reach, and is never exported."""
        with self._edit("Reject") as (state, diff):
            edits.reject(state, object_id)
        self._emit("state", object_id, diff=diff)

    def restore(self, object_id: int) -> None:
        """Take a rejected object, or a background query, among the objects."""
        with self._edit("Restore") as (state, diff):
            edits.restore(state, object_id)
        self._emit("state", object_id, diff=diff)

    def merge(self, into_id: int, other_id: int) -> None:
        """Give an object the masks of another one, which goes.

        Where both have a mask, the union is taken: edited if a person stood behind either of
        them, else proposed.

        Raises
        ------
        SessionError
            If they are one object, or one is the scene mask.
        """
        with self._edit("Merge") as (state, diff):
            edits.merge(state, into_id, other_id)
        self._emit("removed", other_id, diff=diff)
        self._emit("mask", into_id, diff=diff)

    def split(self, object_id: int, frame_index: int) -> SessionObject:
        """Make a new object of the same class of the frames from `frame_index` on.

        Raises
        ------
        SessionError
            If all frames lie on one side, or the object is the scene mask.
        """
        with self._edit("Split", frame_index) as (state, diff):
            new = edits.split(state, object_id, int(frame_index))
        self._emit("added", new.object_id, diff=diff)
        self._emit("mask", object_id, diff=diff)
        return new

    def replace_proposals(self, proposals: Proposals, *, replace_edits: bool = False) -> None:
        """Take the proposals of a new run of the model: one step, like any other.

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
        with self._edit("Segment") as (state, diff):
            edits.replace_proposals(state, proposals, replace_edits)
            self.warnings = list(proposals.warnings)
        self._emit("replaced", diff=diff)

    # Notes on the session as a whole, which undo does not know

    def set_done(self, done: bool) -> None:
        """Note that a person has finished with the video, or has not."""
        with self._marking() as marks:
            marks.done = done

    def add_work(self, seconds: float) -> None:
        """Note that somebody has worked on it for some time; nothing happens if read-only."""
        if not self.read_only:
            with self._marking() as marks:
                marks.worked_seconds += float(seconds)

    def note_export(
        self, root: str | os.PathLike[str], format: str, name: str, edits: int | None = None
    ) -> None:
        """Note that the session was exported.

        Parameters
        ----------
        root : path
            The dataset's root, or the file written.
        format : str
            Of the dataset.
        name : str
            The clip's name there.
        edits : int, optional
            `edits` when it was exported; as it is now by default.
        """
        with self._marking() as marks:
            at = marks.edits if edits is None else edits
            marks.note_export(os.fspath(root), format, name, at)

    def _pack(
        self, masks: Mapping[int, npt.NDArray[np.generic]], frames: Iterable[int]
    ) -> dict[int, Blob]:
        """Check and encode masks; what is encoded already is taken as it is."""
        blobs = {}
        for frame in frames:
            self._state.check_frame(int(frame))
            if isinstance(masks, PackedMasks) and masks.size == self.frame_size:
                png = masks.encoded(frame)
                blobs[int(frame)] = EMPTY if png is None else Blob.of(png)
                continue
            mask = masks[frame]
            if mask.shape != self.frame_size:
                raise ValueError(f"a mask of {mask.shape} where the frames are {self.frame_size}")
            blobs[int(frame)] = edits.pack(mask.astype(bool))
        return blobs

    def _emit_masks(self, object_id: int, frames: Iterable[int], diff: Diff) -> None:
        found = list(frames)
        if found:
            self._emit("mask", object_id, found[0] if len(found) == 1 else None, diff=diff)

    # Undo

    @property
    def undo_label(self) -> str | None:
        """What `undo` would take back; None if there is nothing."""
        return self._history.undo_label

    @property
    def redo_label(self) -> str | None:
        """What `redo` would do again; None if there is nothing."""
        return self._history.redo_label

    @property
    def forgotten_steps(self) -> int:
        """How many steps came before those that `undo` can take back, and are no longer kept."""
        return self._history.forgotten

    def undo(self) -> HistoryStep | None:
        """Take the last step back; give what it was, or None if there is nothing to undo.

        Steps survive closing: of all that were ever done, the last 200 or 64 MB are kept.

        Raises
        ------
        SessionError
            If what is needed for it cannot be read.
        """
        return self._travel(back=True)

    def redo(self) -> HistoryStep | None:
        """Do the step again that was undone last; give what it was, or None.

        Raises
        ------
        SessionError
            If what is needed for it cannot be read.
        """
        return self._travel(back=False)

    @contextmanager
    def step(self, label: str, frame_index: int | None = None) -> Iterator[None]:
        """Make one step of all that this thread changes inside.

        What other threads change meanwhile is theirs. If the body fails, what it did before is a
        step all the same. A step within a step is part of it.

        Parameters
        ----------
        label : str
            What the step is called in undo.
        frame_index : int, optional
            The frame to show when it is undone.
        """
        if self._open_step is not None:
            yield
            return
        diff = self._open_steps.diff = Diff()
        try:
            yield
        finally:
            self._open_steps.diff = None
            with self._lock:
                if diff:
                    self._history.push(label, diff, frame_index)

    @property
    def _open_step(self) -> Diff | None:
        """What this thread has changed inside its `step`; None if it is in none."""
        return getattr(self._open_steps, "diff", None)

    def _travel(self, back: bool) -> HistoryStep | None:
        """Undo or redo a step."""
        if self._open_step is not None:
            raise RuntimeError("undo or redo within a step")
        with self._edit(None) as (state, _):
            try:
                found = (
                    self._history.undo(self._read_step)
                    if back
                    else self._history.redo(self._read_step)
                )
            except (OSError, ValueError) as error:
                self._cannot_travel(error, back)
            if found is None:
                return None
            diff, step = found
            state.apply(diff)
        lone = next(iter(step.object_ids)) if len(step.object_ids) == 1 else None
        # An object that came or went concerns whoever lists them all.
        came_or_went = any(None in pair for pair in diff.objects.values())
        self._emit("undone", None if came_or_went else lone, diff=diff)
        return step

    def _cannot_travel(self, error: Exception, back: bool) -> NoReturn:
        what, label = ("undone", self.undo_label) if back else ("redone", self.redo_label)
        if isinstance(error, ValueError):
            self._history.forget(back=back)
        raise SessionError(
            f"{label} cannot be {what}, as that cannot be read from {self.path} ({error}): the "
            f"masks are as they were."
        ) from error

    def _read_step(self, step: Step) -> Diff:
        assert self._store is not None
        return self._store.read_step(step, self._state.frame_count)

    @contextmanager
    def _edit(
        self, label: str | None, frame_index: int | None = None, *, joins: bool = False
    ) -> Iterator[tuple[SessionState, Diff]]:
        """Change the state: as a whole or, if that fails, not at all.

        A `label` of None makes it no step that can be undone; `joins` makes it one with a step of
        its kind right before. Gives the state to change and a diff that holds what was changed,
        once that is done.
        """
        self._require_writable()
        with self._lock:
            made = Diff()
            try:
                yield self._state, made
            except BaseException:
                self._state.apply(self._state.diff.reversed())
                self._state.take_diff()
                raise
            diff = self._state.take_diff()
            vars(made).update(vars(diff))  # whoever edits has the object already
            if not diff:
                return
            self._unsaved.extend(diff)
            self._state.marks.edits += 1
            self._revision += 1
            if label is None:
                return
            if self._open_step is not None:
                self._open_step.extend(diff)
            else:
                self._history.push(label, diff, frame_index, joins=joins)

    @contextmanager
    def _marking(self) -> Iterator[Marks]:
        """Change the notes on the session, which undo does not know."""
        self._require_writable()
        with self._lock:
            yield self._state.marks
            self._revision += 1
        self._emit("marked")

    def _require_writable(self) -> None:
        if self._obstacle is not None:
            raise SessionError(f"Nothing was changed. {self._obstacle}")

    def _emit(
        self,
        kind: ChangeKind,
        object_id: int | None = None,
        frame_index: int | None = None,
        *,
        diff: Diff | None = None,
    ) -> None:
        self.changed.emit(SessionChange(kind, object_id, frame_index, diff or Diff()))

    # Reading pictures

    def _cut(
        self, object_id: int, frame: int, record: FrameRecord, threshold: float
    ) -> Mask | None:
        """Cut a proposed mask at another threshold than the model did; None if it is not to be."""
        logits = record.logits
        if logits is None or record.status.by_person or threshold == DEFAULT_THRESHOLD:
            return None
        try:
            return cut_logits(logits.read(), self.frame_size, threshold)
        except edits.UNREADABLE as error:
            self._warn(
                f"The logits of object {object_id} in frame {frame} of {self.path} are "
                f"damaged ({error}): its mask there does not follow the threshold."
            )
            return None

    def _read(self, object_id: int, frame: int, blob: Blob) -> Mask | None:
        """Decode a mask; None if that is impossible, which `warnings` then say."""
        if blob is EMPTY:
            return np.zeros(self.frame_size, dtype=bool)
        try:
            return decode_mask(blob.read(), self.frame_size)
        except edits.UNREADABLE as error:
            self._warn(
                f"A mask of object {object_id} in frame {frame} of {self.path} is damaged "
                f"and left out ({error})."
            )
            return None

    def _leave_out(self, object_id: int, frame: int, record: FrameRecord) -> None:
        """Forget a record whose mask is damaged, so that nobody takes it for an empty one."""
        if not self.path.is_file():  # a disk that is away for a moment damages nothing
            return
        with self._lock:
            item = self._state.objects.get(object_id)
            if item is not None and item.frames.get(frame) is record:
                del item.frames[frame]

    def _warn(self, warning: str) -> None:
        if warning not in self.warnings:
            self.warnings.append(warning)


def _count_frames(video: Path) -> int:
    from napari_tavis.media import open_clip  # decodes; needed only where nobody has counted

    with open_clip(video) as clip:
        return len(clip.times)


def _elsewhere(video: Path, place: Path) -> str:
    return f"The session of {video.name} is kept in {place}, not beside it."


def _moved(place: Path, own: Path, why: str) -> str:
    return (
        f"{own} cannot be written to ({why}), so what you do is kept in {place} and found there "
        f"when you open the video again."
    )


def _resolve(path: Path, video: str | os.PathLike[str] | None) -> tuple[Path, Path | None]:
    """Give the session's file, and the video where it is known."""
    given = None if video is None else Path(video).absolute()
    if path.suffix == SUFFIX or path.is_dir() or _is_session_without_suffix(path):
        return path, given
    return find_session(path) or default_path(path), given or path


def _is_session_without_suffix(path: Path) -> bool:
    return not path.suffix and read_identity(path) is not None
