"""Which streams a file holds, read from ffmpeg's own listing of its input."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from napari_tavis.media import ffmpeg
from napari_tavis.media.errors import (
    DecodingError,
    EmptyFileError,
    MissingFileError,
    NoPictureError,
    NotAVideoError,
)

_STREAM = re.compile(
    r"^\[info\] +Stream #0:(?P<index>\d+)(?:\[0x[0-9a-f]+\])?(?:\([^)]*\))?: "
    r"(?P<kind>Video|Audio): (?P<codec>[\w-]+)(?P<rest>.*)$"
)
_DURATION = re.compile(
    r"^\[info\] +Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?), start: (-?\d+(?:\.\d+)?)"
)
# What mp4 and mov files begin with, whole or not.
_MP4_BOXES = (b"ftyp", b"mdat", b"wide", b"free", b"skip")
# Cover pictures and thumbnails are "video" to ffmpeg, but no moving picture.
_STILL = ("(attached pic)", "(still image)", "(timed thumbnails)")


@dataclass(frozen=True)
class Stream:
    """One stream of a file: its index in the file, its codec, and whether it is the default."""

    index: int
    codec: str
    default: bool


@dataclass(frozen=True)
class Listing:
    """The streams of a file that count here.

    Attributes
    ----------
    video, audio : tuple of Stream
        Moving pictures and sound tracks, in the file's order.
    duration : float or None
        Length in seconds as the file states it, where it does.
    complaints : tuple of str
        What ffmpeg found wrong with the file's structure.
    """

    video: tuple[Stream, ...]
    audio: tuple[Stream, ...]
    duration: float | None
    complaints: tuple[str, ...]

    @property
    def picture(self) -> Stream:
        """The video stream to show: the default one, else the first."""
        return next((stream for stream in self.video if stream.default), self.video[0])

    @property
    def sound(self) -> Stream | None:
        """The sound track to hear: the default one, else the first, else None."""
        first = self.audio[0] if self.audio else None
        return next((stream for stream in self.audio if stream.default), first)


def probe(path: Path) -> Listing:
    """List the streams of a file.

    Parameters
    ----------
    path : Path
        Any file.

    Returns
    -------
    Listing
        At least one video stream.

    Raises
    ------
    MissingFileError
        If there is no such file, or it cannot be read.
    EmptyFileError
        If it has no content.
    NotAVideoError
        If it is of no known video format, or damaged beyond use.
    NoPictureError
        If it holds no moving picture.
    DecodingError
        If ffmpeg itself breaks down on it.
    """
    _check_readable(path)
    result = ffmpeg.run(ffmpeg.input_arguments(path))
    listing = parse(result.log)
    if result.crashed:
        raise DecodingError(
            f"ffmpeg broke down while it opened {path}; update imageio-ffmpeg (pip install -U "
            f"imageio-ffmpeg), or convert the file to mp4."
        )
    if listing is None:
        raise NotAVideoError(_unreadable(path, ffmpeg.complaints(result.log)))
    if not listing.video:
        held = "holds sound but no moving picture" if listing.audio else "holds no moving picture"
        raise NoPictureError(f"{path} {held}; choose a video file.")
    return listing


def parse(log: tuple[str, ...]) -> Listing | None:
    """Read the input's streams off ffmpeg's log; None where it could not open the input."""
    begin = next((n for n, line in enumerate(log) if line.startswith("[info] Input #0,")), None)
    if begin is None:
        return None
    found: dict[str, list[Stream]] = {"Video": [], "Audio": []}
    duration = None
    for line in log[begin + 1 :]:
        if line.startswith(("[info] Stream mapping:", "[info] Output #")):
            break
        if match := _STREAM.match(line):
            if not any(mark in match["rest"] for mark in _STILL):
                stream = Stream(int(match["index"]), match["codec"], "(default)" in match["rest"])
                found[match["kind"]].append(stream)
        elif match := _DURATION.match(line):
            end = int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])
            # Some formats mean the time of the end by it, so count from the beginning.
            duration = end - max(0.0, float(match[4]))
    said = tuple(ffmpeg.complaints(log[:begin]))
    return Listing(tuple(found["Video"]), tuple(found["Audio"]), duration, said)


def _check_readable(path: Path) -> None:
    """Raise where the path is no file with content that may be read."""
    try:
        if path.is_dir():
            raise MissingFileError(f"{path} is a folder; choose a video file.")
        if not path.exists():
            raise MissingFileError(f"{path} does not exist; check the name.")
        if not path.is_file():
            raise MissingFileError(f"{path} is not a regular file; choose a video file.")
        if path.stat().st_size == 0:
            raise EmptyFileError(f"{path} is empty; copy or record it again.")
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MissingFileError(f"{str(path)!r} cannot be read: {reason}.") from error


def _unreadable(path: Path, said: list[str]) -> str:
    """Say in one sentence why ffmpeg could not open a file."""
    with path.open("rb") as file:
        begin = file.read(8)
    if begin[4:] in _MP4_BOXES and any("moov atom not found" in line for line in said):
        return (
            f"{path} is incomplete: it was cut off before its index was written, so that no "
            f"frame can be found in it; copy or record it again."
        )
    return (
        f"{path} is not a video file that can be read, or is damaged; choose another, for "
        f"example mp4, mov, mkv, webm, avi or gif."
    )
