"""What an export will write, worked out before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from napari_tavis.annotation import AnnotationSession, SessionObject
from napari_tavis.core.errors import DatasetError
from napari_tavis.datasets.avsbench.layout import (
    SEMANTIC_SUBSETS,
    Subset,
    label_count,
    seconds,
    semantic_uid,
)
from napari_tavis.datasets.avsbench.lists import ListedClip
from napari_tavis.datasets.avsbench.mapping import (
    ClassMapping,
    UnmappedClassError,
    check_mapping,
    exported_class,
    unmapped_classes,
)
from napari_tavis.datasets.names import Split, check_name, check_text, suggest_name
from napari_tavis.exchange.selection import (
    FRAME_OFFSET,
    STEP,
    MaskSource,
    annotated_frames,
    check_stretch,
    exportable_objects,
    is_accepted,
    known_frames,
    refuse_nameless,
    refuse_silence,
    scene_object,
    unchecked_frames,
)
from napari_tavis.media import Clip, frames_at

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
    unchecked : tuple of int
        Those of the frames with labels for whose labels nobody stands.
    masks : {"scene", "objects", "accepted"}
        What the masks are made of, as it was asked for.
    mapping : mapping
        What becomes of classes that AVSBench lacks.
    replaced : ListedClip or None
        The clip that is written anew.
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
    unchecked: tuple[int, ...]
    masks: MaskSource
    mapping: ClassMapping
    replaced: ListedClip | None

    @property
    def shown(self) -> tuple[int, ...]:
        """The frames that get labels, each once, ascending."""
        return tuple(sorted({int(frame) for frame in self.frames[: self.labels]}))

    @property
    def exported(self) -> tuple[PlannedObject, ...]:
        """The objects that are exported."""
        return tuple(planned for planned in self.objects if planned.exported_as is not None)


class ClipChoices(TypedDict, total=False):
    """What a clip is cut out of and made of; everything has a default.

    Attributes
    ----------
    name : str or None
        Name of the clip (S4, MS3, v1m) or of its video (v1s, v2, whose uid adds the times). By
        default made from the video's file name, and the times where there are several clips
        to a name, so that the same stretch has matching names in all subsets.
    start : float
        Where the stretch starts in the video: a whole number of seconds; 0 by default.
    masks : {"scene", "objects", "accepted"}
        What S4 and MS3 get: the mask of everything that sounds (by default), or the union of the
        objects. It is the union, too, where the session has no scene mask, and in frames where a
        person edited or accepted an object but not the scene mask: a person's edit outranks the
        model. Semantic labels are always the objects. "accepted" leaves out the objects of which
        a person does not stand behind every mask in the stretch.
    category : str
        S4's category; the class with the largest area if empty.
    mapping : mapping or None
        What becomes of classes that AVSBench does not have: one that it has, or None to leave
        their objects out. Without it they are refused.
    replaced : ListedClip or None
        The clip of the dataset that is written anew: it keeps its name, times and category, even
        if the session is of a file that was cut out of its video.
    """

    name: str | None
    start: float
    masks: MaskSource
    category: str
    mapping: ClassMapping | None
    replaced: ListedClip | None


def plan_clip(
    session: AnnotationSession,
    video: Clip,
    subset: Subset,
    split: Split,
    **choices: Unpack[ClipChoices],
) -> ClipPlan:
    """Work out what an export will write. No frame is decoded and nothing is written.

    Parameters
    ----------
    session : AnnotationSession
        The annotation.
    video : Clip
        Its video, open.
    subset, split
        Where the clip goes.
    **choices
        See `ClipChoices`.

    Returns
    -------
    ClipPlan

    Raises
    ------
    UnmappedClassError
        If objects have classes that AVSBench lacks, and `mapping` does not name them.
    DatasetError
        If the stretch, a name or the mapping makes no sense, a frame that is needed is not
        annotated, no object is accepted where accepted ones are asked for, an object has no
        class, or a scene mask would be written as silence.
    """
    start, masks = choices.get("start", 0.0), choices.get("masks", "scene")
    category, replaced = choices.get("category", ""), choices.get("replaced")
    if masks not in ("scene", "objects", "accepted"):
        raise DatasetError(f"There are no masks {masks!r}: choose scene, objects or accepted.")
    mapping = check_mapping(choices.get("mapping") or {})
    for text, what in ((session.video.name, "name of the video"), (category, "category")):
        check_text(text, what)
    objects = exportable_objects(session)
    count, labels = seconds(subset), label_count(subset, split)
    check_stretch(session, start, count, video.duration, video.size)
    frames = frames_at(video.times, start + (np.arange(count) + FRAME_OFFSET) * STEP)
    binary_of_scene = masks == "scene" and subset not in SEMANTIC_SUBSETS
    scene = scene_object(session) if binary_of_scene else None
    known = known_frames(session, objects, scene)
    frames[:labels] = annotated_frames(session, known, frames[:labels], video.times)
    shown = {int(frame) for frame in frames[:labels]}
    refused: set[int] = set()
    if masks == "accepted":
        refused = {
            one.object_id for one in objects if not is_accepted(session, one.object_id, shown)
        }
        if len(refused) == len(objects):
            raise DatasetError(
                f"No object of {session.video.name} is accepted in this stretch: accept what is "
                "right, or export all objects."
            )
    taken = [item for item in objects if item.object_id not in refused]
    refuse_nameless(session, taken)
    unmapped = unmapped_classes((item.class_name for item in taken), mapping)
    if unmapped:
        raise UnmappedClassError(unmapped)
    if subset in SEMANTIC_SUBSETS:
        refuse_silence(session, subset, objects, sorted(shown), video.times)
    planned = tuple(_planned(item, refused, mapping) for item in objects)
    exported = [one.item for one in planned if one.exported_as is not None]
    clip_name, vid = _names(session, subset, choices.get("name"), start, replaced)
    return ClipPlan(
        subset=subset,
        split=split,
        name=clip_name,
        vid=vid,
        start=start,
        listed_start=start if replaced is None else replaced.start,
        frames=frames,
        labels=labels,
        objects=planned,
        scene=scene,
        category=category or (replaced.key.category if replaced is not None else ""),
        unchecked=unchecked_frames(session, exported, scene, sorted(shown)),
        masks=masks,
        mapping=mapping,
        replaced=replaced,
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
