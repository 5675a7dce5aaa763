"""The parts of a session as rows and JSON: how they are written, and what is checked on reading.

A session's file may have been made by anybody, so no value is taken for what it should be:
whatever is of another type, out of range, infinite or too long is a `ValueError`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import PurePosixPath
from typing import TypeAlias, TypeVar

import numpy as np

from napari_tavis.annotation.blobs import DIGEST_BYTES, EMPTY, Blob, BlobSource
from napari_tavis.annotation.history import Diff
from napari_tavis.annotation.objects import (
    FrameRecord,
    FrameStatus,
    ObjectState,
    Sampling,
    SessionObject,
)
from napari_tavis.annotation.state import LONGEST_WORD, Marks, SessionState, VideoIdentity, is_word

Cell: TypeAlias = int | float | str | bytes | None
Part = TypeVar("Part")
Name = TypeVar("Name", bound=StrEnum)

MOST_FRAMES = 100_000_000
MOST_SAMPLED = 1_000_000
MOST_WORDS = 20_000
MOST_NUMBER = 1 << 53
LONGEST_SIDE = 1 << 15
LARGEST_AREA = 1 << 27  # pixels of a frame; a mask of it takes 134 MB while it is decoded
LARGEST = 1e15
LONGEST_TEXT = 1 << 15

_KINDS = ("object", "scene", "background")
_DIGEST = re.compile(r'"([0-9a-f]{32})"')
_STATUSES = {str(status).encode(): status for status in FrameStatus}


# Values


def whole(value: object, least: int, most: int) -> int:
    """Take a whole number within bounds; no bool, which is an int as well."""
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{_short(value)} is not a whole number from {least} to {most}")
    return value


def real(value: object, least: float = -LARGEST, most: float = LARGEST) -> float:
    """Take a finite number within bounds."""
    if type(value) not in (int, float) or not least <= value <= most:  # type: ignore[operator]
        raise ValueError(f"{_short(value)} is not a number from {least:g} to {most:g}")
    return float(value)  # type: ignore[arg-type]


def text(value: object, longest: int = LONGEST_TEXT) -> str:
    """Take a text of bounded length."""
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        raise ValueError(f"{_short(value)} is not text of at most {longest} letters")
    return value


def truth(value: object) -> bool:
    """Take yes or no."""
    return bool(whole(int(value) if isinstance(value, bool) else value, 0, 1))


def _short(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number of many digits"
    shown = repr(value[:40] if isinstance(value, str | bytes) else value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _word(value: object) -> str:
    word = text(value, LONGEST_WORD)
    if not is_word(word):
        raise ValueError(f"{_short(value)} is not a word")
    return word


def _finite(score: float | None) -> float | None:
    """Leave out a score that could not be read again."""
    return score if score is not None and abs(score) <= LARGEST else None


def load_json(document: str) -> object:
    """Read JSON; whatever is wrong with it is a ValueError."""
    try:
        return json.loads(document)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def dump_json(document: object) -> str:
    """Write JSON in ASCII, so that the name of any file can be written."""
    return json.dumps(document, separators=(",", ":"))


def _fields(document: object, count: int) -> list[object]:
    if not isinstance(document, list) or len(document) != count:
        raise ValueError(f"{_short(document)} is not a list of {count} values")
    return document


# Frames and objects


def record_to_row(record: FrameRecord) -> tuple[Cell, ...]:
    """Give status, mask, score, proposal and logits; an empty mask has an empty digest."""
    return (
        str(record.status),
        _digest(record.mask),
        _finite(record.score),
        None if record.proposal is None else _digest(record.proposal),
        None if record.logits is None else _digest(record.logits),
    )


def _digest(blob: Blob) -> bytes:
    return b"" if blob is EMPTY else blob.digest


def record_from_row(row: Sequence[object], source: BlobSource) -> FrameRecord:
    """Read a record; the status comes as bytes, which SQLite gives without decoding them."""
    status, mask, score, proposal, logits = row
    known = _STATUSES.get(status) if isinstance(status, bytes) else None
    if known is None:
        raise ValueError(f"{_short(status)} is not a status")
    return FrameRecord(
        known,
        _blob(mask, source),
        None if score is None else real(score),
        None if proposal is None else _blob(proposal, source),
        None if logits is None else _blob(logits, source),
    )


def _blob(digest: object, source: BlobSource) -> Blob:
    if digest == b"":
        return EMPTY
    if not isinstance(digest, bytes) or len(digest) != DIGEST_BYTES:
        raise ValueError(f"{_short(digest)} does not name a picture")
    return Blob(None, source, digest)


def object_to_row(item: SessionObject) -> tuple[Cell, ...]:
    """Give an object without its frames."""
    return (
        item.object_id,
        item.class_name,
        *item.color,
        _finite(item.score) or 0.0,
        item.kind,
        int(item.named_by_person),
        str(item.state),
        item.threshold,
    )


def object_from_row(row: Sequence[object]) -> SessionObject:
    number, name, red, green, blue, score, kind, named, state, threshold = row
    if kind not in _KINDS:
        raise ValueError(f"{_short(kind)} is not a kind of object")
    return SessionObject(
        whole(number, 1, MOST_NUMBER),
        _word(name),
        (whole(red, 0, 255), whole(green, 0, 255), whole(blue, 0, 255)),
        real(score),
        kind,  # type: ignore[arg-type]
        truth(named),
        _named(ObjectState, state),
        real(threshold, 0, 1),
    )


def _named(names: type[Name], value: object) -> Name:
    if not isinstance(value, str) or value not in set(names):
        raise ValueError(f"{_short(value)} is not one of {', '.join(names)}")
    return names(value)


# Facts about the whole session


def facts_of(state: SessionState) -> dict[str, str]:
    """Give all that is neither object nor frame as JSON, by name."""
    video = state.video
    sampling = state.sampling
    marks = state.marks
    return {
        "video": dump_json(
            {
                "name": video.name,
                "size": video.size,
                "fingerprint": video.fingerprint,
                "place": state.video_place,
                "frame_count": state.frame_count,
                "frame_size": list(state.frame_size),
            }
        ),
        "sampling": sampling_to_json(sampling),
        "vocabulary": dump_json(state.vocabulary),
        "next_object": dump_json(state.next_id),
        "marks": dump_json(
            {
                "done": marks.done,
                "worked_seconds": round(marks.worked_seconds, 1),
                "edits": marks.edits,
                "born": marks.born,
                "exports": [[*key, at] for key, at in marks.exports.items()],
            }
        ),
    }


def history_to_json(position: int, forgotten: int) -> str:
    return dump_json({"position": position, "forgotten": forgotten})


def stamp(marks: Marks) -> str:
    """Give a word that changes with what is done to a session, but not with opening it."""
    return f"{marks.born}-{marks.edits}-{marks.done:d}-{len(marks.exports)}"


def own_place_to_json(path: str, seen: str) -> str:
    """Describe where a session belongs, and the `stamp` of what was there; empty for nothing."""
    return dump_json([path, seen])


def own_place_from_json(document: str) -> tuple[str, str]:
    path, seen = _fields(load_json(document), 2)
    return text(path), text(seen, 100)


def state_from_facts(facts: dict[str, str]) -> SessionState:
    """Read a session without its objects; KeyError where something is missing."""
    video = _mapping(facts["video"])
    height, width = (whole(side, 1, LONGEST_SIDE) for side in _fields(video["frame_size"], 2))
    if height * width > LARGEST_AREA:
        raise ValueError(f"frames of {height} by {width} pixels cannot be those of a video")
    frame_count = whole(video["frame_count"], 0, MOST_FRAMES)
    return SessionState(
        video=identity_from_json(video),
        video_place=text(video["place"]),
        frame_count=frame_count,
        frame_size=(height, width),
        sampling=sampling_from_json(load_json(facts["sampling"]), frame_count),
        vocabulary=words(load_json(facts["vocabulary"])),
        next_id=whole(load_json(facts["next_object"]), 1, MOST_NUMBER),
        marks=marks_from_json(facts["marks"]),
    )


def identity_from_json(video: dict[str, object]) -> VideoIdentity:
    name = text(video["name"], 1024)
    if name in ("", "..") or name != PurePosixPath(name).name:
        raise ValueError(f"the video's name {_short(name)} is a path")
    fingerprint = text(video["fingerprint"], 32)
    if not re.fullmatch("[0-9a-f]{32}", fingerprint):
        raise ValueError(f"{_short(fingerprint)} is not a fingerprint")
    return VideoIdentity(name, whole(video["size"], 0, MOST_NUMBER), fingerprint)


def marks_from_json(document: str) -> Marks:
    marks = _mapping(document)
    exports = {}
    noted = marks["exports"]
    if not isinstance(noted, list) or len(noted) > MOST_WORDS:
        raise ValueError("the exports are not a list")
    for entry in noted:
        root, form, name, at = _fields(entry, 4)
        exports[text(root), text(form), text(name)] = whole(at, 0, MOST_NUMBER)
    seconds = real(marks["worked_seconds"], 0, 1e12)
    edits, born = whole(marks["edits"], 0, MOST_NUMBER), text(marks["born"], 32)
    return Marks(truth(marks["done"]), seconds, edits, exports, born)


def words(document: object) -> tuple[str, ...]:
    """Read a vocabulary."""
    if not isinstance(document, list) or len(document) > MOST_WORDS:
        raise ValueError(f"the vocabulary is not a list of at most {MOST_WORDS} words")
    return tuple(_word(word) for word in document)


def sampling_to_json(sampling: Sampling) -> str:
    indices, times = sampling.frame_indices.tolist(), sampling.frame_times.tolist()
    return dump_json([indices, times, sampling.model_name])


def sampling_from_json(document: object, frame_count: int) -> Sampling:
    indices, times, model = _fields(document, 3)
    if not isinstance(indices, list) or not isinstance(times, list):
        raise ValueError("the sampled frames are not a list")
    if len(indices) != len(times) or len(indices) > MOST_SAMPLED:
        raise ValueError("every sampled frame has one time")
    frames = np.array([whole(one, 0, frame_count - 1) for one in indices], dtype=np.int64)
    if np.any(np.diff(frames) <= 0):
        raise ValueError("the sampled frames do not ascend")
    seconds = np.array([real(one) for one in times], dtype=np.float64)
    return Sampling(frames, seconds, text(model))


def _mapping(document: str) -> dict[str, object]:
    loaded = load_json(document)
    if not isinstance(loaded, dict):
        raise ValueError(f"{_short(loaded)} is not a mapping")
    return loaded


# Steps that can be undone


def diff_to_json(diff: Diff) -> str:
    """Write a change, whose pictures are kept under their digests."""
    document: dict[str, object] = {
        "frames": [
            [*key, _record_to_json(before), _record_to_json(after)]
            for key, (before, after) in diff.frames.items()
        ],
        "objects": [
            [key, *(None if item is None else object_to_row(item) for item in pair)]
            for key, pair in diff.objects.items()
        ],
    }
    if diff.vocabulary:
        document["vocabulary"] = diff.vocabulary
    if diff.sampling:
        document["sampling"] = [json.loads(sampling_to_json(one)) for one in diff.sampling]
    return dump_json(document)


def diff_from_json(document: str, source: BlobSource, frame_count: int) -> Diff:
    """Read a change; whatever is wrong with it is a ValueError."""
    loaded = _mapping(document)
    diff = Diff()
    try:
        for entry in _list(loaded["frames"]):
            number, frame, before, after = _fields(entry, 4)
            key = whole(number, 1, MOST_NUMBER), whole(frame, 0, frame_count - 1)
            diff.frames[key] = _record_from_json(before, source), _record_from_json(after, source)
        for entry in _list(loaded["objects"]):
            number, *pair = _fields(entry, 3)
            before, after = (None if one is None else object_from_row(_list(one)) for one in pair)
            for item in (before, after):
                if item is not None and item.object_id != number:
                    raise ValueError(f"the object {_short(number)} is another one")
            diff.objects[whole(number, 1, MOST_NUMBER)] = before, after
        diff.vocabulary = _pair(loaded.get("vocabulary"), words)
        diff.sampling = _pair(
            loaded.get("sampling"), lambda one: sampling_from_json(one, frame_count)
        )
    except KeyError as error:
        raise ValueError(f"{error} is missing") from error
    return diff


def digests_in(document: str) -> set[bytes]:
    """Give the digests that a written change names, without reading it."""
    return {bytes.fromhex(found) for found in _DIGEST.findall(document)}


def _list(document: object) -> list[object]:
    if not isinstance(document, list):
        raise ValueError(f"{_short(document)} is not a list")
    return document


def _pair(document: object, read: Callable[[object], Part]) -> tuple[Part, Part] | None:
    if document is None:
        return None
    before, after = _fields(document, 2)
    return read(before), read(after)


def _record_to_json(record: FrameRecord | None) -> list[object] | None:
    if record is None:
        return None
    return [cell.hex() if isinstance(cell, bytes) else cell for cell in record_to_row(record)]


def _record_from_json(document: object, source: BlobSource) -> FrameRecord | None:
    if document is None:
        return None
    status, mask, score, proposal, logits = _fields(document, 5)
    digests = (None if one is None else bytes.fromhex(text(one, 32)) for one in (proposal, logits))
    proposal_digest, logits_digest = digests
    name = text(status, 40).encode("utf-8", "replace")
    row = (name, bytes.fromhex(text(mask, 32)), score, proposal_digest, logits_digest)
    return record_from_row(row, source)
