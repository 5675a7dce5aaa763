"""How ffmpeg is called to write videos: the program, safe names, and its error messages."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from napari_tavis.core.errors import FfmpegMissingError

_OLDEST = (5, 1)  # the first version that has ``-fps_mode``
# How ffmpeg ends where a disk is full, or its file may not grow.
NO_ROOM = frozenset(
    [
        *(256 - number for number in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)),
        *(-number for number in signal.Signals if number.name == "SIGXFSZ"),
    ]
)

_LOG = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "repeat+level+info")
_LEVEL = re.compile(r"^(?:\[[^\[\]]* @ 0x[0-9a-f]+\] )*\[(?:error|fatal|panic)\] (?P<said>.*)$")


@lru_cache(maxsize=1)
def executable() -> str:
    """Give the path of the ffmpeg that comes with imageio-ffmpeg, or of ``IMAGEIO_FFMPEG_EXE``.

    `FfmpegMissingError` if there is none, or it is too old.
    """
    import imageio_ffmpeg

    try:
        program, version = imageio_ffmpeg.get_ffmpeg_exe(), imageio_ffmpeg.get_ffmpeg_version()
    except (RuntimeError, OSError, IndexError) as error:
        raise FfmpegMissingError(
            f"No ffmpeg was found that starts ({error}): reinstall imageio-ffmpeg, or set "
            f"IMAGEIO_FFMPEG_EXE to the path of an ffmpeg program."
        ) from error
    release = re.match(r"n?(\d+)\.(\d+)", version)
    if release and (int(release[1]), int(release[2])) < _OLDEST:
        raise FfmpegMissingError(
            f"The ffmpeg at {program} is version {version}, which is too old: update "
            f"imageio-ffmpeg (pip install -U imageio-ffmpeg)."
        )
    return str(program)


def url(path: Path) -> str:
    """Name a file to ffmpeg so that nothing in its name can mean anything else."""
    return f"file:{path.absolute()}"


def start(arguments: Sequence[str], log: int) -> subprocess.Popen[bytes]:
    """Start ffmpeg with a pipe as its input; its messages go to the file descriptor `log`.

    `FfmpegMissingError` if the program does not start.
    """
    # What would redirect or colour the log stays out of the environment.
    kept = {name: value for name, value in os.environ.items() if name != "FFREPORT"}
    # On Windows a console program would open a window of its own.
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        return subprocess.Popen(
            [executable(), *_LOG, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env={**kept, "AV_LOG_FORCE_NOCOLOR": "1"},
            creationflags=flags,
        )
    except OSError as error:
        raise FfmpegMissingError(f"ffmpeg at {executable()} does not start: {error}.") from error


def text(log: bytes) -> str:
    """Decode ffmpeg's log, whatever bytes the file's tags put into it."""
    return log.decode("utf-8", errors="replace")


def complaints(log: Iterable[str]) -> list[str]:
    """Pick ffmpeg's errors, without its prefixes, each once, in order."""
    found = [match for line in log if (match := _LEVEL.match(line))]
    return list(dict.fromkeys(match["said"].strip() for match in found))
