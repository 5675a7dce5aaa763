"""How ffmpeg is called: the program, safe arguments, and what it says.

File names reach ffmpeg as absolute paths behind ``file:``, so that none is ever taken for an
option or a protocol. Only container formats that hold their media themselves are opened:
playlists and scripts, which name other files, are not.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_tavis.media.errors import FfmpegMissingError

DEMUXERS = (
    "mov,matroska,avi,mpegts,mpeg,mpegvideo,h264,hevc,vvc,ivf,obu,av1,flv,live_flv,asf,ogg,gif,nut,"
    "mxf,mxf_opatom,m4v,rm,dv,wtv,yuv4mpegpipe,3g2,swf,nsv,amv,gxf,mjpeg,h263,"
    # Sound alone: opened only so that the message can say so.
    "wav,w64,mp3,flac,aac,aiff,au,caf,ape,ac3,eac3,amr,dts,tta,wv,opus"
)
"""ffmpeg's input formats that hold their media themselves."""

_OLDEST = (5, 1)
"""The first version that has ``-fps_mode``."""

_LOG = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "repeat+level+info")
_LEVEL = re.compile(
    r"^(?P<from>(?:\[[^\[\]]* @ 0x[0-9a-f]+\] )*)"
    r"\[(?P<level>warning|error|fatal|panic)\] (?P<said>.*)$"
)
# What is said of our own output is no word about the file: it may dislike the file's times.
_OUTPUTS = ("[null", "[framecrc", "[rawvideo", "[f32le", "[out#", "[vost#", "[aost#")


@lru_cache(maxsize=1)
def executable() -> str:
    """Find the ffmpeg that comes with imageio-ffmpeg.

    Returns
    -------
    str
        Path of the program (``IMAGEIO_FFMPEG_EXE``, where that is set).

    Raises
    ------
    FfmpegMissingError
        If there is none, or it is too old.
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


def input_arguments(path: Path) -> list[str]:
    """Give the arguments that open an untrusted file, and nothing but that file.

    Time stamps are passed through as the container has them, so that all runs over one file
    speak of the same times.
    """
    return [
        *("-protocol_whitelist", "file", "-format_whitelist", DEMUXERS),
        *("-copyts", "-i", url(path)),
    ]


def command(*arguments: str) -> list[str]:
    """Give a whole command line: the program, its logging, and `arguments`."""
    return [executable(), *_LOG, *arguments]


def environment() -> dict[str, str]:
    """Give the environment for ffmpeg, without what would colour or redirect its log."""
    kept = {name: value for name, value in os.environ.items() if name != "FFREPORT"}
    return {**kept, "AV_LOG_FORCE_NOCOLOR": "1"}


def start(
    arguments: Sequence[str],
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
    stderr: int = subprocess.PIPE,
) -> subprocess.Popen[bytes]:
    """Start ffmpeg with `command` of some arguments.

    Raises
    ------
    FfmpegMissingError
        If the program does not start.
    """
    # On Windows a console program would open a window of its own.
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        return subprocess.Popen(
            command(*arguments),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=environment(),
            creationflags=flags,
        )
    except OSError as error:
        raise FfmpegMissingError(f"ffmpeg at {executable()} does not start: {error}.") from error


@dataclass(frozen=True)
class Result:
    """What one finished run of ffmpeg gave: its exit code, standard output, and log lines."""

    code: int
    output: bytes
    log: tuple[str, ...]

    @property
    def crashed(self) -> bool:
        """Whether the program itself broke down (a signal, or Windows' like)."""
        return self.code < 0 or self.code > 255

    @property
    def complaints(self) -> list[str]:
        """What ffmpeg found wrong, in order."""
        return complaints(self.log)


def run(arguments: Sequence[str]) -> Result:
    """Run ffmpeg to its end.

    Parameters
    ----------
    arguments : sequence of str
        Arguments after those of `command`.

    Returns
    -------
    Result
        Exit code, standard output and log.

    Raises
    ------
    FfmpegMissingError
        If the program does not start.
    """
    with start(arguments, stdout=subprocess.PIPE) as process:
        output, log = process.communicate()
        return Result(process.returncode, output, tuple(text(log).splitlines()))


def fill(process: subprocess.Popen[bytes], target: npt.NDArray[Any]) -> bool:
    """Read a process's output into an array.

    Parameters
    ----------
    process : Popen
        Started with a pipe as its standard output.
    target : ndarray
        C-contiguous; filled with the bytes as they come.

    Returns
    -------
    bool
        Whether it was filled; False if the output ended before.
    """
    assert process.stdout is not None
    room = memoryview(target.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
    while room:
        count = process.stdout.readinto(room)  # type: ignore[attr-defined]
        if not count:
            return False
        room = room[count:]
    return True


def text(log: bytes) -> str:
    """Decode ffmpeg's log, whatever bytes the file's tags put into it."""
    return log.decode("utf-8", errors="replace")


def complaints(log: Iterable[str]) -> list[str]:
    """Pick what ffmpeg found wrong, without its prefixes, each once, in order.

    These are its errors, and its warnings of packets that are damaged or cut off.
    """
    found = [match for line in log if (match := _LEVEL.match(line))]
    return list(
        dict.fromkeys(
            match["said"].strip()
            for match in found
            if not match["from"].startswith(_OUTPUTS)
            and (match["level"] != "warning" or "corrupt" in match["said"])
        )
    )
