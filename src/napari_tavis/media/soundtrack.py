"""Soundtracks: decoded, mixed to the channels and the rate asked for, aligned to the picture."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.media import ffmpeg
from napari_tavis.media.decoder import seeking_arguments
from napari_tavis.media.timebase import SAMPLE_RATE, played_samples, sample_at

BLOCK_SECONDS = 10.0
"""Length of the blocks in which a soundtrack is decoded when it is not wanted whole."""

_LAYOUTS = {1: "mono", 2: "stereo"}

_RUN_UP = 1
"""Seconds decoded before the place asked for: codecs need a few packets to come in."""


def read_soundtrack(
    path: Path,
    stream: int | None,
    origin: Fraction,
    duration: float,
    sample_rate: int = SAMPLE_RATE,
    channels: int = 1,
) -> npt.NDArray[np.float32]:
    """Decode a soundtrack onto the picture's clock, all at once.

    Channels are mixed down by ffmpeg's standard coefficients, scaled so that their sum is 1:
    mono is the mean of left and right. Nothing can clip, and nothing that sounds on one side
    only is lost.

    Parameters
    ----------
    path : Path
        The file.
    stream : int or None
        Index of the sound stream in the file; None for silence.
    origin : Fraction
        Time of the first video frame on the container's clock, in seconds.
    duration : float
        Seconds to give, from the first video frame on.
    sample_rate : int
        Samples per second to give.
    channels : int
        1 or 2.

    Returns
    -------
    ndarray of float32, shape (samples,) or (samples, 2)
        Sound in [-1, 1]. Sample 0 is heard when the first frame appears; silence where the
        sound begins later, has gaps, ends earlier, or cannot be decoded.
    """
    blocks = sound_blocks(
        path, stream, origin, 0.0, duration, sample_rate, channels, block_seconds=duration
    )
    return next(blocks, np.zeros((0,) if channels == 1 else (0, channels), dtype=np.float32))


def sound_blocks(
    path: Path,
    stream: int | None,
    origin: Fraction,
    start: float,
    stop: float,
    sample_rate: int = SAMPLE_RATE,
    channels: int = 1,
    speed: float = 1.0,
    block_seconds: float = BLOCK_SECONDS,
) -> Iterator[npt.NDArray[np.float32]]:
    """Decode a stretch of a soundtrack in blocks, so that its length costs no memory.

    Parameters
    ----------
    path, stream, origin, sample_rate, channels
        As in `read_soundtrack`.
    start, stop : float
        The stretch, in seconds from the first video frame.
    speed : float
        How fast it is to be played, 0.5 to 2; the pitch stays.
    block_seconds : float
        Length of a block as it is heard; the last one may be shorter.

    Yields
    ------
    ndarray of float32, shape (samples,) or (samples, 2)
        Sound in [-1, 1]: together ``(stop - start) / speed`` seconds. What `read_soundtrack`
        says of silence and of mixing holds here.
    """
    left = played_samples(start, stop, sample_rate, speed)
    size = max(1, sample_at(block_seconds, sample_rate))
    with contextlib.ExitStack() as stack:
        process = None
        if stream is not None and left:
            arguments = _arguments(path, stream, origin, start, sample_rate, channels, speed)
            process = stack.enter_context(_running(arguments))
        while left:
            block = np.zeros((min(size, left), channels), dtype="<f4")
            if process is not None:
                ffmpeg.fill(process, block)
            left -= len(block)
            np.nan_to_num(block, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
            np.clip(block, -1.0, 1.0, out=block)
            yield block[:, 0] if channels == 1 else block


@contextlib.contextmanager
def _running(arguments: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run ffmpeg as long as its output is read."""
    with tempfile.TemporaryFile() as log:
        process = ffmpeg.start(arguments, stdout=subprocess.PIPE, stderr=log.fileno())
        try:
            yield process
        finally:
            # What outlasts the picture, or is not wanted any more, is not read.
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _arguments(
    path: Path,
    stream: int,
    origin: Fraction,
    start: float,
    sample_rate: int,
    channels: int,
    speed: float,
) -> list[str]:
    """Give ffmpeg's arguments for the sound from a time on, in raw float32."""
    first = sample_at(start, sample_rate)
    seek = None if start <= _RUN_UP else origin + Fraction(start).limit_denominator(1000) - _RUN_UP
    filters = [
        f"asetpts=PTS-({origin.numerator}/{origin.denominator})/TB",
        f"aresample={sample_rate}:rematrix_maxval=1",
        # a filter of its own, because it counts first_pts in samples of what comes in
        f"aresample=async=1:first_pts={first}:rematrix_maxval=1",
        f"aformat=sample_fmts=flt:channel_layouts={_LAYOUTS[channels]}",
    ]
    if speed != 1.0:
        filters.append(f"atempo={speed}")
    return [
        *seeking_arguments(seek),
        *ffmpeg.input_arguments(path),
        *("-map", f"0:{stream}", "-af", ",".join(filters), "-f", "f32le", "pipe:1"),
    ]


def can_be_decoded(path: Path, stream: int) -> bool:
    """Say whether a sound stream gives any sound at all."""
    result = ffmpeg.run(
        [
            *ffmpeg.input_arguments(path),
            *("-map", f"0:{stream}", "-frames:a", "1", "-f", "f32le", "pipe:1"),
        ]
    )
    return bool(result.output)
