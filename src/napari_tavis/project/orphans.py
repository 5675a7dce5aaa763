"""Sessions that have lost their video, since that was renamed, and the videos they belong to."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from napari_tavis.annotation import (
    default_path,
    find_session,
    folder_elsewhere,
    holds_session,
    read_identity,
)
from napari_tavis.core.errors import TavisError
from napari_tavis.project.listing import SESSION_SUFFIX


class SessionFinder:
    """Finds the sessions of many videos: looks into a folder and a session once, not each time.

    Methods may be called from any thread.
    """

    def __init__(self) -> None:
        self._sizes: dict[Path, tuple[int, frozenset[int]]] = {}
        self._lock = threading.Lock()

    def find(self, video: Path) -> Path | None:
        """Give the file of a video's session, or None where there is none.

        It lies beside the video under its name; or it is one without a video of its name, and was
        made from this very file; or it had to be kept in the user's data folder. Only if there is
        such a session of a file of this size is the video read.
        """
        try:
            size = video.stat().st_size
            if size in self._sizes_elsewhere():
                return find_session(video)
            beside = default_path(video)
            if holds_session(beside):
                return beside
            return find_session(video) if size in self._orphan_sizes(video.parent) else None
        except (OSError, TavisError):
            return None  # the video cannot be read

    def _orphan_sizes(self, folder: Path) -> frozenset[int]:
        """Give the sizes of the videos that a folder's sessions have lost, in bytes."""
        return self._video_sizes(folder, orphans)

    def _sizes_elsewhere(self) -> frozenset[int]:
        """Give the sizes of the videos whose sessions had to be kept in the user's data folder."""
        folder = folder_elsewhere()
        return self._video_sizes(folder, _files) if folder.is_dir() else frozenset()

    def _video_sizes(self, folder: Path, sessions: Callable[[Path], list[Path]]) -> frozenset[int]:
        changed = folder.stat().st_mtime_ns
        with self._lock:
            known = self._sizes.get(folder)
        if known is not None and known[0] == changed:
            return known[1]
        found = (read_identity(path) for path in sessions(folder))
        sizes = frozenset(identity.size for identity in found if identity is not None)
        with self._lock:
            self._sizes[folder] = changed, sizes
        return sizes


def orphans(folder: Path) -> list[Path]:
    """Give the sessions in a folder whose video is not beside them under its name."""
    with os.scandir(folder) as entries:
        names = {entry.name for entry in entries}
    return [
        folder / name
        for name in sorted(names)
        if name.endswith(SESSION_SUFFIX)
        and not name.startswith(".")
        and name.removesuffix(SESSION_SUFFIX) not in names
    ]


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SESSION_SUFFIX}"))
