"""What of a session is exported: its objects, the frames that are annotated, the stretch.

"By a person" means edited or accepted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from napari_tavis.annotation import AnnotationSession, FrameStatus, SessionObject
from napari_tavis.annotation.objects import ObjectState
from napari_tavis.core.errors import DatasetError
from napari_tavis.core.vocabulary import BACKGROUND
from napari_tavis.datasets.avsbench.layout import FRAME_OFFSET, STEP
from napari_tavis.datasets.names import check_text

# the scene mask, all objects, or only those a person has checked throughout
MaskSource: TypeAlias = Literal["scene", "objects", "accepted"]
MASK_SOURCES: tuple[MaskSource, ...] = get_args(MaskSource)


def refuse_nameless(session: AnnotationSession, objects: Sequence[SessionObject]) -> None:
    """Refuse objects without a class, or with one that no file could hold: `DatasetError`.

    An object restored from the background has none yet.
    """
    for item in objects:
        check_text(item.class_name, "class")
    nameless = [item for item in objects if item.class_name == BACKGROUND]
    if nameless:
        listed = ", ".join(_where(session, item) for item in nameless)
        raise DatasetError(
            f"{listed} of {session.video.name} {'has' if len(nameless) == 1 else 'have'} no class "
            "and would be left out: give each one a class, or reject it, then export."
        )


def _where(session: AnnotationSession, item: SessionObject) -> str:
    frames = session.annotated_frames(item.object_id)
    place = f" (first in frame {frames[0]})" if frames else ""
    return f"Object {item.object_id}{place}"


def is_accepted(
    session: AnnotationSession, object_id: int, frames: Collection[int] | None = None
) -> bool:
    """Say whether a person edited or accepted all masks that an object has in some frames.

    False if it has none there. All its frames count by default.
    """
    statuses = [
        status
        for frame, status in session.statuses(object_id).items()
        if frames is None or frame in frames
    ]
    return bool(statuses) and all(status.by_person for status in statuses)


def by_person(status: FrameStatus | None) -> bool:
    return status is not None and status.by_person


def scene_object(session: AnnotationSession) -> SessionObject | None:
    """Return the mask of everything that sounds, where the session has one that takes part."""
    scenes = (item for item in session.objects if item.kind == "scene" and item.takes_part)
    return next(scenes, None)


def unchecked_frames(
    session: AnnotationSession,
    exported: Sequence[SessionObject],
    scene: SessionObject | None,
    frames: Iterable[int],
) -> tuple[int, ...]:
    """Return those of the frames to be labelled whose labels nobody has checked.

    A frame is checked where a person edited or accepted something in it, and nothing that is
    exported is a mere proposal there. What the model did not find, an object or anything at all,
    has no status of its own: with the frame's other objects it counts as looked at, and a frame
    without any as checked if the video is marked done, every object is accepted throughout, or all
    objects were rejected. The scene mask, if that is what is exported, counts alone in frames
    where a person edited or accepted it.
    """
    judged = session.active_objects
    if scene is not None:
        judged.append(scene)
    statuses = {item.object_id: session.statuses(item.object_id) for item in judged}
    silence = _silence_is_checked(session, judged)

    def is_checked(frame: int) -> bool:
        if scene is not None and by_person(statuses[scene.object_id].get(frame)):
            return True
        shown = [statuses[item.object_id].get(frame) for item in exported]
        if any(status is FrameStatus.PROPOSED for status in shown):
            return False
        there = [found[frame] for found in statuses.values() if frame in found]
        return any(status.by_person for status in there) or (not there and silence)

    return tuple(frame for frame in frames if not is_checked(frame))


def _silence_is_checked(session: AnnotationSession, judged: Sequence[SessionObject]) -> bool:
    """Say whether a person confirmed that nothing sounds where no object has a status."""
    if session.done:
        return True
    if judged:
        return all(is_accepted(session, item.object_id) for item in judged)
    return any(item.state is ObjectState.REJECTED for item in session.objects)


# follows `unchecked_text` where proposals are included
AS_TRUTH = "They are written as truth, as requested."


class UncheckedFramesError(DatasetError):
    """A clip needs frames whose labels nobody has checked: `count` of `total`."""

    def __init__(self, name: str, count: int, total: int, first: float) -> None:
        super().__init__(
            f"{unchecked_text(count, total)} of {name}, the first at {first:.2f} s: accept or "
            "correct what the model proposed there, or ask for proposals to be included."
        )
        self.count = count
        self.total = total


def unchecked_text(count: int, total: int) -> str:
    """Say how many frames nobody checked: the beginning of a sentence."""
    return f"Nobody has checked {count} of the {total} annotated frames"


def refuse_silence(
    session: AnnotationSession,
    subset: str,
    objects: Sequence[SessionObject],
    frames: Iterable[int],
    times: npt.NDArray[np.float64],
) -> None:
    """Refuse to write silence where the scene mask says that something sounds: `DatasetError`.

    The model's own scene mask does not count where a person has judged the objects: their
    judgement outranks it. One that a person made or accepted does.
    """
    scene = scene_object(session)
    if scene is None:
        return
    judged = bool(objects) or any(item.state is ObjectState.REJECTED for item in session.objects)
    unexplained = [
        frame
        for frame in frames
        if (by_person(session.status(scene.object_id, frame)) or not judged)
        and session.mask(scene.object_id, frame).any()
        and not any(session.mask(item.object_id, frame).any() for item in objects)
    ]
    if unexplained:
        listed = ", ".join(f"{times[frame]:.2f} s" for frame in unexplained)
        raise DatasetError(
            f"The scene mask of {session.video.name} shows something that sounds at {listed}, but "
            f"no object is there, so {subset} would call it silence: add the objects with their "
            "classes (or export ms3, whose masks need none)."
        )


def check_stretch(
    session: AnnotationSession, start: float, count: int, duration: float, size: tuple[int, int]
) -> None:
    """Refuse a stretch that is not in the video; its end may be missing by half a second.

    AVSBench takes the last frame where a video is a little short. More would repeat a frame under
    a sound that has ended, which is wrong data. Raises `DatasetError`, also if the video is not
    the one that was annotated.
    """
    if not (start >= 0 and float(start).is_integer()):  # also refuses infinity and NaN
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
    """Find for each wanted frame, (T,), the annotated one that stands for it: mostly itself.

    If the wanted frame is not annotated, the nearest of the `known` ones, (K,), is taken that is
    no more than half a sampling step away: picture and mask both, so that they belong together.
    `times` are those of all frames of the video, in seconds. Raises `DatasetError` with the times
    of wanted frames that have no annotated one near them.
    """
    if known.size == 0:
        raise _not_annotated(session, times[frames])
    steps = np.diff(np.sort(np.asarray(session.frame_times, dtype=np.float64)))
    step = min(STEP, float(np.median(steps))) if steps.size else STEP
    reach = step / 2 + 1e-6  # a tolerance for rounded times
    distance = np.abs(times[known][None, :] - times[frames][:, None])
    nearest = distance.argmin(axis=1)
    lacking = distance[np.arange(len(frames)), nearest] > reach
    if lacking.any():
        raise _not_annotated(session, times[frames][lacking])
    return known[nearest]


def known_frames(
    session: AnnotationSession, objects: Sequence[SessionObject], scene: SessionObject | None
) -> npt.NDArray[np.intp]:
    """Return the frames that are fully annotated: sampled, or with every object (or the scene)."""
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
