"""Which sessions and videos a user means by the folders, lists, videos and sessions given."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from napari_tavis.core.errors import ProjectError
from napari_tavis.project.listing import (
    SESSION_SUFFIX,
    VIDEO_SUFFIXES,
    list_videos,
    session_files,
)
from napari_tavis.project.orphans import SessionFinder
from napari_tavis.project.queue_file import FOLDER_FILE


@dataclass(frozen=True)
class Sources:
    """What the paths given come to.

    Parameters
    ----------
    sessions : tuple of Path
        Session files, each once.
    unsegmented : tuple of Path
        Videos without a session, each once.
    """

    sessions: tuple[Path, ...]
    unsegmented: tuple[Path, ...]


def find_sources(paths: Iterable[Path], *, recursive: bool = True) -> Sources:
    """Find the sessions and videos that paths stand for.

    Parameters
    ----------
    paths : iterable of Path
        Folders, list files, videos, and sessions (``.tavis`` files), mixed as one likes.
    recursive : bool
        Whether folders stand for what their folders hold, too.

    Raises
    ------
    ProjectError
        If a path leads to nothing, or to nothing of these.
    """
    sessions: dict[Path, None] = {}
    videos: dict[Path, None] = {}
    for path in paths:
        place = Path(os.path.abspath(path))
        if place.name == FOLDER_FILE:
            place = place.parent
        if not place.exists():
            raise ProjectError(f"{path} does not exist: give folders, videos, lists or sessions.")
        if place.suffix == SESSION_SUFFIX and place.is_file():
            sessions[place] = None
        elif place.is_dir():
            sessions.update(dict.fromkeys(session_files(place, recursive=recursive)))
            videos.update(dict.fromkeys(list_videos(place, recursive=recursive)))
        elif place.suffix.lower() in VIDEO_SUFFIXES:
            videos[place] = None
        else:
            videos.update(dict.fromkeys(path for path in list_videos(place) if path.exists()))
    unsegmented, finder = [], SessionFinder()
    for video in videos:
        directory = finder.find(video)
        if directory is None:
            unsegmented.append(video)
        else:
            sessions[directory] = None
    return Sources(tuple(sessions), tuple(unsegmented))
