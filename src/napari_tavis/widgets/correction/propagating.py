"""Following an object through the video with SAM 2's memory, in a job's thread. No Qt here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from napari_tavis.annotation.masks import Mask
from napari_tavis.core.tasks import CancelToken, Progress
from napari_tavis.widgets.correction.encoders import FrameEncoders
from napari_tavis.widgets.correction.plan import Plan
from napari_tavis.widgets.work import SegmentOptions

LABEL = "Propagate"
"""What a propagation is called in the list of steps to undo."""


def follow(
    encoders: FrameEncoders,
    video: Path,
    options: SegmentOptions,
    plan: Plan,
    progress: Progress,
    cancel: CancelToken,
) -> Iterator[tuple[int, Mask, float | None]]:
    """Find the object in all frames of a plan.

    Parameters
    ----------
    encoders : FrameEncoders
        Gives the encoder of the video's frames.
    video : Path
        The open video.
    options : SegmentOptions
        Names the model and the device.
    plan : Plan
        From where to where.
    progress, cancel
        Of the job.

    Yields
    ------
    frame : int
        A frame of the plan.
    mask : ndarray of bool, shape (H, W)
        The object's mask; empty where it is not there.
    score : float
        How sure the model is, 0 to 1.
    """
    encoder = encoders.get(video, options, progress, cancel)
    from napari_tavis.engine.propagation import propagate

    progress(0, len(plan.frames), "following the object")
    yield from propagate(encoder, plan.conditions, plan.frames, cancel=cancel)
