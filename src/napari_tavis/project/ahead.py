"""Sessions made in advance: whole on the disk before anybody can see them.

A session is written to a hidden file beside the video and then renamed, so that who opens the
video meanwhile finds either no session or a whole one. A session that is there already is never
touched.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from napari_tavis.annotation import (
    AnnotationSession,
    SessionError,
    default_path,
    find_session,
    holds_session,
)
from napari_tavis.annotation.proposals import Proposals

_SUFFIX = ".ahead"


def staging_path(video: Path) -> Path:
    """Give the hidden file in which a video's session is made."""
    return video.with_name(f".{video.name}{_SUFFIX}")


def prepare_session(video: Path, proposals: Proposals) -> Path:
    """Write the session of a video where nobody looks for it yet.

    Parameters
    ----------
    video : Path
        The video.
    proposals : Proposals
        What the model proposes for it.

    Returns
    -------
    Path
        The file, for `publish_session`. What an earlier run has left there is replaced.

    Raises
    ------
    SessionError
        If the disk refuses; nothing is left behind then.
    """
    staging = staging_path(video)
    remove(staging)
    session = AnnotationSession.create(video, proposals, path=staging)
    try:
        session.save()
    except SessionError:
        session.close()
        remove(staging)
        raise
    session.close()
    return staging


def publish_session(video: Path, staging: Path) -> bool:
    """Put a prepared session in its place, at once and whole.

    Parameters
    ----------
    video : Path
        The video.
    staging : Path
        What `prepare_session` gave.

    Returns
    -------
    bool
        False where the video has got a session meanwhile: that one stays, this one goes.

    Raises
    ------
    SessionError
        If the disk refuses; nothing is left behind then.
    """
    path = default_path(video)
    try:
        if holds_session(path) or find_session(video) is not None:
            return False
        path.unlink(missing_ok=True)  # the empty file of a session that never was
        _move(staging, path)
    except FileExistsError:
        return False
    except OSError as error:
        raise SessionError(
            f"Cannot make {path} ({error.strerror or error}): make room or grant access there."
        ) from error
    finally:
        remove(staging)
    return True


def _move(staging: Path, path: Path) -> None:
    """Give a file its name at once; one that has it already stays."""
    try:
        os.link(staging, path)
    except FileExistsError:
        raise
    except OSError:  # a disk without hard links
        if path.exists():
            raise FileExistsError(path) from None
        os.rename(staging, path)


def remove(staging: Path) -> None:
    """Remove what an earlier run has left, if that will go."""
    for path in (staging, staging.with_name(f"{staging.name}-journal")):
        with contextlib.suppress(OSError):
            path.unlink()
