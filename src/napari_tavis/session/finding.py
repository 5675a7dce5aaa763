"""Where the session of a video is, and where the video of a session is, also after moves."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from napari_tavis.session.documents import DAMAGE, identity_from_json
from napari_tavis.session.errors import SessionError
from napari_tavis.session.snapshot import SESSION_FILE, load_document
from napari_tavis.session.storage import holds_session
from napari_tavis.session.video import VideoIdentity

SUFFIX = ".tavis"


def default_directory(video: str | os.PathLike[str]) -> Path:
    """Give the directory of a video's session: ``<video>.tavis`` beside it."""
    video = Path(video)
    return video.with_name(video.name + SUFFIX)


def find_session(video: str | os.PathLike[str]) -> Path | None:
    """Find the session of a video.

    It is ``<video>.tavis``, or another session beside the video that was made from this very file
    under another name. A session whose own video is still beside it is never taken: this file is
    a copy of that then.

    Parameters
    ----------
    video : path
        The video file.

    Returns
    -------
    Path or None
        The session's directory; None if there is none.
    """
    video = Path(video).absolute()
    beside = default_directory(video)
    if holds_session(beside):
        return beside
    sessions = [folder for folder in _listed(video.parent) if folder.suffix == SUFFIX]
    if not sessions or not video.is_file():
        return None
    size = video.stat().st_size
    own: VideoIdentity | None = None
    for folder in sessions:
        identity = _identity(folder)
        if identity is None or identity.size != size or (video.parent / identity.name).exists():
            continue
        own = own or VideoIdentity.of(video)
        if identity.fingerprint == own.fingerprint:
            return folder
    return None


def find_video(identity: VideoIdentity, directory: Path, hint: str) -> tuple[Path, str | None]:
    """Find the video of a session.

    It is looked for under its name beside the session, where it lay when the session was saved,
    and under any name beside either; only the very file that was annotated is taken. A file of
    its name beside the session that is another one by now is taken last, with a warning.

    Parameters
    ----------
    identity : VideoIdentity
        The video that was annotated.
    directory : Path
        The session's directory.
    hint : str
        Where the video lay when the session was saved, relative to `directory` or absolute.

    Returns
    -------
    video : Path
        Where it is; beside the session if it was found nowhere.
    warning : str or None
        What the user should know: the video is missing, or is no longer the same file.
    """
    beside = directory.parent / Path(identity.name).name
    elsewhere = Path(os.path.normpath(directory / hint)) if hint else beside
    for candidate in _candidates(beside, elsewhere, identity.size):
        with contextlib.suppress(SessionError):
            if _same_content(candidate, identity):
                return candidate, None
    if beside.is_file():
        return beside, check_video(identity, beside, directory)
    return beside, (
        f"The video {identity.name} of {directory} was not found: put it back at {beside}, "
        f"or open the session with the video's new place."
    )


def check_video(identity: VideoIdentity, video: Path, directory: Path) -> str | None:
    """Say what is wrong if a video is not the file that a session was made from."""
    if _same_content(video, identity):
        return None
    return (
        f"{video} is not the file that {directory} was made from: its masks may lie on other "
        f"frames. Put the original back, or annotate the new file in a session of its own."
    )


def relative_place(video: Path, directory: Path) -> str:
    """Give a video's place relative to a directory, or absolute where that cannot be said."""
    try:
        return os.path.relpath(video, directory)
    except ValueError:  # another drive
        return str(video)


def _candidates(beside: Path, elsewhere: Path, size: int) -> Iterator[Path]:
    """Give the files that may be a video: of its size, the likelier ones first."""
    seen = set()
    for place in (beside, elsewhere, *_listed(beside.parent), *_listed(elsewhere.parent)):
        if place in seen:
            continue
        seen.add(place)
        with contextlib.suppress(OSError):
            if place.is_file() and place.stat().st_size == size:
                yield place


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _identity(folder: Path) -> VideoIdentity | None:
    """Read which video a session is of; None if that cannot be read."""
    try:
        return identity_from_json(load_document(folder / SESSION_FILE)["video"])
    except (SessionError, *DAMAGE):
        return None


def _same_content(video: Path, identity: VideoIdentity) -> bool:
    found = VideoIdentity.of(video)
    return (found.size, found.fingerprint) == (identity.size, identity.fingerprint)
