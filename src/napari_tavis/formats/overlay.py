"""An mp4 with the masks drawn over the video, and its sound: to look at, and to show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.avsbench.errors import ClipExistsError
from napari_tavis.formats.tracks import Tracks
from napari_tavis.inference.overlay import OverlayMask, draw_masks
from napari_tavis.media import Clip, frames_at, write_video
from napari_tavis.media.timebase import frame_rate
from napari_tavis.tasks import CancelToken, Progress, no_progress

_SOUND_RATE = 48_000


def overlay_file(root: Path, name: str) -> Path:
    """Give the file of an overlay video."""
    return root / f"{name}.mp4"


def write_overlay(
    root: Path,
    name: str,
    tracks: Tracks,
    clip: Clip,
    *,
    overwrite: bool = False,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Path:
    """Draw the masks over every frame of a video, and keep its sound.

    An annotated frame is filled in the colours of the classes. The frames between two of them
    show the masks of the nearer one as outlines, so that nobody takes them for annotations.
    Frames and sound are streamed: a long video costs time, not memory.

    Parameters
    ----------
    root : Path
        The folder, which is made where it does not exist.
    name : str
        Name of the file, without ``.mp4``.
    tracks : Tracks
        What is drawn.
    clip : Clip
        The video, open.
    overwrite : bool
        Replace a file of the same name.
    progress, cancel
        Of the job.

    Returns
    -------
    Path
        The file; it appears whole or not at all.

    Raises
    ------
    ClipExistsError
        If there is such a file and `overwrite` is False.
    MediaError
        If the video cannot be read, or the file cannot be written.
    """
    target = overlay_file(root, name)
    if target.exists() and not overwrite:
        raise ClipExistsError(name, "overlay", str(root))
    root.mkdir(parents=True, exist_ok=True)
    rate = frame_rate(clip.times, clip.duration)
    count = max(1, round(clip.duration * rate))
    shown = frames_at(clip.times, np.arange(count) / float(rate))
    drawn = _drawn(tracks, clip, shown, progress, cancel or CancelToken())
    sound = None
    if clip.has_soundtrack:
        sound = clip.sound_blocks(sample_rate=_SOUND_RATE, channels=2)
    return write_video(target, drawn, rate, sound, _SOUND_RATE)


def _drawn(
    tracks: Tracks,
    clip: Clip,
    shown: npt.NDArray[np.intp],
    progress: Progress,
    cancel: CancelToken,
) -> Iterator[npt.NDArray[np.uint8]]:
    """Draw the frames one by one; masks are decoded once for a run of frames that share them."""
    stands_for = nearest_annotated(tracks.frames, clip.times)[shown]
    held, masks = -1, []
    for done, (frame, annotated) in enumerate(zip(shown, stands_for, strict=True)):
        cancel.check()
        progress(done, len(shown), "drawing")
        if annotated != held:
            held, masks = int(annotated), list(tracks.masks(int(annotated)))
        exact = int(frame) == held
        drawn = [
            OverlayMask(mask, track.item.color, track.item.class_name, filled=exact)
            for track, mask in masks
        ]
        yield draw_masks(np.asarray(clip.frames[int(frame)]), drawn)


def nearest_annotated(
    frames: Sequence[int], times: npt.NDArray[np.float64]
) -> npt.NDArray[np.intp]:
    """Find for every frame of a video the annotated one that is nearest in time.

    Parameters
    ----------
    frames : sequence of int
        The annotated frames, ascending; at least one.
    times : ndarray of float64, shape (n,)
        Presentation times of all frames, in seconds.

    Returns
    -------
    ndarray of intp, shape (n,)
        Frame indices; the earlier of two that are as near.
    """
    annotated = np.asarray(frames, dtype=np.intp)
    middles = (times[annotated[1:]] + times[annotated[:-1]]) / 2
    return annotated[np.searchsorted(middles, times, side="left")]
