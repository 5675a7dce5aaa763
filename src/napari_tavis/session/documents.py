"""The parts of a session as JSON, in ``session.json`` and in the journal alike."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from napari_tavis.session.blobs import EMPTY, Blob
from napari_tavis.session.marks import Marks
from napari_tavis.session.objects import (
    DEFAULT_THRESHOLD,
    FrameRecord,
    FrameStatus,
    ObjectState,
    SessionObject,
)
from napari_tavis.session.state import SessionState
from napari_tavis.session.video import VideoIdentity

Document = dict[str, Any]

DAMAGE = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
"""What reading a document raises that is none of ours."""

_FILE = re.compile(r"(masks|logits)/\d+/\d+-[0-9a-f]{16}\.png")
_KINDS = ("object", "scene", "background")


def record_to_json(record: FrameRecord) -> Document:
    """Describe a record, whose blobs are on the disk."""
    document: Document = {
        "status": str(record.status),
        "mask": _name(record.mask),
        "score": record.score,
    }
    if record.proposal is not None:
        document["proposal"] = _name(record.proposal)
    if record.logits is not None:
        document["logits"] = _name(record.logits)
    return document


def _name(blob: Blob) -> str | None:
    """Give the file of a blob; None for nothing."""
    if blob is EMPTY:
        return None
    if blob.name is None:
        raise RuntimeError("a picture is to be named before it is on the disk")
    return blob.name


def record_from_json(document: Mapping[str, Any], root: str) -> FrameRecord:
    """Read a record.

    Parameters
    ----------
    document : mapping
        What `record_to_json` gave.
    root : str
        The session's directory.
    """
    score = document["score"]
    return FrameRecord(
        FrameStatus(document["status"]),
        _blob(document["mask"], root),
        None if score is None else float(score),
        _blob(document["proposal"], root) if "proposal" in document else None,
        _blob(document["logits"], root) if "logits" in document else None,
    )


def _blob(name: object, root: str) -> Blob:
    """Give the blob of a file, which must be one of the session's; None stands for nothing."""
    if name is None:
        return EMPTY
    if not isinstance(name, str) or not _FILE.fullmatch(name):
        raise ValueError(f"{name!r} is no mask file of a session")
    return Blob.stored(root, name)


def object_to_json(item: SessionObject) -> Document:
    """Describe an object without its frames."""
    return {
        "id": item.object_id,
        "class": item.class_name,
        "color": list(item.color),
        "score": item.score,
        "kind": item.kind,
        "named_by_person": item.named_by_person,
        "state": str(item.state),
        "threshold": item.threshold,
    }


def object_from_json(document: Mapping[str, Any]) -> SessionObject:
    """Read an object without its frames; what version 1 does not tell has its default."""
    red, green, blue = (int(channel) for channel in document["color"])
    if document["kind"] not in _KINDS:
        raise ValueError(f"the kind {document['kind']!r} is unknown")
    threshold = float(document.get("threshold", DEFAULT_THRESHOLD))
    if not 0 <= threshold <= 1:
        raise ValueError(f"the threshold {threshold} is not between 0 and 1")
    return SessionObject(
        object_id=int(document["id"]),
        class_name=str(document["class"]),
        color=(red, green, blue),
        score=float(document["score"]),
        kind=document["kind"],
        named_by_person=bool(document["named_by_person"]),
        state=ObjectState(document.get("state", "active")),
        threshold=threshold,
    )


def marks_to_json(marks: Marks) -> Document:
    """Describe the notes on a session."""
    return {
        "done": marks.done,
        "worked_seconds": round(marks.worked_seconds, 1),
        "edits": marks.edits,
        "exports": [[*key, at] for key, at in marks.exports.items()],
    }


def marks_from_json(document: Mapping[str, Any]) -> Marks:
    """Read the notes on a session."""
    seconds = float(document["worked_seconds"])
    if not math.isfinite(seconds):
        raise ValueError(f"the worked time {seconds} is no time")
    exports = {
        (str(root), str(format), str(name)): int(at)
        for root, format, name, at in document["exports"]
    }
    return Marks(bool(document["done"]), seconds, int(document["edits"]), exports)


def sampling_to_json(state: SessionState) -> Document:
    """Describe which frames the model saw, and which model that was."""
    return {
        "frame_indices": state.frame_indices.tolist(),
        "frame_times": state.frame_times.tolist(),
        "model": state.model_name,
    }


def take_sampling(state: SessionState, document: Mapping[str, Any]) -> None:
    """Read which frames the model saw, and which model that was."""
    state.frame_indices = np.array(document["frame_indices"], dtype=np.int64).reshape(-1)
    state.frame_times = np.array(document["frame_times"], dtype=np.float64).reshape(-1)
    state.model_name = str(document["model"])


def words(document: Sequence[Any]) -> tuple[str, ...]:
    """Read a vocabulary."""
    return tuple(str(word) for word in document)


def video_to_json(state: SessionState) -> Document:
    """Describe the video."""
    return {
        "name": state.video.name,
        "size": state.video.size,
        "fingerprint": state.video.fingerprint,
        "place": state.video_place,
        "frame_count": state.frame_count,
        "frame_size": list(state.frame_size),
    }


def identity_from_json(document: Mapping[str, Any]) -> VideoIdentity:
    """Read how the video is recognised."""
    identity = VideoIdentity(
        str(document["name"]), int(document["size"]), str(document["fingerprint"])
    )
    if identity.name != PurePosixPath(identity.name).name or "\\" in identity.name:
        raise ValueError(f"the video's name {identity.name!r} is a path")
    return identity


def state_from_json(document: Mapping[str, Any], root: str) -> SessionState:
    """Read a session without looking at its mask files.

    Parameters
    ----------
    document : mapping
        The content of ``session.json``, version 1 or 2.
    root : str
        The session's directory.
    """
    video = document["video"]
    height, width = (int(length) for length in video["frame_size"])
    state = SessionState(
        video=identity_from_json(video),
        video_place=str(video["place"]),
        frame_count=int(video["frame_count"]),
        frame_size=(height, width),
        frame_indices=np.zeros(0, np.int64),
        frame_times=np.zeros(0),
        vocabulary=words(document["vocabulary"]),
        model_name="",
        next_id=int(document["next_object_id"]),
    )
    take_sampling(state, document)
    if "marks" in document:
        state.marks = marks_from_json(document["marks"])
    for entry in document["objects"]:
        item = object_from_json(entry)
        if item.object_id in state.objects or not 0 < item.object_id < state.next_id:
            raise ValueError(f"the object number {item.object_id} is not its own")
        for key, record in entry["frames"].items():
            frame = int(key)
            if not 0 <= frame < state.frame_count:
                raise ValueError(f"the video has no frame {frame}")
            item.frames[frame] = record_from_json(record, root)
        state.objects[item.object_id] = item
    return state
