"""Where the session of a video is, and where the video of a session is, also after moves."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from napari_tavis.annotation.state import VideoIdentity
from napari_tavis.annotation.store import (
    holds_session,
    read_identity,
    read_own_place,
    read_stamp,
)
from napari_tavis.core.errors import SessionError
from napari_tavis.core.home import home

SUFFIX = ".tavis"


def default_path(video: str | os.PathLike[str]) -> Path:
    """Give the file of a video's session: ``<video>.tavis`` beside it."""
    video = Path(video)
    return video.with_name(video.name + SUFFIX)


def path_elsewhere(identity: VideoIdentity) -> Path:
    """Give a free place for a session of a video that cannot be kept beside it.

    Copies of one video may each have a session.
    """
    place, number = folder_elsewhere() / f"{identity.fingerprint}{SUFFIX}", 1
    while holds_session(place):
        number += 1
        place = place.with_name(f"{identity.fingerprint}-{number}{SUFFIX}")
    return place


def is_elsewhere(path: Path) -> bool:
    """Say whether a session is kept in the user's data folder."""
    return path.parent == folder_elsewhere()


def folder_elsewhere() -> Path:
    """Give the folder for the sessions that cannot be kept beside their video."""
    return home() / "sessions"


def find_session(video: str | os.PathLike[str]) -> Path | None:
    """Find the session of a video; None if there is none.

    It is the one in the user's data folder, if it had to be kept there; else ``<video>.tavis``,
    or another session beside the video that was made from this very file under another name. A
    session whose own video is still beside it is never taken: then this file is a copy.
    Nor is the one in the data folder, if that belongs to a copy and this video has one beside it.
    """
    video = Path(video).absolute()
    beside = default_path(video)
    # The video is read only where there is a session that may be its own.
    if _listed(folder_elsewhere()) and (identity := _identity(video)):
        kept = _kept_elsewhere(identity, beside)
        if kept is not None:
            return kept
    if holds_session(beside):
        return beside
    sessions = [path for path in _listed(video.parent) if path.suffix == SUFFIX]
    if not sessions or not video.is_file():
        return None
    size = video.stat().st_size
    for path in sessions:
        known = read_identity(path)
        if known is None or known.size != size:
            continue
        if video.with_name(Path(known.name).name).exists():
            continue
        identity = _identity(video)
        if identity is not None and known.fingerprint == identity.fingerprint:
            return path
    return None


def _kept_elsewhere(identity: VideoIdentity, beside: Path) -> Path | None:
    """Give the session in the data folder that continues the one beside a video, if any."""
    kept = [
        (path, *(read_own_place(path) or ("", "")))
        for path in _listed(folder_elsewhere())
        if path.name.startswith(identity.fingerprint) and holds_session(path)
    ]
    kept.sort(key=lambda one: one[0].stat().st_mtime, reverse=True)
    seen = read_stamp(beside) if holds_session(beside) else ""
    for path, place, _ in kept:
        if place == str(beside):
            return path
    for path, place, stamp in kept:
        moved = not place or not holds_session(Path(place))  # with the video, maybe
        if not seen or (moved and stamp == seen):
            return path
    return None


def _identity(video: Path) -> VideoIdentity | None:
    """Give how a video is recognised; None if it cannot be read."""
    with contextlib.suppress(SessionError):
        return VideoIdentity.of(video) if video.is_file() else None
    return None


def find_video(identity: VideoIdentity, path: Path, hint: str) -> tuple[Path, str | None]:
    """Find the video of the session in `path`; give a warning if it is missing or was changed.

    It is looked for under its name beside the session, then at the `hint` where it was when the
    session was saved (absolute, or relative to the session's folder), and under any name beside
    either; only the very file that was annotated is taken. A file of its name beside the session
    that is another one by now is taken last. A video that was not found is given the place beside
    the session.
    """
    beside = path.parent / Path(identity.name).name
    hinted = Path(os.path.normpath(path.parent / hint)) if hint else beside
    for candidate in _candidates(beside, hinted, identity.size):
        with contextlib.suppress(SessionError):
            if _same_content(candidate, identity):
                return candidate, None
    if beside.is_file():
        return beside, check_video(identity, beside, path)
    return beside, (
        f"The video {identity.name} of {path} was not found: put it back at {beside}, "
        f"or open the session with the video's new place."
    )


def check_video(identity: VideoIdentity, video: Path, path: Path) -> str | None:
    """Say what is wrong if a video is not the file that a session was made from."""
    if _same_content(video, identity):
        return None
    return (
        f"{video} is not the file that {path} was made from: its masks may be on the wrong "
        f"frames. Put the original back, or annotate the new file in a session of its own."
    )


def relative_place(video: Path, path: Path) -> str:
    """Give a video's place relative to the folder of a session, or absolute on another drive."""
    try:
        return os.path.relpath(video, path.parent)
    except ValueError:
        return str(video)


def _candidates(beside: Path, hinted: Path, size: int) -> Iterator[Path]:
    """Give the files that may be a video: of its size, the likelier ones first."""
    seen = set()
    for place in (beside, hinted, *_listed(beside.parent), *_listed(hinted.parent)):
        # Opening and closing a session's file behind SQLite's back would release the locks that
        # this process holds on it (POSIX).
        if place in seen or SUFFIX in place.suffix:
            continue
        seen.add(place)
        with contextlib.suppress(OSError, ValueError):
            if place.is_file() and place.stat().st_size == size:
                yield place


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (OSError, ValueError):
        return []


def _same_content(video: Path, identity: VideoIdentity) -> bool:
    found = VideoIdentity.of(video)
    return (found.size, found.fingerprint) == (identity.size, identity.fingerprint)
