"""What changes a session: a person's edits, a model's proposals, notes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from napari_tavis.inference.masks import Mask, PackedMasks
from napari_tavis.inference.proposals import ObjectKind, Proposals
from napari_tavis.session import operations
from napari_tavis.session.blobs import EMPTY, Blob
from napari_tavis.session.changes import SessionChange
from napari_tavis.session.objects import SessionObject
from napari_tavis.session.rerun import replace_proposals
from napari_tavis.session.undoable import UndoableSession


class SessionEditor(UndoableSession):
    """The part of `AnnotationSession` that changes it, each change a step that can be undone.

    Where the session is read-only, every method here raises `SessionError` and changes nothing;
    so do they where a change makes no sense.
    """

    # Masks

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
        with self._edit(label, min(blobs, default=None)) as state:
            operations.paint(state, object_id, blobs)
        self._tell_of_masks(object_id, blobs)

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
            person edited or accepted are passed over.
        scores : mapping of int to float, optional
            The model's score of each, 0 to 1.
        label : str
            What the step is called in undo.

        Returns
        -------
        list of int
            The frames written.
        """
        statuses = self.statuses(object_id)
        free = [frame for frame in masks if not (frame in statuses and statuses[frame].by_person)]
        blobs = self._pack(masks, free)
        with self._edit(label, min(blobs, default=None)) as state:
            written = operations.propose(state, object_id, blobs, scores or {})
        self._tell_of_masks(object_id, written)
        return written

    def revert(self, object_id: int, frame_index: int) -> None:
        """Go back to what the model proposed in a frame; nothing, if it proposed nothing."""
        with self._edit("Back to the proposal", frame_index) as state:
            operations.revert(state, object_id, int(frame_index))
        self.changed.emit(SessionChange("mask", object_id, int(frame_index)))

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
        with self._edit("Threshold", joins=True) as state:
            state.change_object(object_id, threshold=float(value))
        self.changed.emit(SessionChange("threshold", object_id))

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
        with self._edit("Accept", frame) as state:
            everything = [item for item in self.objects if item.takes_part]
            for item in everything if object_id is None else [self.object(object_id)]:
                operations.accept(state, item, frame)
        self.changed.emit(SessionChange("status", object_id, frame))

    # Objects

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
        with self._edit("New object") as state:
            item = operations.add(state, class_name, kind)
        self.changed.emit(SessionChange("added", item.object_id))
        return item

    def remove_object(self, object_id: int) -> None:
        """Remove an object with all its masks."""
        with self._edit("Delete") as state:
            self.object(object_id)  # KeyError if there is none
            state.drop_object(object_id)
        self.changed.emit(SessionChange("removed", object_id))

    def rename(self, object_id: int, class_name: str) -> None:
        """Give an object another class; a word new to the vocabulary joins it.

        Raises
        ------
        SessionError
            If the word names no class, or the object is the scene mask.
        """
        with self._edit("Rename") as state:
            operations.rename(state, object_id, class_name)
        self.changed.emit(SessionChange("renamed", object_id))

    def reject(self, object_id: int) -> None:
        """Say that an object does not sound: it stays in reach, and is never exported."""
        with self._edit("Reject") as state:
            operations.reject(state, object_id)
        self.changed.emit(SessionChange("state", object_id))

    def restore(self, object_id: int) -> None:
        """Take a rejected object, or a background query, among the objects."""
        with self._edit("Restore") as state:
            operations.restore(state, object_id)
        self.changed.emit(SessionChange("state", object_id))

    def merge(self, into_id: int, other_id: int) -> None:
        """Give an object the masks of another one, which goes.

        Where both have a mask, the union is taken: edited if a person stood behind either of
        them, else proposed.

        Raises
        ------
        SessionError
            If they are one object, or one is the scene mask.
        """
        with self._edit("Merge") as state:
            operations.merge(state, into_id, other_id)
        self.changed.emit(SessionChange("removed", other_id))
        self.changed.emit(SessionChange("mask", into_id))

    def split(self, object_id: int, frame_index: int) -> SessionObject:
        """Make a new object of the same class of the frames from `frame_index` on.

        Raises
        ------
        SessionError
            If all frames lie on one side, or the object is the scene mask.
        """
        with self._edit("Split", frame_index) as state:
            new = operations.split(state, object_id, int(frame_index))
        self.changed.emit(SessionChange("added", new.object_id))
        self.changed.emit(SessionChange("mask", object_id))
        return new

    def replace_proposals(self, proposals: Proposals, *, replace_edits: bool = False) -> None:
        """Take the proposals of a new run of the model; what was done before cannot be undone then.

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
        with self._edit(None) as state:
            replace_proposals(state, proposals, replace_edits)
            self._pending.sampling = True
            self._revision += 1
            self.warnings = list(proposals.warnings)
            self._history.clear()
        self.changed.emit(SessionChange("replaced"))

    # Notes on the session as a whole, which are no steps

    def set_done(self, done: bool) -> None:
        """Note that a person has finished with the video, or has not."""
        with self._marking() as marks:
            marks.done = done

    def add_work(self, seconds: float) -> None:
        """Note that somebody has worked on it for some time; nothing happens if read-only."""
        if not self.read_only:
            with self._marking() as marks:
                marks.worked_seconds += float(seconds)

    def note_export(self, root: str | os.PathLike[str], format: str, name: str) -> None:
        """Note that the session, as it is now, was exported.

        Parameters
        ----------
        root : path
            The dataset's root, or the file written.
        format : str
            Of the dataset.
        name : str
            The clip's name there.
        """
        with self._marking() as marks:
            marks.note_export(os.fspath(root), format, name)

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
            blobs[int(frame)] = operations.pack(mask.astype(bool))
        return blobs

    def _tell_of_masks(self, object_id: int, frames: Iterable[int]) -> None:
        found = list(frames)
        if found:
            lone = found[0] if len(found) == 1 else None
            self.changed.emit(SessionChange("mask", object_id, lone))
