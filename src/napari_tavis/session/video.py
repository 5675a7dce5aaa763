"""The video of a session: how it is recognised, and where it is found again."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from napari_tavis.session.errors import SessionError

_PROBE = 1 << 20


@dataclass(frozen=True)
class VideoIdentity:
    """How a video is recognised.

    Parameters
    ----------
    name : str
        File name, without a directory.
    size : int
        Size in bytes.
    fingerprint : str
        Hexadecimal digest of the size and of the file's first and last MiB.
    """

    name: str
    size: int
    fingerprint: str

    @classmethod
    def of(cls, video: Path) -> VideoIdentity:
        """Read the identity of a video file.

        Raises
        ------
        SessionError
            If the file cannot be read.
        """
        try:
            with video.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                digest = hashlib.blake2b(str(size).encode(), digest_size=16)
                digest.update(file.read(_PROBE))
                file.seek(max(size - _PROBE, 0))
                digest.update(file.read(_PROBE))
        except OSError as error:
            reason = error.strerror or error
            raise SessionError(f"Cannot read the video {video} ({reason}).") from error
        return cls(video.name, size, digest.hexdigest())


def find_video(identity: VideoIdentity, directory: Path, hint: str) -> tuple[Path, str | None]:
    """Find the video of a session.

    The file of the recorded name beside the session is taken first. A place elsewhere, which
    the session only hints at, is taken if the very file that was annotated lies there.

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
    if beside.is_file():
        return beside, check_video(identity, beside, directory)
    elsewhere = Path(os.path.normpath(directory / hint)) if hint else beside
    if elsewhere.is_file() and _same_content(elsewhere, identity):
        return elsewhere, None
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


def _same_content(video: Path, identity: VideoIdentity) -> bool:
    found = VideoIdentity.of(video)
    return (found.size, found.fingerprint) == (identity.size, identity.fingerprint)


def relative_place(video: Path, directory: Path) -> str:
    """Give a video's place relative to a directory, or absolute where that cannot be said."""
    try:
        return os.path.relpath(video, directory)
    except ValueError:  # another drive
        return str(video)


def count_frames(video: Path) -> int:
    """Count the frames of a video."""
    from napari_tavis.media import open_clip  # decodes; needed only where nobody has counted

    with open_clip(video) as clip:
        return len(clip.times)


def find_session(video: str | os.PathLike[str]) -> Path | None:
    """Find the session of a video: beside it, or under the name that the video had before."""
    beside = Path(video).with_name(Path(video).name + ".tavis")
    return beside if beside.is_dir() else None
