"""What the object list says of an object. No Qt here."""

from __future__ import annotations

from collections import Counter

from napari_tavis.annotation import FrameStatus
from napari_tavis.annotation.objects import ObjectState, SessionObject

_ORDER = (FrameStatus.ACCEPTED, FrameStatus.EDITED, FrameStatus.PROPOSED)


def frames_with_mask(item: SessionObject) -> int:
    """Count the frames in which an object has a mask."""
    return sum(not record.empty for record in item.frames.values())


def count_statuses(item: SessionObject) -> dict[FrameStatus, int]:
    """Count an object's frames by their status."""
    counts = Counter(record.status for record in item.frames.values())
    return {status: counts[status] for status in _ORDER if counts[status]}


def describe_status(item: SessionObject) -> str:
    """Say how far a person has gone with an object, such as ``2/5 checked``."""
    if item.state is ObjectState.REJECTED:
        return "rejected"
    if item.kind == "background":
        return "background"
    counts = count_statuses(item)
    if len(counts) == 1:
        return str(next(iter(counts)))
    checked = sum(count for status, count in counts.items() if status.by_person)
    return f"{checked}/{len(item.frames)} checked" if item.frames else "empty"


def describe_frames(item: SessionObject) -> str:
    """Count the frames by their status: ``Frames: 2 accepted, 3 proposed.`` for one."""
    parts = [f"{count} {status}" for status, count in count_statuses(item).items()]
    return f"Frames: {', '.join(parts)}." if parts else "No frame has a mask."


def describe_kind(item: SessionObject) -> str:
    """Say what an object is, and what can be done with its class."""
    if item.kind == "scene":
        return "The mask of all that sounds."
    if item.kind == "background":
        return "A query that the model called background. Restore it if it sounds after all."
    if item.state is ObjectState.REJECTED:
        return "Rejected: it is never exported. Restore it to take it back."
    return "The object's class and colour. Double-click to give it another class."
