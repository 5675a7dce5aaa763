"""The video of a session: how it is recognised, and how many frames it has."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from napari_tavis.core.errors import SessionError

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


def count_frames(video: Path) -> int:
    """Count the frames of a video."""
    from napari_tavis.media import open_clip  # decodes; needed only where nobody has counted

    with open_clip(video) as clip:
        return len(clip.times)
