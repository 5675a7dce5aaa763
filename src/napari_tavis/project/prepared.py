"""Sessions made in advance: complete on the disk before anybody can see them.

A session is written to a hidden file beside the video and then renamed, so that whoever opens the
video meanwhile finds either no session or a complete one. A session that exists already is never
touched.
"""

from __future__ import annotations

import os
from contextlib import closing, suppress
from pathlib import Path

from napari_tavis.annotation import (
    AnnotationSession,
    SessionError,
    default_path,
    find_session,
    holds_session,
)
from napari_tavis.annotation.proposals import Proposals


def staging_path(video: Path) -> Path:
    """Return the hidden file in which a video's session is prepared."""
    return video.with_name(f".{video.name}.ahead")


def prepare_session(video: Path, proposals: Proposals) -> Path:
    """Write the session of a video to its staging file, and return that for `publish_session`.

    What an earlier run has left there is replaced. Raises `SessionError` if the disk refuses;
    nothing is left behind then.
    """
    staging = staging_path(video)
    _discard(staging)
    session = AnnotationSession.create(video, proposals, path=staging)
    try:
        with closing(session):
            session.save()
    except SessionError:
        _discard(staging)
        raise
    return staging


def publish_session(video: Path, staging: Path) -> bool:
    """Move a prepared session into its place in one step.

    Returns False where the video has got a session meanwhile: that one stays, the prepared one
    goes. Raises `SessionError` if the disk refuses; nothing is left behind then.
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
        _discard(staging)
    return True


def _move(staging: Path, path: Path) -> None:
    # A hard link fails where the name is taken; a rename would replace what is there.
    try:
        os.link(staging, path)
    except FileExistsError:
        raise
    except OSError:  # a disk without hard links
        if path.exists():
            raise FileExistsError(path) from None
        os.rename(staging, path)


def _discard(staging: Path) -> None:
    for path in (staging, staging.with_name(f"{staging.name}-journal")):
        with suppress(OSError):
            path.unlink()
