"""``session.json``: the whole of a session, but for the mask files and what the journal adds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from napari_tavis.atomic import sync_directory, write_atomically
from napari_tavis.session.documents import (
    DAMAGE,
    marks_to_json,
    object_to_json,
    record_to_json,
    sampling_to_json,
    state_from_json,
    video_to_json,
)
from napari_tavis.session.errors import SessionDamaged, SessionError
from napari_tavis.session.objects import SessionObject
from napari_tavis.session.state import SessionState

SCHEMA_VERSION = 2
"""Version 1 has no journal, states, thresholds, proposals beside edits, logits or marks."""

SESSION_FILE = "session.json"
PREVIOUS_FILE = "session.previous.json"
"""The snapshot before; with the journals since it is worth as much as the present one."""


def write_snapshot(
    directory: Path, state: SessionState, generation: int, *, keep_previous: bool
) -> None:
    """Write a session's snapshot, atomically; all of its blobs are on the disk.

    Parameters
    ----------
    directory : Path
        The session's directory.
    state : SessionState
        What to write; must not change meanwhile.
    generation : int
        Number of the snapshot, and of the journal that continues it.
    keep_previous : bool
        Whether the snapshot that is replaced is whole, and its journal leads to this one; if not,
        this one is kept in its place as well.
    """
    path, previous = directory / SESSION_FILE, directory / PREVIOUS_FILE
    data = _encode(state, generation).encode()
    if keep_previous:
        write_atomically(previous, path.read_bytes())
    write_atomically(path, data)
    if not keep_previous:
        write_atomically(previous, data)
    sync_directory(directory)


def _encode(state: SessionState, generation: int) -> str:
    """Write a line for each frame: short calls of the encoder, so that no thread waits long."""
    head = {
        "schema_version": SCHEMA_VERSION,
        "generation": generation,
        "video": video_to_json(state),
        **sampling_to_json(state),
        "vocabulary": list(state.vocabulary),
        "next_object_id": state.next_id,
        "marks": marks_to_json(state.marks),
    }
    lines = [f"{json.dumps(key)}: {_dumps(value)}" for key, value in head.items()]
    objects = ",\n".join(_encode_object(item) for item in state.objects.values())
    return "{\n" + ",\n".join([*lines, f'"objects": [{objects}]']) + "\n}\n"


def _encode_object(item: SessionObject) -> str:
    frames = ",\n".join(
        f'  "{frame}": {_dumps(record_to_json(item.frames[frame]))}'
        for frame in sorted(item.frames)
    )
    return f'{_dumps(object_to_json(item))[:-1]}, "frames": {{\n{frames}\n}}}}'


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def read_snapshot(path: Path) -> tuple[SessionState, int]:
    """Read a session's snapshot, not looking at the mask files.

    Parameters
    ----------
    path : Path
        ``session.json``, or the one before.

    Returns
    -------
    state : SessionState
        What it holds.
    generation : int
        Its number; 0 for version 1.

    Raises
    ------
    SessionDamaged
        If the file is missing or damaged.
    SessionError
        If it is from a newer version.
    """
    document = load_document(path)
    version = document.get("schema_version")
    if version not in (1, SCHEMA_VERSION):
        raise SessionError(
            f"{path} has schema version {version!r}, and this napari-tavis reads versions 1 to "
            f"{SCHEMA_VERSION}: open it with the napari-tavis that wrote it, or a newer one."
        )
    try:
        generation = int(document["generation"]) if version != 1 else 0
        return state_from_json(document, str(path.parent)), generation
    except DAMAGE as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error


def load_document(path: Path) -> dict[str, Any]:
    """Load a snapshot as plain JSON.

    Raises
    ------
    SessionDamaged
        If the file is missing or holds no JSON object.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise SessionDamaged(
            f"There is no session to open in {path.parent} ({path.name}: "
            f"{error.strerror or error}). Segment the video first, or choose its .tavis directory."
        ) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(document, dict):
        raise _damaged(path, "it holds no JSON object")
    return document


def _damaged(path: Path, reason: str) -> SessionDamaged:
    return SessionDamaged(
        f"{path} is damaged ({reason}): restore it from a backup, or move the directory away and "
        f"start anew; the masks in it are ordinary PNG files."
    )
