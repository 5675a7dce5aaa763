"""From a session to AVSBench data: the frames that AVSBench would take, and their masks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import numpy as np
import numpy.typing as npt

from napari_tavis.annotation import AnnotationSession, SessionObject
from napari_tavis.annotation.masks import Mask
from napari_tavis.core.tasks import Task
from napari_tavis.core.vocabulary import class_index
from napari_tavis.datasets.avsbench.annotation import ClipAnnotation
from napari_tavis.datasets.avsbench.layout import (
    SEMANTIC_SUBSETS,
    Split,
    Subset,
    check_split,
    check_subset,
    target_tree,
)
from napari_tavis.datasets.avsbench.lists import ListedClip
from napari_tavis.datasets.avsbench.names import check_text
from napari_tavis.datasets.avsbench.reader import unseen_sounds
from napari_tavis.datasets.avsbench.sources import ClipSource
from napari_tavis.datasets.avsbench.writer import write_clip
from napari_tavis.exchange.plan import ClipChoices, ClipPlan, PlannedObject, plan_clip
from napari_tavis.exchange.selection import by_person, refuse_unchecked
from napari_tavis.media import Clip, open_clip


def export_session(
    session: AnnotationSession,
    root: Path | str,
    subset: str,
    split: str,
    *,
    licence: str = "",
    overwrite: bool = False,
    include_proposals: bool = False,
    video: Clip | None = None,
    task: Task | None = None,
    **choices: Unpack[ClipChoices],
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
    licence : str
        Kept with the dataset, beside the video's name: licence, author, address.
    overwrite : bool
        Replace the clip of the same name.
    include_proposals : bool
        Write frames, too, for whose labels nobody stands. Without it they are refused.
    video : Clip, optional
        The session's video, if it is open already.
    task : Task, optional
        Told how far it is; stops the work when cancelled,
        and the export then leaves nothing behind.
    **choices
        What the clip is cut out of and made of; see `ClipChoices`.

    Returns
    -------
    Path
        Folder of the clip (semantic), or of its frames (S4, MS3).

    Raises
    ------
    UnmappedClassError
        If an object's class is not AVSBench's and `mapping` does not name it.
    UncheckedFramesError
        If nobody stands for the labels of a frame, and proposals are not to be included.
    DatasetError
        If a frame that is needed is not annotated, or the clip cannot be written. Nothing was
        written then.
    """
    task = task or Task()
    checked, wanted = check_subset(subset), check_split(split)
    with nullcontext(video) if video else open_clip(session.video, task=task.part()) as opened:
        plan = plan_clip(session, opened, checked, wanted, **choices)
        return write_plan(
            session,
            plan,
            opened,
            root,
            licence=licence,
            overwrite=overwrite,
            include_proposals=include_proposals,
            task=task,
        )


def write_plan(
    session: AnnotationSession,
    plan: ClipPlan,
    video: Clip,
    root: Path | str,
    *,
    licence: str = "",
    overwrite: bool = False,
    include_proposals: bool = False,
    task: Task | None = None,
) -> Path:
    """Write a clip as it was planned; see `export_session`."""
    task = task or Task()
    check_text(licence, "licence")
    if not include_proposals:
        refuse_unchecked(session, plan.unchecked, plan.shown, video.times)
    clip = cut_clip(session, plan, video, task)
    if plan.replaced is not None:
        clip = replace(clip, sound_classes=_heard_before(Path(root), plan.replaced))
    task.report(len(plan.frames), len(plan.frames), "writing")
    return write_clip(
        root,
        plan.subset,
        plan.split,
        clip,
        overwrite=overwrite or plan.replaced is not None,
        source=ClipSource(
            session.video.name,
            plan.start,
            plan.masks,
            licence,
            session.identity.fingerprint,
            proposals=include_proposals,
        ),
        mapping=plan.mapping,
        task=task,
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
    include_proposals: bool = False,
    **choices: Unpack[ClipChoices],
) -> ClipAnnotation:
    """Cut one clip out of a session, as `export_session` does, without writing it."""
    with open_clip(session.video) as video:
        plan = plan_clip(session, video, subset, split, **choices)
        if not include_proposals:
            refuse_unchecked(session, plan.unchecked, plan.shown, video.times)
        return cut_clip(session, plan, video)


def cut_clip(
    session: AnnotationSession,
    plan: ClipPlan,
    video: Clip,
    task: Task | None = None,
) -> ClipAnnotation:
    """Read the frames, the sound and the labels of a planned clip."""
    task = task or Task()
    pictures = []
    for done, index in enumerate(plan.frames):
        task.check()
        task.report(done, len(plan.frames), "reading frames")
        pictures.append(np.asarray(video.frames[int(index)]))
    waveform = np.concatenate(list(video.sound_blocks(plan.start, plan.start + len(plan.frames))))
    class_map, scene_mask = clip_masks(session, plan)
    return ClipAnnotation(
        name=plan.name,
        vid=plan.vid,
        start=plan.listed_start,
        video_start=plan.start,
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
    for mask, one in _laid(session, objects, frame):
        class_map[mask] = class_index(one.exported_as or "") or 0
    return class_map


def _laid(
    session: AnnotationSession, objects: Sequence[PlannedObject], frame: int
) -> list[tuple[Mask, PlannedObject]]:
    masks = [(session.mask(one.item.object_id, frame), one) for one in objects]
    return sorted(masks, key=lambda pair: -int(pair[0].sum()))


def hidden_objects(session: AnnotationSession, plan: ClipPlan) -> tuple[str, ...]:
    """Name the objects of which a frame's class map shows nothing: others lie over all of it."""
    hidden: dict[int, PlannedObject] = {}
    for frame in plan.shown:
        covered = np.zeros(session.frame_size, dtype=np.uint8)
        for mask, one in reversed(_laid(session, plan.exported, frame)):
            index = class_index(one.exported_as or "") or 0
            if mask.any() and covered[mask].all() and not (covered[mask] == index).any():
                hidden[one.item.object_id] = one
            covered[mask & (covered == 0)] = index
    return tuple(
        f"{one.item.class_name} (object {one.item.object_id}) is covered by other objects in a "
        "frame, where its class cannot be written."
        for one in hidden.values()
    )


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
