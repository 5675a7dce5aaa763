"""What a session knows: its objects, their masks and statuses."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from napari_tavis.inference.logits import cut_logits
from napari_tavis.inference.masks import Mask, decode_mask
from napari_tavis.session.blobs import EMPTY, Blob
from napari_tavis.session.changes import SessionChange
from napari_tavis.session.marks import ExportNote
from napari_tavis.session.objects import (
    DEFAULT_THRESHOLD,
    FrameRecord,
    FrameStatus,
    SessionObject,
)
from napari_tavis.session.operations import UNREADABLE
from napari_tavis.session.state import SessionState
from napari_tavis.session.video import VideoIdentity

_DECODED_MASKS = 16
"""Decoded masks kept at hand: 32 MB at 1080p."""


class SessionView:
    """The part of `AnnotationSession` that only looks.

    Masks are kept compressed, on the disk where they are saved, and decoded when asked for, so
    that the session of a long video stays small.
    """

    changed = Signal(SessionChange)

    def __init__(self, video: Path, directory: Path, state: SessionState) -> None:
        self.video = video
        self.directory = directory
        self.warnings: list[str] = []
        self._state = state
        self._lock = threading.RLock()
        self._decoded: OrderedDict[tuple[int, int], tuple[FrameRecord, float, Mask]] = OrderedDict()

    @property
    def identity(self) -> VideoIdentity:
        """How the video is recognised."""
        return self._state.video

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
    def done(self) -> bool:
        """Whether a person has finished with the video."""
        return self._state.marks.done

    @property
    def worked_seconds(self) -> float:
        """How long somebody worked on it."""
        return self._state.marks.worked_seconds

    @property
    def exports(self) -> tuple[ExportNote, ...]:
        """Where it was exported to, the latest last."""
        with self._lock:
            return self._state.marks.notes()

    @property
    def objects(self) -> list[SessionObject]:
        """The objects, in the order they came: rejected and background ones, too."""
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
            A copy; empty where the object has no mask. A proposed mask is cut at the object's
            threshold.
        """
        with self._lock:
            item = self.object(object_id)
            record, threshold = item.frames.get(frame_index), item.threshold
            kept = self._decoded.get((object_id, frame_index))
        if record is None or record.empty:
            return np.zeros(self.frame_size, dtype=bool)
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
            while len(self._decoded) > _DECODED_MASKS:
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

        A frame in which a person rubbed the object out is among them, with an empty mask.
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

    def _cut(
        self, object_id: int, frame: int, record: FrameRecord, threshold: float
    ) -> Mask | None:
        """Cut a proposed mask at another threshold than the model did; None if it is not to be."""
        logits = record.logits
        if logits is None or record.status.by_person or threshold == DEFAULT_THRESHOLD:
            return None
        try:
            return cut_logits(logits.read(), self.frame_size, threshold)
        except UNREADABLE as error:
            self._warn(
                f"The logits of object {object_id} in frame {frame} of {self.directory} are "
                f"damaged ({error}): its mask there does not follow the threshold."
            )
            return None

    def _read(self, object_id: int, frame: int, blob: Blob) -> Mask | None:
        """Decode a mask; None if that cannot be done, which is told."""
        if blob is EMPTY:
            return np.zeros(self.frame_size, dtype=bool)
        try:
            return decode_mask(blob.read(), self.frame_size)
        except UNREADABLE as error:
            self._warn(
                f"A mask of object {object_id} in frame {frame} of {self.directory} is damaged "
                f"and left out ({error})."
            )
            return None

    def _leave_out(self, object_id: int, frame: int, record: FrameRecord) -> None:
        """Forget a record whose mask is damaged, so that nobody takes it for an empty one."""
        if not self.directory.is_dir():  # a disk that is away for a moment damages nothing
            return
        with self._lock:
            item = self._state.objects.get(object_id)
            if item is not None and item.frames.get(frame) is record:
                del item.frames[frame]
        self._forget_file(record.mask)

    def _forget_file(self, blob: Blob) -> None:
        """Note that the file of a blob is worth nothing."""

    def _warn(self, warning: str) -> None:
        if warning not in self.warnings:
            self.warnings.append(warning)
