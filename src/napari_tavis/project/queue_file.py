"""What a queue remembers between two runs: a small JSON file beside its videos.

States are remembered together with the sizes and times of the files they were read from, so that
they are read anew only where something has changed. No path in the file is ever followed: it
says something only of videos that the folder, or the list, holds anyway.
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
FOLDER_FILE = "tavis-queue.json"
"""Name of the file in a folder that is worked through."""
LIST_SUFFIX = ".tavis-queue.json"
"""What the name of a list is followed by, in the name of the file beside it."""


@dataclass(frozen=True)
class Remembered:
    """What was last known of a video.

    Parameters
    ----------
    state : QueueState
        How far it had come.
    why : str
        What else there was to know.
    video : str
        The video file's signature then.
    session : str
        The session's signature then; empty where there was none.
    probed : bool
        Whether the video was looked into, not only at.
    """

    state: QueueState
    why: str = ""
    video: str = ""
    session: str = ""
    probed: bool = False


@dataclass
class QueueMemory:
    """All that a queue remembers.

    Parameters
    ----------
    recursive : bool
        Whether the folder's folders belong to it.
    current : str
        The video last worked on, by its place relative to the file; empty for none.
    skip_finished : bool
        Whether going on passes over what is done.
    ahead : int
        How many videos are segmented in advance.
    videos : dict of str to Remembered
        What was known of each video, by its place.
    """

    recursive: bool = False
    current: str = ""
    skip_finished: bool = True
    ahead: int = 1
    videos: dict[str, Remembered] = field(default_factory=dict)


def memory_file(source: Path) -> Path:
    """Give the file in which the queue of a folder or list is remembered."""
    if source.is_dir():
        return source / FOLDER_FILE
    return source.with_name(source.stem + LIST_SUFFIX)


def read_memory(file: Path) -> tuple[QueueMemory, str]:
    """Read what a queue remembers.

    Parameters
    ----------
    file : Path
        The file; it need not exist.

    Returns
    -------
    memory : QueueMemory
        Empty where there is nothing, or nothing that can be read.
    warning : str
        What is wrong with the file, a sentence; empty if all is well. Nothing is lost with it:
        states are read from the sessions then.
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

    Raises
    ------
    ProjectError
        If the disk refuses.
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
