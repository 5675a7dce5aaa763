"""What a person or a new run of the model does to a session, as changes of its state.

A person's edit outranks the model: nothing that the model gives replaces a record `by_person`,
unless that was asked for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from napari_tavis.annotation.blobs import EMPTY, Blob
from napari_tavis.annotation.masks import Mask, cut_logits, decode_mask, encode_mask
from napari_tavis.annotation.matching import match_proposals
from napari_tavis.annotation.objects import (
    DEFAULT_THRESHOLD,
    UNREADABLE,
    FrameRecord,
    FrameStatus,
    ObjectState,
    Sampling,
    SessionObject,
)
from napari_tavis.annotation.proposals import SCENE_NAME, ObjectKind, Proposals
from napari_tavis.annotation.state import SessionState, require_words
from napari_tavis.core.errors import SessionError
from napari_tavis.core.vocabulary import BACKGROUND

_ABSENT = FrameRecord(FrameStatus.ACCEPTED)  # accepted where there is no mask: it is not there


def add(state: SessionState, class_name: str, kind: ObjectKind) -> SessionObject:
    """Make an object for a person to paint."""
    if kind == "scene" and any(item.kind == "scene" for item in state.objects.values()):
        raise SessionError("There is a scene mask already: paint in that one.")
    name = SCENE_NAME if kind == "scene" else state.learn(class_name)
    return state.new_object(name, 1.0, kind, named_by_person=True)


def rename(state: SessionState, object_id: int, class_name: str) -> None:
    """Give an object the class that a person chose; a background query becomes an object."""
    if state.objects[object_id].kind == "scene":
        raise SessionError("The scene mask has no class: rename one of the objects.")
    name = state.learn(class_name)
    state.change_object(
        object_id,
        class_name=name,
        color=state.color(name, "object"),
        kind="object",
        named_by_person=True,
    )


def reject(state: SessionState, object_id: int) -> None:
    """Say that an object does not sound."""
    state.change_object(object_id, state=ObjectState.REJECTED)


def restore(state: SessionState, object_id: int) -> None:
    """Move a rejected object, or a background query, back among the objects."""
    item = state.objects[object_id]
    state.change_object(object_id, state=ObjectState.ACTIVE)
    if item.kind == "background":
        state.change_object(object_id, kind="object", named_by_person=True)


def paint(state: SessionState, object_id: int, masks: Mapping[int, Blob]) -> None:
    """Set masks that a person made."""
    frames = state.objects[object_id].frames
    for frame, mask in masks.items():
        old = frames.get(frame)
        new = (old or FrameRecord(FrameStatus.EDITED)).by_person(FrameStatus.EDITED, mask)
        if new != old:
            state.put_frame(object_id, frame, new)


def propose(
    state: SessionState,
    object_id: int,
    masks: Mapping[int, Blob],
    scores: Mapping[int, float],
) -> list[int]:
    """Set masks that the model made, except where a person stands behind one; give the frames."""
    frames = state.objects[object_id].frames
    written = []
    for frame, mask in masks.items():
        old = frames.get(frame)
        if old is None or not old.status.by_person:
            record = FrameRecord(FrameStatus.PROPOSED, mask, scores.get(frame))
            state.put_frame(object_id, frame, record)
            written.append(frame)
    return written


def accept(state: SessionState, item: SessionObject, frames: Iterable[int]) -> None:
    """Mark frames of an object as found right: its mask there, or that it is not there."""
    for index in frames:
        record = item.frames.get(index)
        if record is None:
            state.put_frame(item.object_id, index, _ABSENT)
        elif record.status is not FrameStatus.ACCEPTED:
            shown = shown_mask(record, item.threshold, state.frame_size)
            state.put_frame(item.object_id, index, record.by_person(FrameStatus.ACCEPTED, shown))


def revert(state: SessionState, object_id: int, frame: int) -> None:
    """Take back what a person did to an object in a frame."""
    record = state.objects[object_id].frames.get(frame)
    if record is not None and record.status.by_person:
        state.put_frame(object_id, frame, record.as_proposed())


def merge(state: SessionState, into_id: int, other_id: int) -> None:
    """Give an object the masks of another, which goes."""
    into, other = state.objects[into_id], state.objects[other_id]
    if into_id == other_id:
        raise SessionError("An object cannot be merged with itself: choose two objects.")
    if "scene" in (into.kind, other.kind):
        raise SessionError("The scene mask cannot be merged: choose two objects.")
    for frame, record in list(other.frames.items()):
        moved = _at_threshold(record, other.threshold, into.threshold, state.frame_size)
        if frame in into.frames:
            mine = into.frames[frame]
            moved = _union(
                _at_threshold(mine, into.threshold, None, state.frame_size),
                _at_threshold(record, other.threshold, None, state.frame_size),
                state.frame_size,
            )
        state.put_frame(into_id, frame, moved)
    state.drop_object(other_id)


def split(state: SessionState, object_id: int, frame_index: int) -> SessionObject:
    """Make an object of the same class from the frames from `frame_index` on."""
    item = state.objects[object_id]
    if item.kind == "scene":
        raise SessionError("The scene mask cannot be split: split one of the objects.")
    later = {frame: record for frame, record in item.frames.items() if frame >= frame_index}
    if not later or len(later) == len(item.frames):
        raise SessionError(
            f"The {item.class_name} has masks only on one side of frame {frame_index}: go to the "
            f"frame where the other object begins, and split there."
        )
    new = state.new_object(
        item.class_name,
        item.score,
        item.kind,
        named_by_person=item.named_by_person,
        state=item.state,
        threshold=item.threshold,
    )
    for frame, record in later.items():
        state.put_frame(object_id, frame, None)
        state.put_frame(new.object_id, frame, record)
    return new


def replace_proposals(state: SessionState, proposals: Proposals, replace_edits: bool) -> None:
    """Take a new run's proposals; what a person did survives unless `replace_edits`.

    `SessionError` if the proposals are for frames of another size.
    """
    if proposals.frame_size != state.frame_size:
        raise SessionError(
            f"The proposals are for frames of {proposals.frame_size}, and this session's video "
            f"{state.video.name} has {state.frame_size}: segment that video again."
        )
    require_words(proposals.vocabulary)
    old = list(state.objects.values())
    # Matched before anything is dropped: the old proposals are what the new ones are compared with.
    matches = match_proposals(old, proposals.objects, state.frame_size)
    records = [state.records(proposal) for proposal in proposals.objects]
    state.put_vocabulary(proposals.vocabulary)
    state.put_sampling(
        Sampling(proposals.frame_indices, proposals.frame_times, proposals.model_name)
    )
    _forget_proposed(state, replace_edits, set(matches.values()))
    for position, proposal in enumerate(proposals.objects):
        if position not in matches:
            state.take(proposal)
            continue
        item = state.objects[matches[position]]
        state.change_object(item.object_id, score=float(proposal.score))
        for frame, record in records[position].items():
            if frame not in item.frames:
                state.put_frame(item.object_id, frame, record)
    # Classes that only a person gave join the new vocabulary, in which all colours may differ.
    for item in list(state.objects.values()):
        if item.kind == "object" and item.class_name != BACKGROUND:
            state.learn(item.class_name)
            color = state.color(item.class_name, item.kind)
            state.change_object(item.object_id, color=color)


def _forget_proposed(state: SessionState, forget_edits: bool, continued: set[int]) -> None:
    """Drop what no person stands behind (or everything), and objects with nothing left."""
    for item in list(state.objects.values()):
        for frame, record in list(item.frames.items()):
            if forget_edits or not record.status.by_person:
                state.put_frame(item.object_id, frame, None)
        kept_by_person = item.named_by_person and not forget_edits
        if not (item.frames or kept_by_person or item.object_id in continued):
            state.drop_object(item.object_id)


def pack(mask: Mask) -> Blob:
    return Blob.of(encode_mask(mask)) if mask.any() else EMPTY


def shown_mask(record: FrameRecord, threshold: float, size: tuple[int, int]) -> Blob:
    """Give the mask that a person sees: a proposal is cut at the object's threshold."""
    logits = record.logits
    if logits is None or record.status.by_person or threshold == DEFAULT_THRESHOLD:
        return record.mask

    def cut() -> bytes:
        try:
            return encode_mask(cut_logits(logits.read(), size, threshold))
        except UNREADABLE:  # what the model itself cut is still there
            return encode_mask(_union_of([record.mask], size))

    return Blob.computed(cut)


def _at_threshold(
    record: FrameRecord, own: float, target: float | None, size: tuple[int, int]
) -> FrameRecord:
    """Keep a proposed mask as it is shown when it comes under another threshold, or none."""
    if record.status.by_person or record.logits is None or own == target:
        return record
    return replace(record, mask=shown_mask(record, own, size), logits=None)


def _union(first: FrameRecord, second: FrameRecord, size: tuple[int, int]) -> FrameRecord:
    """Join what is known about two objects in one frame."""
    by_person = first.status.by_person or second.status.by_person
    proposals = [blob for blob in (first.proposed, second.proposed) if blob is not None]
    proposal = _joined(proposals, size) if by_person and proposals else None
    scores = [score for score in (first.score, second.score) if score is not None]
    return FrameRecord(
        FrameStatus.EDITED if by_person else FrameStatus.PROPOSED,
        _joined([first.mask, second.mask], size),
        max(scores, default=None),
        proposal,
    )


def _joined(blobs: list[Blob], size: tuple[int, int]) -> Blob:
    """Give the union of masks, computed when it is first needed."""
    masks = [blob for blob in blobs if blob is not EMPTY]
    if len(masks) < 2:
        return masks[0] if masks else EMPTY
    return Blob.computed(lambda: encode_mask(_union_of(masks, size)))


def _union_of(blobs: list[Blob], size: tuple[int, int]) -> Mask:
    """Join masks; one that is damaged adds nothing."""
    union = np.zeros(size, dtype=bool)
    for blob in blobs:
        with contextlib.suppress(*UNREADABLE):
            union |= decode_mask(blob.read(), size)
    return union
