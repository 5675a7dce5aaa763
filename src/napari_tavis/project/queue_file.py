"""What a queue remembers between two runs: a small JSON file beside its videos.

States are remembered together with the sizes and times of the files they were read from, so that
they are read again only where something has changed. No path in the file is ever followed: it
describes only videos that are in the folder or the list anyway.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from napari_tavis.core.atomic import write_atomically
from napari_tavis.core.errors import ProjectError
from napari_tavis.core.files import (
    MEGABYTE,
    ForeignFileError,
    MissingForeignFileError,
    read_json,
    shown,
)
from napari_tavis.project.states import QueueState

SCHEMA_VERSION = 1
_MOST_BYTES = 64 * MEGABYTE
_MOST_AHEAD = 100
FOLDER_FILE = "tavis-queue.json"  # in a folder of videos
LIST_SUFFIX = ".tavis-queue.json"  # follows a list's name, in the name of the file beside it


@dataclass(frozen=True)
class Remembered:
    """What was last known of a video."""

    state: QueueState
    why: str = ""  # what else there was to know
    video: str = ""  # the video file's signature then
    session: str = ""  # the session's signature then; empty where there was none
    probed: bool = False  # whether the video was opened, not only listed


@dataclass
class QueueMemory:
    """All that a queue remembers; paths are relative to its file."""

    recursive: bool = False  # whether the folder's folders are included
    current: str = ""  # the video last worked on; empty for none
    skip_finished: bool = True  # whether going on skips what is done
    ahead: int = 1  # how many videos are segmented in advance
    videos: dict[str, Remembered] = field(default_factory=dict)  # by path


def memory_file(source: Path) -> Path:
    """Return the file in which the queue of a folder or list is remembered."""
    if source.is_dir():
        return source / FOLDER_FILE
    return source.with_name(source.stem + LIST_SUFFIX)


def read_memory(file: Path) -> tuple[QueueMemory, str]:
    """Read what a queue remembers, and what is wrong with the file: a sentence, or empty.

    Nothing is lost with a broken file: states are then read from the sessions.
    """
    try:
        return _from_json(read_json(file, most=_MOST_BYTES)), ""
    except MissingForeignFileError:
        return QueueMemory(), ""
    except ForeignFileError as error:
        problem = f"it {error.problem}"
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        problem = shown(error)
    return QueueMemory(), (
        f"{shown(file)} cannot be read ({problem}): the states are read from the sessions instead."
    )


def write_memory(file: Path, memory: QueueMemory) -> None:
    """Write what a queue remembers, whole or not at all.

    Raises `ProjectError` if the disk refuses.
    """
    document = {"schema_version": SCHEMA_VERSION, **asdict(memory)}
    try:
        write_atomically(file, json.dumps(document, indent=1, ensure_ascii=False).encode())
    except OSError as error:
        raise ProjectError(
            f"Cannot write {file} ({error.strerror or error}): your place in the queue is not "
            f"kept. Make room or grant access there."
        ) from error


def _from_json(document: dict[str, Any]) -> QueueMemory:
    version = document["schema_version"]
    if version != SCHEMA_VERSION:
        raise ValueError(f"schema version {version!r}, not {SCHEMA_VERSION}")
    return QueueMemory(
        recursive=bool(document["recursive"]),
        current=str(document["current"]),
        skip_finished=bool(document["skip_finished"]),
        ahead=min(max(0, int(document["ahead"])), _MOST_AHEAD),
        videos={str(place): _remembered(entry) for place, entry in document["videos"].items()},
    )


def _remembered(entry: dict[str, Any]) -> Remembered:
    return Remembered(
        state=QueueState(entry["state"]),
        why=str(entry["why"]),
        video=str(entry["video"]),
        session=str(entry["session"]),
        probed=bool(entry["probed"]),
    )
