"""From a session to AVSBench data: the frames that AVSBench would take, and their masks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.avsbench.annotation import ClipAnnotation
from napari_tavis.avsbench.layout import (
    SEMANTIC_SUBSETS,
    Split,
    Subset,
    check_split,
    check_subset,
    seconds,
    target_tree,
)
from napari_tavis.avsbench.lists import ListedClip
from napari_tavis.avsbench.mapping import ClassMapping
from napari_tavis.avsbench.plan import ClipPlan, PlannedObject, plan_clip
from napari_tavis.avsbench.reader import unseen_sounds
from napari_tavis.avsbench.selection import MaskSource, by_person
from napari_tavis.avsbench.sources import ClipSource
from napari_tavis.avsbench.writer import write_clip
from napari_tavis.media import Clip, open_clip
from napari_tavis.session import AnnotationSession, SessionObject
from napari_tavis.tasks import CancelToken, Progress, no_progress
from napari_tavis.vocabulary import class_index


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
    mapping: ClassMapping | None = None,
    licence: str = "",
    replaced: ListedClip | None = None,
    overwrite: bool = False,
    video: Clip | None = None,
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
    masks : {"scene", "objects", "accepted"}
        What S4 and MS3 get: the mask of everything that sounds, or the union of the objects.
        It is the union, too, where the session has no scene mask, and in frames where a person
        edited or accepted an object but not the scene mask: a person's edit outranks the model.
        Semantic labels are always the objects. "accepted" leaves out the objects of which a
        person does not stand behind every mask in the stretch.
    category : str
        S4's category; the class with the largest area if empty.
    mapping : mapping, optional
        What becomes of classes that AVSBench does not have: one that it has, or None to leave
        their objects out. Without it they are refused.
    licence : str
        Kept with the dataset, beside the video's name: licence, author, address.
    replaced : ListedClip, optional
        The clip of the dataset that is written anew: it keeps its name, times and category, even
        if `session` is of a file that was cut out of its video.
    overwrite : bool
        Replace the clip of the same name.
    video : Clip, optional
        The session's video, if it is open already.
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
    UnmappedClassError
        If an object's class is not AVSBench's and `mapping` does not name it.
    DatasetError
        If a frame that is needed is not annotated, or the clip cannot be written. Nothing was
        written then.
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
        mapping=mapping,
        replaced=replaced,
        video=video,
        progress=progress,
        cancel=cancel,
    )
    if replaced is not None:
        clip = replace(clip, sound_classes=_heard_before(Path(root), replaced))
    progress(seconds(checked), seconds(checked), "writing")
    return write_clip(
        root,
        checked,
        wanted,
        clip,
        overwrite=overwrite or replaced is not None,
        source=ClipSource(session.video.name, start, masks, licence, session.identity.fingerprint),
        mapping=mapping,
        cancel=cancel,
    )


def _heard_before(root: Path, replaced: ListedClip) -> tuple[str, ...]:
    """Keep what the list says is heard and not seen: no mask says so a second time."""
    if replaced.key.subset not in SEMANTIC_SUBSETS:
        return ()
    return unseen_sounds(target_tree(root, replaced.key.subset), replaced)


def session_clip(
    session: AnnotationSession,
    subset: Subset,
    split: Split,
    *,
    name: str | None = None,
    start: float = 0.0,
    masks: MaskSource = "scene",
    category: str = "",
    mapping: ClassMapping | None = None,
    replaced: ListedClip | None = None,
    video: Clip | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> ClipAnnotation:
    """Cut one clip out of a session, as `export_session` does, without writing it.

    Parameters
    ----------
    session, subset, split, name, start, masks, category, mapping, replaced, progress, cancel
        As for `export_session`.
    video : Clip, optional
        The session's video, if it is open already.

    Returns
    -------
    ClipAnnotation

    Raises
    ------
    DatasetError
        As for `export_session`.
    """
    with nullcontext(video) if video else open_clip(session.video, cancel=cancel) as opened:
        plan = plan_clip(
            session,
            opened,
            subset,
            split,
            name=name,
            start=start,
            masks=masks,
            category=category,
            mapping=mapping,
            replaced=replaced,
        )
        pictures = []
        for done, index in enumerate(plan.frames):
            if cancel is not None:
                cancel.check()
            progress(done, len(plan.frames), "reading frames")
            pictures.append(np.asarray(opened.frames[int(index)]))
        waveform = np.concatenate(list(opened.sound_blocks(start, start + len(plan.frames))))
    class_map, scene_mask = clip_masks(session, plan)
    return ClipAnnotation(
        name=plan.name,
        vid=plan.vid,
        start=plan.listed_start,
        video_start=start,
        frames=np.stack(pictures),
        class_map=class_map,
        scene_mask=scene_mask,
        waveform=waveform,
        video=session.video,
        category=plan.category or _main_class(plan.exported, class_map),
        labelled=np.arange(len(plan.frames)) < plan.labels,
    )


def clip_masks(
    session: AnnotationSession, plan: ClipPlan
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_] | None]:
    """Give the labels that a plan will write.

    Parameters
    ----------
    session : AnnotationSession
        The session.
    plan : ClipPlan
        Its plan.

    Returns
    -------
    class_map : ndarray of uint8, shape (T, H, W)
        Class index per pixel; zeros in frames without a label.
    scene_mask : ndarray of bool, shape (T, H, W), or None
        What the binary masks show where they are not simply all classes.
    """
    class_map = np.zeros((len(plan.frames), *session.frame_size), dtype=np.uint8)
    scene_mask = None if plan.scene is None else np.zeros(class_map.shape, dtype=bool)
    objects = [planned.item for planned in plan.exported]
    for place, index in enumerate(plan.frames[: plan.labels]):
        class_map[place] = _class_map(session, plan.exported, int(index))
        if plan.scene is not None and scene_mask is not None:
            scene_mask[place] = _scene_mask(session, plan.scene, objects, int(index))
    return class_map, scene_mask


def _class_map(
    session: AnnotationSession, objects: Sequence[PlannedObject], frame: int
) -> npt.NDArray[np.uint8]:
    """Lay the objects over each other, the largest first, so that small ones stay visible."""
    class_map = np.zeros(session.frame_size, dtype=np.uint8)
    masks = [(session.mask(one.item.object_id, frame), one) for one in objects]
    for mask, one in sorted(masks, key=lambda pair: -int(pair[0].sum())):
        class_map[mask] = class_index(one.exported_as or "") or 0
    return class_map


def _scene_mask(
    session: AnnotationSession, scene: SessionObject, objects: Sequence[SessionObject], frame: int
) -> npt.NDArray[np.bool_]:
    """Take the scene mask, or the objects where a person looked at them alone."""
    status = session.status(scene.object_id, frame)
    looked_at = [session.status(item.object_id, frame) for item in objects]
    if any(by_person(one) for one in looked_at) and not by_person(status):
        masks = [session.mask(item.object_id, frame) for item in objects]
        return np.asarray(np.logical_or.reduce(masks))
    return session.mask(scene.object_id, frame)


def _main_class(objects: Sequence[PlannedObject], class_map: npt.NDArray[np.uint8]) -> str:
    """Give the class with the largest area, or the surest one where none has any."""
    surest = sorted(objects, key=lambda one: -one.item.score)
    areas = {one.exported_as or "": 0 for one in surest}
    for class_name in areas:
        areas[class_name] = int(np.count_nonzero(class_map == class_index(class_name)))
    return max(areas, key=lambda class_name: areas[class_name], default="")
