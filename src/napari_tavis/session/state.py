"""The content of a session and what may be done to it; no files, threads or observers here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from napari_tavis.inference.proposals import SCENE_NAME, ObjectKind, Proposal, Proposals
from napari_tavis.session.colors import SCENE_COLOR, class_colors
from napari_tavis.session.errors import SessionError
from napari_tavis.session.matching import match_proposals
from napari_tavis.session.objects import FrameRecord, SessionObject, proposed_records
from napari_tavis.session.video import VideoIdentity
from napari_tavis.vocabulary import BACKGROUND


@dataclass
class SessionState:
    """All that a session holds, as it is written and read.

    Parameters
    ----------
    video : VideoIdentity
        The video that is annotated.
    video_place : str
        Where it lay, relative to the session's directory where that can be said.
    frame_count : int
        How many frames the video has.
    frame_size : tuple of int
        Their height and width in pixels.
    frame_indices : ndarray of int64, shape (T,)
        The sampled frames.
    frame_times : ndarray of float64, shape (T,)
        Their presentation times in seconds.
    vocabulary : tuple of str
        The class names in play, without the background.
    model_name : str
        What made the proposals.
    next_id : int
        The number the next object will have.
    objects : dict of int to SessionObject
        The objects by number.
    """

    video: VideoIdentity
    video_place: str
    frame_count: int
    frame_size: tuple[int, int]
    frame_indices: npt.NDArray[np.int64]
    frame_times: npt.NDArray[np.float64]
    vocabulary: tuple[str, ...]
    model_name: str
    next_id: int = 1
    objects: dict[int, SessionObject] = field(default_factory=dict)

    def snapshot(self) -> SessionState:
        """Copy what may change, so that another thread can write it."""
        objects = {
            item.object_id: replace(item, frames=dict(item.frames))
            for item in self.objects.values()
        }
        return replace(self, objects=objects)

    def take(self, proposal: Proposal) -> SessionObject:
        """Make an object of a proposal."""
        name = SCENE_NAME if proposal.kind == "scene" else self._learn(proposal.class_name)
        item = self._new(name, proposal.score, proposal.kind)
        item.frames = self._records(proposal)
        return item

    def add(self, class_name: str, kind: ObjectKind) -> SessionObject:
        """Make an object for a person to paint."""
        if kind == "scene" and any(item.kind == "scene" for item in self.objects.values()):
            raise SessionError("There is a scene mask already: paint in that one.")
        name = SCENE_NAME if kind == "scene" else self._learn(class_name)
        item = self._new(name, 1.0, kind)
        item.named_by_person = True
        return item

    def rename(self, object_id: int, class_name: str) -> None:
        """Give an object the class that a person says it has."""
        item = self.objects[object_id]
        if item.kind == "scene":
            raise SessionError("The scene mask has no class: rename one of the objects.")
        item.class_name = self._learn(class_name)
        item.color = self._color(item.class_name, item.kind)
        item.named_by_person = True

    def replace(self, proposals: Proposals, replace_edits: bool) -> None:
        """Take a new run's proposals; what a person did survives unless `replace_edits`."""
        if proposals.frame_size != self.frame_size:
            raise SessionError(
                f"The proposals are for frames of {proposals.frame_size}, and this session's video "
                f"{self.video.name} has {self.frame_size}: segment that video again."
            )
        old = list(self.objects.values())
        matches = match_proposals(old, proposals.objects, self.frame_size)
        records = [self._records(proposal) for proposal in proposals.objects]
        self.vocabulary = proposals.vocabulary
        self.frame_indices = proposals.frame_indices
        self.frame_times = proposals.frame_times
        self.model_name = proposals.model_name
        self._forget_proposed(replace_edits, set(matches.values()))
        for position, proposal in enumerate(proposals.objects):
            if position in matches:
                item = self.objects[matches[position]]
                item.frames = records[position] | item.frames
                item.score = proposal.score
            else:
                self.take(proposal)
        for item in self.objects.values():
            if item.kind == "object":
                self._learn(item.class_name)
                item.color = self._color(item.class_name, item.kind)

    def _forget_proposed(self, forget_edits: bool, continued: set[int]) -> None:
        """Drop what no person stands behind (or everything), and objects with nothing left."""
        for item in list(self.objects.values()):
            item.frames = {
                frame: record
                for frame, record in item.frames.items()
                if record.status.by_person and not forget_edits
            }
            kept_by_person = item.named_by_person and not forget_edits
            if not (item.frames or kept_by_person or item.object_id in continued):
                del self.objects[item.object_id]

    def _records(self, proposal: Proposal) -> dict[int, FrameRecord]:
        records = proposed_records(proposal, self.frame_size)
        beyond = [frame for frame in records if not 0 <= frame < self.frame_count]
        if beyond:
            raise IndexError(f"the video has {self.frame_count} frames, and no frame {beyond[0]}")
        return records

    def _new(self, class_name: str, score: float, kind: ObjectKind) -> SessionObject:
        color = self._color(class_name, kind)
        item = SessionObject(self.next_id, class_name, color, float(score), kind)
        self.objects[item.object_id] = item
        self.next_id += 1
        return item

    def _learn(self, class_name: str) -> str:
        """Check a class name, and add it to the vocabulary if it is new there."""
        name = class_name.strip()
        if not name or name == BACKGROUND:
            raise SessionError(
                f"{class_name!r} is no class an object can have: give it a word such as 'dog'."
            )
        if name not in self.vocabulary:
            self.vocabulary = (*self.vocabulary, name)
        return name

    def _color(self, class_name: str, kind: ObjectKind) -> tuple[int, int, int]:
        return SCENE_COLOR if kind == "scene" else class_colors(self.vocabulary)[class_name]
