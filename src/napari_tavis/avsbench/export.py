"""From a session to AVSBench data: the frames that AVSBench would take, and their masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_tavis.avsbench.annotation import ClipAnnotation, unknown_classes
from napari_tavis.avsbench.errors import DatasetError
from napari_tavis.avsbench.layout import (
    SEMANTIC_SUBSETS,
    Split,
    Subset,
    check_split,
    check_subset,
    label_count,
    seconds,
    semantic_uid,
)
from napari_tavis.avsbench.names import check_name, suggest_name
from napari_tavis.avsbench.writer import write_clip
from napari_tavis.media import SAMPLE_RATE, frames_at, open_clip, sample_at
from napari_tavis.session import AnnotationSession, FrameStatus, SessionObject
from napari_tavis.tasks import CancelToken, Progress, no_progress
from napari_tavis.vocabulary import BACKGROUND, class_index

MaskSource: TypeAlias = Literal["scene", "objects"]

FRAME_OFFSET = 15 / 16
"""AVSBench's frame of a second is the last of its 16 samples."""

STEP = 1.0
"""Seconds from one frame of AVSBench to the next."""


def export_session(
    session: AnnotationSession,
    root: Path | str,
    subset: str,
    split: str,
    *,
    name: str | None = None,
    start: float = 0.0,
    masks: MaskSource = "scene",
    category: str = "",
    overwrite: bool = False,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Path:
    """Add a stretch of an annotated video to an AVSBench folder.

    Parameters
    ----------
    session : AnnotationSession
        The annotation; it is not changed.
    root : Path or str
        Folder of the dataset, which is made where it does not exist.
    subset : {"s4", "ms3", "v1s", "v1m", "v2"}
        The subset: five seconds, or ten for v2.
    split : {"train", "val", "test"}
        The split.
    name : str or None
        Name of the clip (S4, MS3, v1m) or of its video (v1s, v2, whose uid adds the times). By
        default made from the video's file name, and the times where there are several clips
        to a name, so that the same stretch has matching names in all subsets.
    start : float
        Where the stretch starts in the video: a whole number of seconds.
    masks : {"scene", "objects"}
        What S4 and MS3 get: the mask of everything that sounds, or the union of the objects.
        It is the union, too, where the session has no scene mask, and in frames where a person
        edited or accepted an object but not the scene mask: a person's edit outranks the model.
        Semantic labels are always the objects.
    category : str
        S4's category; the class with the largest area if empty.
    overwrite : bool
        Replace the clip of the same name.
    progress : Progress
        Told about frames.
    cancel : CancelToken or None
        Stops the export, which then leaves nothing behind.

    Returns
    -------
    Path
        Folder of the clip (semantic), or of its frames (S4, MS3).

    Raises
    ------
    DatasetError
        If an object's class is not AVSBench's, a frame that is needed is not annotated, or the
        clip cannot be written. Nothing was written then.
    """
    checked, wanted = check_subset(subset), check_split(split)
    clip = session_clip(
        session,
        checked,
        wanted,
        name=name,
        start=start,
        masks=masks,
        category=category,
        progress=progress,
        cancel=cancel,
    )
    progress(seconds(checked), seconds(checked), "writing")
    return write_clip(root, checked, wanted, clip, overwrite=overwrite, cancel=cancel)


def session_clip(
    session: AnnotationSession,
    subset: Subset,
    split: Split,
    *,
    name: str | None = None,
    start: float = 0.0,
    masks: MaskSource = "scene",
    category: str = "",
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> ClipAnnotation:
    """Cut one clip out of a session, as `export_session` does, without writing it.

    Parameters
    ----------
    session, subset, split, name, start, masks, category, progress, cancel
        As for `export_session`.

    Returns
    -------
    ClipAnnotation

    Raises
    ------
    DatasetError
        As for `export_session`.
    """
    if masks not in ("scene", "objects"):
        raise DatasetError(f"There are no masks {masks!r}: choose scene or objects.")
    objects = _exported_objects(session)
    count, labels = seconds(subset), label_count(subset, split)
    with open_clip(session.video, cancel=cancel) as video:
        _check_stretch(session, start, count, video.duration, video.size)
        frames = frames_at(video.times, start + (np.arange(count) + FRAME_OFFSET) * STEP)
        scene = _scene(session) if masks == "scene" and subset not in SEMANTIC_SUBSETS else None
        known = _known_frames(session, objects, scene)
        frames[:labels] = _annotated(session, known, frames[:labels], video.times)
        pictures = []
        for done, index in enumerate(frames):
            if cancel is not None:
                cancel.check()
            progress(done, count, "reading frames")
            pictures.append(np.asarray(video.frames[int(index)]))
        first = sample_at(start)
        waveform = video.soundtrack()[first : first + count * SAMPLE_RATE]
    class_map = np.zeros((count, *session.frame_size), dtype=np.uint8)
    scene_mask = None if scene is None else np.zeros(class_map.shape, dtype=bool)
    for place, index in enumerate(frames[:labels]):
        class_map[place] = _class_map(session, objects, int(index))
        if scene is not None and scene_mask is not None:
            scene_mask[place] = _scene_mask(session, scene, objects, int(index))
    clip_name, vid = _names(session, subset, name, start)
    return ClipAnnotation(
        name=clip_name,
        vid=vid,
        start=start,
        frames=np.stack(pictures),
        class_map=class_map,
        scene_mask=scene_mask,
        waveform=waveform,
        video=session.video,
        category=category or _main_class(objects, class_map),
        labelled=np.arange(count) < labels,
    )


def _exported_objects(session: AnnotationSession) -> list[SessionObject]:
    """Take the objects that become labels; all of them must have a class of AVSBench."""
    objects = [
        item for item in session.objects if item.kind == "object" and item.class_name != BACKGROUND
    ]
    unknown = unknown_classes(tuple(item.class_name for item in objects))
    if unknown:
        raise DatasetError(
            f"AVSBench has no class for {', '.join(repr(name) for name in unknown)}: give these "
            "objects one of its 70 classes, or remove them, then export."
        )
    return objects


def _scene(session: AnnotationSession) -> SessionObject | None:
    return next((item for item in session.objects if item.kind == "scene"), None)


def _check_stretch(
    session: AnnotationSession, start: float, count: int, duration: float, size: tuple[int, int]
) -> None:
    """Refuse a stretch that is not in the video; its end may be missing by half a second.

    AVSBench takes the last frame where a video is a little short. More would repeat a frame
    under a sound that has ended, which is wrong data.
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


def _annotated(
    session: AnnotationSession,
    known: npt.NDArray[np.intp],
    frames: npt.NDArray[np.intp],
    times: npt.NDArray[np.float64],
) -> npt.NDArray[np.intp]:
    """Find for each wanted frame the annotated one that stands for it: mostly itself.

    If the wanted frame is not annotated, the nearest one is taken that is no more than half a
    sampling step away: picture and mask both, so that they belong together.
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


def _known_frames(
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


def _class_map(
    session: AnnotationSession, objects: Sequence[SessionObject], frame: int
) -> npt.NDArray[np.uint8]:
    """Lay the objects over each other, the largest first, so that small ones stay visible."""
    class_map = np.zeros(session.frame_size, dtype=np.uint8)
    masks = [(session.mask(item.object_id, frame), item) for item in objects]
    for mask, item in sorted(masks, key=lambda pair: -int(pair[0].sum())):
        class_map[mask] = class_index(item.class_name) or 0
    return class_map


def _scene_mask(
    session: AnnotationSession, scene: SessionObject, objects: Sequence[SessionObject], frame: int
) -> npt.NDArray[np.bool_]:
    """Take the scene mask, or the objects where a person looked at them alone."""
    status = session.status(scene.object_id, frame)
    looked_at = [session.status(item.object_id, frame) for item in objects]
    if any(_by_person(one) for one in looked_at) and not _by_person(status):
        masks = [session.mask(item.object_id, frame) for item in objects]
        return np.asarray(np.logical_or.reduce(masks))
    return session.mask(scene.object_id, frame)


def _by_person(status: FrameStatus | None) -> bool:
    return status is not None and status.by_person


def _main_class(objects: Sequence[SessionObject], class_map: npt.NDArray[np.uint8]) -> str:
    """Give the class with the largest area, or the surest one where none has any."""
    areas = {item.class_name: 0 for item in sorted(objects, key=lambda item: -item.score)}
    for class_name in areas:
        areas[class_name] = int(np.count_nonzero(class_map == class_index(class_name)))
    return max(areas, key=lambda class_name: areas[class_name], default="")


def _names(
    session: AnnotationSession, subset: Subset, name: str | None, start: float
) -> tuple[str, str]:
    """Give the names of the clip and of its video."""
    if name is not None:
        return check_name(name), name
    video = suggest_name(session.video.stem)
    clip = semantic_uid("v2" if subset == "v2" else "v1s", video, start)
    return clip, clip if subset == "v1m" else video
