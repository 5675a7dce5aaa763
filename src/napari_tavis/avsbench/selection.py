"""What of a session is exported: its objects, the frames that are annotated, the stretch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_tavis.avsbench.errors import DatasetError
from napari_tavis.session import AnnotationSession, FrameStatus, SessionObject
from napari_tavis.vocabulary import BACKGROUND

MaskSource: TypeAlias = Literal["scene", "objects", "accepted"]
"""The scene mask, all objects, or those alone that a person stands behind."""

FRAME_OFFSET = 15 / 16
"""AVSBench's frame of a second is the last of its 16 samples."""

STEP = 1.0
"""Seconds from one frame of AVSBench to the next."""


def exportable_objects(session: AnnotationSession) -> list[SessionObject]:
    """Give the objects that may be exported: never a rejected or a background one."""
    return [
        item
        for item in session.objects
        if item.kind == "object" and item.takes_part and item.class_name != BACKGROUND
    ]


def is_accepted(
    session: AnnotationSession, object_id: int, frames: Collection[int] | None = None
) -> bool:
    """Tell whether a person stands behind all masks of an object.

    Parameters
    ----------
    session : AnnotationSession
        The session.
    object_id : int
        The object.
    frames : collection of int or None
        The frames that matter; all by default.

    Returns
    -------
    bool
        Whether it has a status in one of these frames, and each is edited or accepted.
    """
    statuses = [
        status
        for frame, status in session.statuses(object_id).items()
        if frames is None or frame in frames
    ]
    return bool(statuses) and all(status.by_person for status in statuses)


def by_person(status: FrameStatus | None) -> bool:
    """Tell whether a person stands behind a mask of this status."""
    return status is not None and status.by_person


def scene_object(session: AnnotationSession) -> SessionObject | None:
    """Give the mask of everything that sounds, where the session has one that takes part."""
    scenes = (item for item in session.objects if item.kind == "scene" and item.takes_part)
    return next(scenes, None)


def check_stretch(
    session: AnnotationSession, start: float, count: int, duration: float, size: tuple[int, int]
) -> None:
    """Refuse a stretch that is not in the video; its end may be missing by half a second.

    AVSBench takes the last frame where a video is a little short. More would repeat a frame
    under a sound that has ended, which is wrong data.

    Raises
    ------
    DatasetError
        If the stretch is not in the video, or the video is not the one that was annotated.
    """
    if start != int(start) or start < 0:
        raise DatasetError(f"A clip starts at a whole second, not at {start:g} s.")
    if start + count - STEP + FRAME_OFFSET - STEP / 2 > duration:
        raise DatasetError(
            f"{session.video.name} lasts {duration:.2f} s, but a clip of {count} s from "
            f"{start:g} s on was asked for: choose an earlier start or a subset of shorter clips."
        )
    if tuple(size) != tuple(session.frame_size):
        raise DatasetError(
            f"{session.video} has frames of {size[1]} x {size[0]} pixels, but the session "
            f"{session.frame_size[1]} x {session.frame_size[0]}: put the annotated video back."
        )


def annotated_frames(
    session: AnnotationSession,
    known: npt.NDArray[np.intp],
    frames: npt.NDArray[np.intp],
    times: npt.NDArray[np.float64],
) -> npt.NDArray[np.intp]:
    """Find for each wanted frame the annotated one that stands for it: mostly itself.

    If the wanted frame is not annotated, the nearest one is taken that is no more than half a
    sampling step away: picture and mask both, so that they belong together.

    Parameters
    ----------
    session : AnnotationSession
        The session.
    known : ndarray of intp, shape (K,)
        The annotated frames, as `known_frames` gives them.
    frames : ndarray of intp, shape (T,)
        The frames that are wanted.
    times : ndarray of float64, shape (n,)
        Presentation times of the video's frames, in seconds.

    Raises
    ------
    DatasetError
        If a wanted frame has no annotated one near it; names the times.
    """
    if known.size == 0:
        raise _not_annotated(session, times[frames])
    steps = np.diff(np.sort(np.asarray(session.frame_times, dtype=np.float64)))
    reach = min(STEP, float(np.median(steps)) if steps.size else STEP) / 2 + 1e-6
    distance = np.abs(times[known][None, :] - times[frames][:, None])
    nearest = distance.argmin(axis=1)
    lacking = distance[np.arange(len(frames)), nearest] > reach
    if lacking.any():
        raise _not_annotated(session, times[frames][lacking])
    return known[nearest]


def known_frames(
    session: AnnotationSession, objects: Sequence[SessionObject], scene: SessionObject | None
) -> npt.NDArray[np.intp]:
    """List the frames whose annotation is whole: sampled, or every object (or the scene) in it."""
    known = {int(index) for index in session.frame_indices}
    if objects:
        known |= set.intersection(
            *(set(session.annotated_frames(item.object_id)) for item in objects)
        )
    if scene is not None:
        known |= set(session.annotated_frames(scene.object_id))
    return np.array(sorted(known), dtype=np.intp)


def _not_annotated(session: AnnotationSession, lacking: Iterable[float]) -> DatasetError:
    listed = ", ".join(f"{time:.2f} s" for time in lacking)
    return DatasetError(
        f"The session of {session.video.name} has no annotation at {listed}: segment the video at "
        "1 frame per second, or paint every object in these frames, then export."
    )
