"""A session on disk: ``session.json`` and a small PNG per object and frame.

Layout of ``<video>.tavis/``::

    session.json
    masks/<object id>/<frame>-<digest of the PNG>.png

A mask file's name holds the digest of its content, so that a changed mask is a new file. All new
masks are on the disk before the ``session.json`` that names them replaces the old one; whatever
the old one alone named is removed after that. A crash at any point leaves one whole session.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from napari_tavis.inference.masks import MaskDamaged, check_mask
from napari_tavis.session.blobs import EMPTY, Blob
from napari_tavis.session.atomic import sync_directory, write_atomically
from napari_tavis.session.errors import SessionError
from napari_tavis.session.objects import FrameRecord, FrameStatus, ObjectState, SessionObject
from napari_tavis.session.state import SessionState
from napari_tavis.session.video import VideoIdentity

SCHEMA_VERSION = 1
SESSION_FILE = "session.json"
_MASK_FILE = re.compile(r"masks/\d+/\d+-[0-9a-f]{16}\.png")


def mask_files(objects: Iterable[SessionObject]) -> dict[str, bytes]:
    """Give the mask files of some objects.

    Returns
    -------
    dict of str to bytes
        PNG files by their path inside the session's directory, with forward slashes.
    """
    return {
        _mask_file(item.object_id, frame, record.png): record.png
        for item in objects
        for frame, record in item.frames.items()
        if record.png is not None
    }


def _mask_file(object_id: int, frame: int, png: bytes) -> str:
    digest = hashlib.blake2b(png, digest_size=8).hexdigest()
    return f"masks/{object_id}/{frame:08d}-{digest}.png"


def refuse_existing(directory: Path) -> None:
    """Refuse to start a session where there is one already.

    Raises
    ------
    SessionError
        If the directory holds a session.
    """
    if (directory / SESSION_FILE).exists():
        raise SessionError(
            f"{directory} holds a session already: open that one, or choose another directory."
        )


def write_session(directory: Path, state: SessionState, on_disk: set[str]) -> set[str]:
    """Write what has changed since the last time.

    Parameters
    ----------
    directory : Path
        The session's directory; made if need be.
    state : SessionState
        What to write.
    on_disk : set of str
        The mask files that the session on disk names and that are known to be whole.

    Returns
    -------
    set of str
        The mask files now on disk.

    Raises
    ------
    SessionError
        If the disk refuses; the session on disk is then what it was before.
    """
    files = mask_files(state.objects.values())
    try:
        fresh = {name: png for name, png in files.items() if name not in on_disk}
        for name, png in fresh.items():
            write_atomically(directory / name, png)
        for folder in {(directory / name).parent for name in fresh}:
            sync_directory(folder)
        document = json.dumps(_to_json(state), indent=1, ensure_ascii=False)
        write_atomically(directory / SESSION_FILE, document.encode())
        sync_directory(directory)
    except OSError as error:
        raise SessionError(
            f"Cannot save the session {directory} ({error.strerror or error}); nothing that was "
            f"saved before is lost. Make room or grant access there, and save again."
        ) from error
    _remove(directory, on_disk - files.keys())
    return set(files)


def _remove(directory: Path, names: Iterable[str]) -> None:
    """Remove mask files that no session names any more; one that will not go does no harm."""
    for name in names:
        with contextlib.suppress(OSError):
            (directory / name).unlink()
            (directory / name).parent.rmdir()  # goes once it is empty


def _to_json(state: SessionState) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "video": {
            "name": state.video.name,
            "size": state.video.size,
            "fingerprint": state.video.fingerprint,
            "place": state.video_place,
            "frame_count": state.frame_count,
            "frame_size": list(state.frame_size),
        },
        "frame_indices": state.frame_indices.tolist(),
        "frame_times": state.frame_times.tolist(),
        "vocabulary": list(state.vocabulary),
        "model": state.model_name,
        "next_object_id": state.next_id,
        "objects": [_object_to_json(item) for item in state.objects.values()],
    }


def _object_to_json(item: SessionObject) -> dict[str, Any]:
    frames: dict[str, dict[str, Any]] = {}
    for frame in sorted(item.frames):
        record = item.frames[frame]
        name = None if record.png is None else _mask_file(item.object_id, frame, record.png)
        frames[str(frame)] = {"status": str(record.status), "mask": name, "score": record.score}
    return {
        "id": item.object_id,
        "class": item.class_name,
        "color": list(item.color),
        "score": item.score,
        "kind": item.kind,
        "named_by_person": item.named_by_person,
        "state": str(item.state),
        "threshold": item.threshold,
        "frames": frames,
    }


def read_session(directory: Path) -> tuple[SessionState, set[str], list[str]]:
    """Read a session.

    Parameters
    ----------
    directory : Path
        The session's directory.

    Returns
    -------
    state : SessionState
        What it holds.
    on_disk : set of str
        The mask files that are there and whole.
    warnings : list of str
        One sentence for each mask that is missing or damaged; its frame is left out.

    Raises
    ------
    SessionError
        If ``session.json`` is missing, damaged, from another version, or names a file outside
        the directory.
    """
    path = directory / SESSION_FILE
    document = _load_json(path)
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise SessionError(
            f"{path} has schema version {version!r}, and this napari-tavis reads version "
            f"{SCHEMA_VERSION}: open it with the napari-tavis that wrote it, or a newer one."
        )
    try:
        return _from_json(document, directory)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error


def _load_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise SessionError(
            f"There is no session to open in {path.parent} ({SESSION_FILE}: "
            f"{error.strerror or error}). Segment the video first, or choose its .tavis directory."
        ) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(document, dict):
        raise _damaged(path, "it holds no JSON object")
    return document


def _damaged(path: Path, reason: str) -> SessionError:
    return SessionError(
        f"{path} is damaged ({reason}): restore it from a backup, or move the directory away and "
        f"start anew; the masks in it are ordinary PNG files."
    )


def _from_json(
    document: dict[str, Any], directory: Path
) -> tuple[SessionState, set[str], list[str]]:
    video = document["video"]
    identity = VideoIdentity(str(video["name"]), int(video["size"]), str(video["fingerprint"]))
    if identity.name != PurePosixPath(identity.name).name or "\\" in identity.name:
        raise ValueError(f"the video's name {identity.name!r} is a path")
    height, width = (int(length) for length in video["frame_size"])
    state = SessionState(
        video=identity,
        video_place=str(video["place"]),
        frame_count=int(video["frame_count"]),
        frame_size=(height, width),
        frame_indices=np.array(document["frame_indices"], dtype=np.int64).reshape(-1),
        frame_times=np.array(document["frame_times"], dtype=np.float64).reshape(-1),
        vocabulary=tuple(str(word) for word in document["vocabulary"]),
        model_name=str(document["model"]),
        next_id=int(document["next_object_id"]),
    )
    on_disk: set[str] = set()
    warnings: list[str] = []
    for entry in document["objects"]:
        item = _object_from_json(entry)
        if item.object_id in state.objects or not 0 < item.object_id < state.next_id:
            raise ValueError(f"the object number {item.object_id} is not its own")
        item.frames = _frames_from_json(entry["frames"], directory, state, on_disk, warnings)
        state.objects[item.object_id] = item
    return state, on_disk, warnings


def _object_from_json(entry: dict[str, Any]) -> SessionObject:
    red, green, blue = (int(channel) for channel in entry["color"])
    if entry["kind"] not in ("object", "scene", "background"):
        raise ValueError(f"the kind {entry['kind']!r} is unknown")
    return SessionObject(
        object_id=int(entry["id"]),
        class_name=str(entry["class"]),
        color=(red, green, blue),
        score=float(entry["score"]),
        kind=entry["kind"],
        named_by_person=bool(entry["named_by_person"]),
        state=ObjectState(entry.get("state", "active")),
        threshold=float(entry.get("threshold", 0.5)),
    )


def _frames_from_json(
    entries: dict[str, Any],
    directory: Path,
    state: SessionState,
    on_disk: set[str],
    warnings: list[str],
) -> dict[int, FrameRecord]:
    frames: dict[int, FrameRecord] = {}
    for key, entry in entries.items():
        frame, name, score = int(key), entry["mask"], entry["score"]
        if not 0 <= frame < state.frame_count:
            raise ValueError(f"the video has no frame {frame}")
        png: bytes | None = None
        if name is not None:
            try:
                png = _read_mask(directory, name, state.frame_size)
            except (OSError, MaskDamaged) as error:
                warnings.append(f"The mask {directory / name} is damaged and left out ({error}).")
                continue
            on_disk.add(name)
        status = FrameStatus(entry["status"])
        blob = EMPTY if png is None else Blob.of(png)
        frames[frame] = FrameRecord(status, blob, None if score is None else float(score))
    return frames


def _read_mask(directory: Path, name: str, size: tuple[int, int]) -> bytes:
    """Read one mask file, which must lie inside the session's directory."""
    if not isinstance(name, str) or not _MASK_FILE.fullmatch(name):
        raise ValueError(f"{name!r} is no mask file of a session")
    path = directory / name
    if not os.path.realpath(path).startswith(os.path.realpath(directory) + os.sep):
        raise ValueError(f"{name!r} leads out of the session's directory")
    png = path.read_bytes()
    check_mask(png, size)
    return png
