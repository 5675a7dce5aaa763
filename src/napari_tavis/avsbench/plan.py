"""What an export will write, worked out before anything is written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_tavis.avsbench.errors import DatasetError
from napari_tavis.avsbench.layout import (
    SEMANTIC_SUBSETS,
    Split,
    Subset,
    label_count,
    seconds,
    semantic_uid,
)
from napari_tavis.avsbench.lists import ListedClip
from napari_tavis.avsbench.mapping import (
    ClassMapping,
    UnmappedClassError,
    check_mapping,
    exported_class,
    unmapped_classes,
)
from napari_tavis.avsbench.names import check_name, suggest_name
from napari_tavis.avsbench.selection import (
    FRAME_OFFSET,
    STEP,
    MaskSource,
    annotated_frames,
    check_stretch,
    exportable_objects,
    is_accepted,
    known_frames,
    scene_object,
)
from napari_tavis.media import Clip, frames_at
from napari_tavis.session import AnnotationSession, SessionObject

NOT_ACCEPTED = "not accepted in all of these frames"
MAPPED_TO_NOTHING = "left out by its class"


@dataclass(frozen=True)
class PlannedObject:
    """An object, and what becomes of it.

    Attributes
    ----------
    item : SessionObject
        The object.
    exported_as : str or None
        Its class in the dataset; None where it is left out.
    reason : str
        Why it is left out; empty where it is not.
    """

    item: SessionObject
    exported_as: str | None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class ClipPlan:
    """One clip, as an export will cut it out of a session.

    Attributes
    ----------
    subset, split : str
        Where it goes.
    name, vid : str
        Names of the clip and of its video, as `ClipAnnotation` has them.
    start : float
        Where it begins in the session's video, in seconds.
    listed_start : float
        Where the lists say that it begins.
    frames : ndarray of intp, shape (T,)
        Its frames, as indices into the video's.
    labels : int
        How many of them, the first ones, get labels.
    objects : tuple of PlannedObject
        All objects that take part, the ones that are left out with the reason.
    scene : SessionObject or None
        The scene mask, where the binary masks are made of it.
    category : str
        S4's category; empty for the class with the largest area.
    """

    subset: Subset
    split: Split
    name: str
    vid: str
    start: float
    listed_start: float
    frames: npt.NDArray[np.intp]
    labels: int
    objects: tuple[PlannedObject, ...]
    scene: SessionObject | None
    category: str

    @property
    def exported(self) -> tuple[PlannedObject, ...]:
        """The objects that are exported."""
        return tuple(planned for planned in self.objects if planned.exported_as is not None)


def plan_clip(
    session: AnnotationSession,
    video: Clip,
    subset: Subset,
    split: Split,
    *,
    name: str | None = None,
    start: float = 0.0,
    masks: MaskSource = "scene",
    category: str = "",
    mapping: ClassMapping | None = None,
    replaced: ListedClip | None = None,
) -> ClipPlan:
    """Work out what an export will write. Nothing is decoded and nothing is written.

    Parameters
    ----------
    session : AnnotationSession
        The annotation.
    video : Clip
        Its video, open.
    subset, split, name, start, masks, category, mapping, replaced
        As for `export_session`.

    Returns
    -------
    ClipPlan

    Raises
    ------
    UnmappedClassError
        If objects have classes that AVSBench lacks, and `mapping` does not name them.
    DatasetError
        If the stretch, a name or the mapping makes no sense, a frame that is needed is not
        annotated, or no object is accepted where accepted ones are asked for.
    """
    if masks not in ("scene", "objects", "accepted"):
        raise DatasetError(f"There are no masks {masks!r}: choose scene, objects or accepted.")
    mapping = check_mapping(mapping or {})
    objects = exportable_objects(session)
    count, labels = seconds(subset), label_count(subset, split)
    check_stretch(session, start, count, video.duration, video.size)
    frames = frames_at(video.times, start + (np.arange(count) + FRAME_OFFSET) * STEP)
    binary_of_scene = masks == "scene" and subset not in SEMANTIC_SUBSETS
    scene = scene_object(session) if binary_of_scene else None
    known = known_frames(session, objects, scene)
    frames[:labels] = annotated_frames(session, known, frames[:labels], video.times)
    shown = {int(frame) for frame in frames[:labels]}
    if masks == "accepted":
        refused = {
            one.object_id for one in objects if not is_accepted(session, one.object_id, shown)
        }
        if len(refused) == len(objects):
            raise DatasetError(
                f"No object of {session.video.name} is accepted in this stretch: accept what is "
                "right, or export all objects."
            )
    else:
        refused = set()
    taken = [item.class_name for item in objects if item.object_id not in refused]
    unmapped = unmapped_classes(taken, mapping)
    if unmapped:
        raise UnmappedClassError(unmapped)
    clip_name, vid = _names(session, subset, name, start, replaced)
    return ClipPlan(
        subset=subset,
        split=split,
        name=clip_name,
        vid=vid,
        start=start,
        listed_start=start if replaced is None else replaced.start,
        frames=frames,
        labels=labels,
        objects=tuple(_planned(item, refused, mapping) for item in objects),
        scene=scene,
        category=category or (replaced.key.category if replaced is not None else ""),
    )


def _planned(item: SessionObject, refused: set[int], mapping: ClassMapping) -> PlannedObject:
    if item.object_id in refused:
        return PlannedObject(item, None, NOT_ACCEPTED)
    exported = exported_class(item.class_name, mapping)
    return PlannedObject(item, exported, "" if exported is not None else MAPPED_TO_NOTHING)


def _names(
    session: AnnotationSession,
    subset: Subset,
    name: str | None,
    start: float,
    replaced: ListedClip | None,
) -> tuple[str, str]:
    """Give the names of the clip and of its video."""
    if replaced is not None:
        return replaced.key.name, replaced.vid
    if name is not None:
        return check_name(name), name
    video = suggest_name(session.video.stem)
    clip = semantic_uid("v2" if subset == "v2" else "v1s", video, start)
    return clip, clip if subset == "v1m" else video
