"""Soundtracks: decoded, mixed to the channels and the rate asked for, aligned to the picture."""

from __future__ import annotations

import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.media import ffmpeg
from napari_tavis.media.timebase import SAMPLE_RATE, sample_at

_LAYOUTS = {1: "mono", 2: "stereo"}


def read_soundtrack(
    path: Path,
    stream: int,
    origin: Fraction,
    duration: float,
    sample_rate: int = SAMPLE_RATE,
    channels: int = 1,
) -> npt.NDArray[np.float32]:
    """Decode a soundtrack onto the picture's clock.

    Channels are mixed down by ffmpeg's standard coefficients, scaled so that their sum is 1:
    mono is the mean of left and right. Nothing can clip, and nothing that sounds on one side
    only is lost.

    Parameters
    ----------
    path : Path
        The file.
    stream : int
        Index of the sound stream in the file.
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
    count = sample_at(duration, sample_rate)
    sound = np.zeros((count, channels), dtype="<f4")
    filters = (
        f"asetpts=PTS-({origin.numerator}/{origin.denominator})/TB,"
        f"aresample={sample_rate}:async=1:first_pts=0:rematrix_maxval=1,"
        f"aformat=sample_fmts=flt:channel_layouts={_LAYOUTS[channels]}"
    )
    arguments = [
        *ffmpeg.input_arguments(path),
        *("-map", f"0:{stream}", "-af", filters, "-f", "f32le", "pipe:1"),
    ]
    with tempfile.TemporaryFile() as log:
        process = ffmpeg.start(arguments, stdout=subprocess.PIPE, stderr=log.fileno())
        try:
            ffmpeg.fill(process, sound)
        finally:
            # What outlasts the picture is not read.
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
    np.nan_to_num(sound, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
    return np.clip(sound, -1.0, 1.0, out=sound)[:, 0] if channels == 1 else sound


def can_be_decoded(path: Path, stream: int) -> bool:
    """Say whether a sound stream gives any sound at all."""
    result = ffmpeg.run(
        [
            *ffmpeg.input_arguments(path),
            *("-map", f"0:{stream}", "-frames:a", "1", "-f", "f32le", "pipe:1"),
        ]
    )
    return bool(result.output)
