"""Cutting a stretch out of a video."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np

from napari_tavis.core.errors import EncodingError
from napari_tavis.media.clip import open_clip
from napari_tavis.media.timebase import frame_rate, frames_at, sample_at
from napari_tavis.media.writer import write_video

_SOUND_RATE = 48_000


def extract_segment(source: str | Path, target: str | Path, start: float, seconds: float) -> Path:
    """Write a stretch of a video as an H.264 and AAC mp4 file of constant frame rate.

    Parameters
    ----------
    source : str or Path
        The video.
    target : str or Path
        Where to write; appears whole or not at all, as with `write_video`.
    start : float
        Seconds from the source's first frame.
    seconds : float
        Length. Past the source's end the last frame stands, in silence.

    Returns
    -------
    Path
        `target`. Its frame at time ``t`` is the one that the source shows at ``start + t``;
        its sound (48 kHz stereo) is what is heard then, absent if the source has none.

    Raises
    ------
    MediaError
        If the source cannot be read, the stretch is not within it, or the target cannot be
        written.
    """
    with open_clip(source) as clip:
        if not (np.isfinite([start, seconds]).all() and 0 <= start < clip.duration and seconds > 0):
            raise EncodingError(
                f"{target} was not written: {source} lasts {clip.duration:.2f} s, which has no "
                f"stretch of {seconds} s from {start} s on."
            )
        rate = frame_rate(clip.times, clip.duration)
        count = max(1, round(seconds * rate))
        shown = frames_at(clip.times, start + np.arange(count) / float(rate))
        sound = None
        if clip.has_soundtrack:
            heard = clip.sound_blocks(start, start + seconds, sample_rate=_SOUND_RATE, channels=2)
            left = start + seconds - clip.duration
            silence = np.zeros((max(0, sample_at(left, _SOUND_RATE)), 2), dtype=np.float32)
            sound = chain(heard, [silence] if len(silence) else [])
        pictures = (clip.frames[int(index)] for index in shown)
        return write_video(target, pictures, rate, sound, _SOUND_RATE)
