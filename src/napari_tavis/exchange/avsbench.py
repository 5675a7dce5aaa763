"""From a session to AVSBench data: the frames that AVSBench would take, and their masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.annotation import AnnotationSession, SessionObject
from napari_tavis.annotation.masks import Mask
from napari_tavis.core.errors import DatasetError
from napari_tavis.core.tasks import Task
from napari_tavis.core.vocabulary import class_index
from napari_tavis.datasets.avsbench.annotation import ClipAnnotation
from napari_tavis.datasets.avsbench.layout import (
    FRAME_OFFSET,
    SEMANTIC_SUBSETS,
    STEP,
    SUBSETS,
    ClipKey,
    Subset,
    check_subset,
    clip_files,
    find_trees,
    label_count,
    list_name,
    seconds,
    semantic_uid,
    target_tree,
)
from napari_tavis.datasets.avsbench.lists import ListedClip, find_listed_clip, listed_clips
from napari_tavis.datasets.avsbench.mapping import (
    ClassMapping,
    UnmappedClassError,
    check_mapping,
    exported_class,
    read_mapping,
    unmapped_classes,
)
from napari_tavis.datasets.avsbench.pairing import PARTNERS, names_in
from napari_tavis.datasets.avsbench.reader import unseen_sounds
from napari_tavis.datasets.avsbench.sources import ClipSource, clips_of_video, read_source
from napari_tavis.datasets.avsbench.validate import validate
from napari_tavis.datasets.avsbench.writer import write_clip
from napari_tavis.datasets.files import Violation
from napari_tavis.datasets.indexed import index_map
from napari_tavis.datasets.names import Split, check_name, check_text, suggest_name
from napari_tavis.datasets.tracks import StoredVideo
from napari_tavis.exchange.format import (
    Choice,
    ExportPlan,
    ExportRequest,
    Format,
    PlannedObject,
    gone,
    notes_on_other_splits,
    whose_clip,
)
from napari_tavis.exchange.selection import (
    AS_TRUTH,
    MASK_SOURCES,
    annotated_frames,
    by_person,
    check_stretch,
    is_accepted,
    known_frames,
    refuse_nameless,
    refuse_silence,
    scene_object,
    unchecked_frames,
    unchecked_text,
)
from napari_tavis.media import Clip, frames_at

NOT_ACCEPTED = "not accepted in all of these frames"
MAPPED_TO_NOTHING = "left out by its class"

_CHOICES: frozenset[Choice] = frozenset(
    ("subset", "split", "start", "mapping", "licence", "include_proposals")
)


class AVSBench(Format):
    """One subset of AVSBench: stretches of videos, of five or ten seconds."""

    name = "avsbench"
    title = "AVSBench dataset"
    checks_datasets = True

    def __init__(self, subset: Subset) -> None:
        self.subset: Subset = subset
        self.choices = _CHOICES | {"category"} if subset == "s4" else _CHOICES
        if subset not in SEMANTIC_SUBSETS:
            self.mask_sources = ("scene", *self.mask_sources)

    def plan(self, session: AnnotationSession, clip: Clip, request: ExportRequest) -> ClipPlan:
        """Work out which frames become the clip, what is in them, and what the dataset has."""
        tree = target_tree(request.root, self.subset)
        # What earlier exports to the dataset said about classes is not asked again.
        request = replace(request, mapping={**read_mapping(tree), **request.mapping})
        plan = plan_clip(session, clip, request, self._replaced(request))
        key = ClipKey(self.subset, request.split, plan.name, plan.category or "-")
        files = clip_files(key)
        stored = self.find(request.root, plan.name)
        labels = "labels" if self.subset in SEMANTIC_SUBSETS else "masks"
        return replace(
            plan,
            place=tree / files.parts[0],
            files=(
                f"{files.frames[0].parent}: {len(files.frames)} frames",
                f"{labels}: {plan.labels} of {len(files.frames)} frames",
                f"{files.waveform}: {len(plan.frames)} s of sound",
                "lists: its row, replaced" if stored else "lists: its row, added",
            ),
            existing=whose_clip(session, request, plan.name, stored),
            notes=tuple(self._notes(plan)),
        )

    def _replaced(self, request: ExportRequest) -> ListedClip | None:
        """Return the clip that is rewritten; None where the request is for a new one."""
        if not request.rewrite:
            return None
        found = find_listed_clip(request.root, self.subset, request.name)
        if found is None:
            raise gone(request.root, request.name)
        return found[1]

    def _notes(self, plan: ClipPlan) -> list[str]:
        session, request, name = plan.session, plan.request, plan.name
        others = self._others_of_video(session, request.root, name)
        notes = notes_on_other_splits(session, request, others)
        if self.subset in SEMANTIC_SUBSETS:
            notes += hidden_objects(plan)
        if plan.unchecked and request.include_proposals:
            notes.append(f"{unchecked_text(len(plan.unchecked), len(plan.labelled))}. {AS_TRUTH}")
        partner = PARTNERS.get(self.subset)
        if self.subset not in SEMANTIC_SUBSETS and partner is not None:
            uids = names_in(request.root, partner)
            if not any(uid.startswith(name) for uid in uids):
                notes.append(
                    f"TAViS takes the classes of {self.subset} clips from {partner}: exporting "
                    f"{partner}, too, removes this warning."
                )
        return notes

    def _others_of_video(
        self, session: AnnotationSession, root: Path, name: str
    ) -> list[StoredVideo]:
        """List the clips of the same video, in all trees, except the one to be replaced."""
        fingerprint = session.identity.fingerprint
        trees = dict.fromkeys(tree for subset in SUBSETS for tree in find_trees(root, subset))
        found = []
        for tree in trees:
            of_video = clips_of_video(tree, fingerprint)
            own = [one for one in of_video if one != (self.subset, name)]
            for subset in dict.fromkeys(kind for kind, _ in own):
                known = check_subset(subset)
                if (tree / list_name(known)).is_file():
                    listed = (clip.key for clip in listed_clips(tree, known))
                    found += [
                        StoredVideo(key.name, key.split, fingerprint)
                        for key in listed
                        if (subset, key.name) in own
                    ]
        return found

    def find(self, root: Path, name: str) -> StoredVideo | None:
        """Find a clip in the lists, and where it comes from."""
        found = find_listed_clip(root, self.subset, name)
        if found is None:
            return None
        tree, clip = found
        source = read_source(tree, self.subset, name)
        if source is None:  # one that was imported is a file of its own, all of it
            return StoredVideo(name, clip.key.split, masks="scene")
        return StoredVideo(
            name,
            clip.key.split,
            source.fingerprint,
            source.masks,
            source.licence,
            source.proposals,
            source.start,
        )

    def check(self, root: Path, split: Split, name: str, task: Task) -> list[Violation]:
        """Check a clip against everything that AVSBench's public loaders rely on."""
        return validate(root, names={name}, task=task)


@dataclass(frozen=True, eq=False, kw_only=True)
class ClipPlan(ExportPlan):
    """A clip of AVSBench that will be written."""

    clip_name: str  # as `ClipAnnotation` has it; `name` is the one in the list, maybe a uid
    vid: str  # name of its video, likewise
    listed_start: float  # where the lists say that it begins, in seconds
    category: str  # S4's; empty for the class with the largest area
    replaced: ListedClip | None  # the clip that is written again

    @property
    def exported(self) -> tuple[PlannedObject, ...]:
        return tuple(planned for planned in self.objects if planned.exported_as is not None)

    def write(self, overwrite: bool, task: Task) -> tuple[Path, list[str]]:
        """Read the frames, the sound and the labels, and add them to the dataset."""
        request, replaced = self.request, self.replaced
        clip = cut_clip(self, task)
        if replaced is not None:
            clip = replace(clip, sound_classes=_heard_before(request.root, replaced))
        task.report(len(self.frames), len(self.frames), "writing")
        place = write_clip(
            request.root,
            request.subset,
            request.split,
            clip,
            overwrite=overwrite or replaced is not None,
            source=ClipSource(
                self.session.video.name,
                request.start,
                request.masks,
                request.licence,
                self.session.identity.fingerprint,
                proposals=request.include_proposals,
            ),
            mapping=request.mapping,
            task=task,
        )
        return place, []


def plan_clip(
    session: AnnotationSession,
    video: Clip,
    request: ExportRequest,
    replaced: ListedClip | None = None,
) -> ClipPlan:
    """Work out what a clip is made of. Neither frames nor the dataset are read.

    `replaced` is the clip of the dataset that is rewritten. What only the dataset knows (its
    place, its files, what exists) is left to `AVSBench.plan`.

    Raises `UnmappedClassError` if objects have classes that AVSBench lacks and the mapping does
    not name them. Raises `DatasetError` if the stretch, a name or the mapping makes no sense, a
    frame that is needed is not annotated, no object is accepted where accepted ones are asked for,
    an object has no class, or a scene mask would be written as silence.
    """
    subset, start, masks = request.subset, request.start, request.masks
    if masks not in MASK_SOURCES:
        raise DatasetError(f"There are no masks {masks!r}: choose scene, objects or accepted.")
    mapping = check_mapping(request.mapping)
    for text, what in (
        (session.video.name, "name of the video"),
        (request.category, "category"),
    ):
        check_text(text, what)
    objects = session.active_objects
    count, labels = seconds(subset), label_count(subset, request.split)
    check_stretch(session, start, count, video.duration, video.size)
    frames = frames_at(video.times, start + (np.arange(count) + FRAME_OFFSET) * STEP)
    binary_of_scene = masks == "scene" and subset not in SEMANTIC_SUBSETS
    scene = scene_object(session) if binary_of_scene else None
    known = known_frames(session, objects, scene)
    # The picture moves with its label where an annotated frame stands in for the wanted one.
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
    name, vid = _names(session, request, replaced)
    listed_start = start if replaced is None else replaced.start
    semantic = subset in SEMANTIC_SUBSETS
    return ClipPlan(
        session=session,
        clip=video,
        request=request,
        name=semantic_uid(subset, vid, listed_start) if semantic else name,
        place=request.root,
        frames=tuple(int(frame) for frame in frames),
        labels=labels,
        seconds=(start, start + count),
        objects=planned,
        scene=scene,
        unchecked=unchecked_frames(session, exported, scene, sorted(shown)),
        clip_name=name,
        vid=vid,
        listed_start=listed_start,
        category=request.category or (replaced.key.category if replaced is not None else ""),
        replaced=replaced,
    )


def _planned(item: SessionObject, refused: set[int], mapping: ClassMapping) -> PlannedObject:
    if item.object_id in refused:
        return PlannedObject(item, None, NOT_ACCEPTED)
    exported = exported_class(item.class_name, mapping)
    return PlannedObject(item, exported, "" if exported is not None else MAPPED_TO_NOTHING)


def _names(
    session: AnnotationSession, request: ExportRequest, replaced: ListedClip | None
) -> tuple[str, str]:
    """Return the names of the clip and of its video."""
    if replaced is not None:
        return replaced.key.name, replaced.vid
    if request.name:
        return check_name(request.name), request.name
    # The same for all subsets of five seconds: TAViS pairs clips by these names (`pairing.py`).
    video = suggest_name(session.video.stem)
    clip = semantic_uid("v2" if request.subset == "v2" else "v1s", video, request.start)
    return clip, clip if request.subset == "v1m" else video


def _heard_before(root: Path, replaced: ListedClip) -> tuple[str, ...]:
    """Keep the classes that the list has as heard but not seen: no mask can say so again."""
    if replaced.key.subset not in SEMANTIC_SUBSETS:
        return ()
    return unseen_sounds(target_tree(root, replaced.key.subset), replaced)


def cut_clip(plan: ClipPlan, task: Task) -> ClipAnnotation:
    """Read the frames, the sound and the labels of a planned clip."""
    start, count = plan.request.start, len(plan.frames)
    pictures = []
    for done, frame in enumerate(plan.frames):
        task.check()
        task.report(done, count, "reading frames")
        pictures.append(np.asarray(plan.clip.frames[frame]))
    waveform = np.concatenate(list(plan.clip.sound_blocks(start, start + count)))
    class_map, scene_mask = _clip_masks(plan)
    return ClipAnnotation(
        name=plan.clip_name,
        vid=plan.vid,
        start=plan.listed_start,
        video_start=start,
        frames=np.stack(pictures),
        class_map=class_map,
        scene_mask=scene_mask,
        waveform=waveform,
        video=plan.session.video,
        category=plan.category or _main_class(plan.exported, class_map),
        labelled=np.arange(count) < plan.labels,
    )


def _clip_masks(
    plan: ClipPlan,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_] | None]:
    """Return the labels of a planned clip, (T, H, W), zeros in frames without a label.

    They are the class index per pixel, and the binary mask where it is not simply all classes.
    """
    session, scene = plan.session, plan.scene
    class_map = np.zeros((len(plan.frames), *session.frame_size), dtype=np.uint8)
    scene_mask = None if scene is None else np.zeros(class_map.shape, dtype=bool)
    objects = [planned.item for planned in plan.exported]
    for place, frame in enumerate(plan.frames[: plan.labels]):
        class_map[place] = index_map(_masks(session, plan.exported, frame), session.frame_size)
        if scene is not None and scene_mask is not None:
            scene_mask[place] = _scene_mask(session, scene, objects, frame)
    return class_map, scene_mask


def _masks(
    session: AnnotationSession, objects: Sequence[PlannedObject], frame: int
) -> list[tuple[int, Mask]]:
    return [(one.index, session.mask(one.item.object_id, frame)) for one in objects]


def hidden_objects(plan: ClipPlan) -> list[str]:
    """Name the objects that a frame's class map does not show at all, as others cover them."""
    hidden: dict[int, PlannedObject] = {}
    for frame in plan.labelled:
        masks = _masks(plan.session, plan.exported, frame)
        class_map = index_map(masks, plan.session.frame_size)
        for one, (index, mask) in zip(plan.exported, masks, strict=True):
            if mask.any() and not (class_map[mask] == index).any():
                hidden[one.item.object_id] = one
    return [
        f"{one.item.class_name} (object {one.item.object_id}) is covered by other objects in a "
        "frame, where its class cannot be written."
        for one in hidden.values()
    ]


def _scene_mask(
    session: AnnotationSession, scene: SessionObject, objects: Sequence[SessionObject], frame: int
) -> npt.NDArray[np.bool_]:
    """Take the scene mask, or the objects where a person checked only these."""
    status = session.status(scene.object_id, frame)
    looked_at = [session.status(item.object_id, frame) for item in objects]
    # Whoever corrected objects did not mean the model's scene mask to outrank them.
    if any(by_person(one) for one in looked_at) and not by_person(status):
        masks = [session.mask(item.object_id, frame) for item in objects]
        return np.asarray(np.logical_or.reduce(masks))
    return session.mask(scene.object_id, frame)


def _main_class(objects: Sequence[PlannedObject], class_map: npt.NDArray[np.uint8]) -> str:
    """Return the class with the largest area, or the best-scored one where none has any."""
    surest = sorted(objects, key=lambda one: -one.item.score)
    areas = {one.exported_as or "": 0 for one in surest}
    for class_name in areas:
        areas[class_name] = int(np.count_nonzero(class_map == class_index(class_name)))
    return max(areas, key=lambda class_name: areas[class_name], default="")
