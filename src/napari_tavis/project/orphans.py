"""Sessions that have lost their video, since that was renamed, and the videos they belong to."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from napari_tavis.errors import TavisError
from napari_tavis.project.listing import SESSION_SUFFIX
from napari_tavis.session import AnnotationSession, default_directory, find_session


class SessionFinder:
    """Finds the sessions of many videos: looks into a folder and a session once, not each time.

    Methods may be called from any thread.
    """

    def __init__(self) -> None:
        self._sizes: dict[Path, tuple[int, frozenset[int]]] = {}
        self._lock = threading.Lock()

    def find(self, video: Path) -> Path | None:
        """Give the directory of a video's session, or None where there is none.

        It lies beside the video under its name; or it is one without a video of its name, and was
        made from this very file. Only if there is such a session of a file of this size is the
        video read.
        """
        beside = default_directory(video)
        if beside.is_dir():
            return beside
        try:
            if video.stat().st_size not in self._orphan_sizes(video.parent):
                return None
            return find_session(video)
        except (OSError, TavisError):
            return None  # the video cannot be read

    def _orphan_sizes(self, folder: Path) -> frozenset[int]:
        """Give the sizes of the videos that a folder's sessions have lost, in bytes."""
        changed = folder.stat().st_mtime_ns
        with self._lock:
            known = self._sizes.get(folder)
        if known is not None and known[0] == changed:
            return known[1]
        sizes = frozenset(filter(None, map(_video_size, orphans(folder))))
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


def _video_size(directory: Path) -> int | None:
    try:
        session = AnnotationSession.open(directory, read_only=True)
    except TavisError:
        return None
    try:
        return session.identity.size
    finally:
        session.close()
