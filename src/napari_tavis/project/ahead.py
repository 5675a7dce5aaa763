"""Sessions made in advance: whole on the disk before anybody can see them.

A session is written to a hidden folder beside the video and then renamed, so that who opens the
video meanwhile finds either no session or a whole one. A session that is there already is never
touched.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from napari_tavis.inference.proposals import Proposals
from napari_tavis.session import AnnotationSession, SessionError, default_directory

_SUFFIX = ".ahead"


def staging_directory(video: Path) -> Path:
    """Give the hidden folder in which a video's session is made."""
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
        The folder, for `publish_session`. What an earlier run has left there is replaced.

    Raises
    ------
    SessionError
        If the disk refuses; nothing is left behind then.
    """
    staging = staging_directory(video)
    shutil.rmtree(staging, ignore_errors=True)
    session = AnnotationSession.create(video, proposals, directory=staging)
    try:
        session.save()
    except SessionError:
        session.close()
        shutil.rmtree(staging, ignore_errors=True)
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
    directory = default_directory(video)
    try:
        if directory.exists():
            return False
        os.rename(staging, directory)
    except OSError as error:
        if directory.exists():
            return False
        raise SessionError(
            f"Cannot make {directory} ({error.strerror or error}): make room or grant access there."
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return True
