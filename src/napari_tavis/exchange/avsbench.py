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
from napari_tavis.datasets.names import Split, check_name, check_text, suggest_name
from napari_tavis.datasets.tracks import StoredVideo
from napari_tavis.datasets.violations import Violation
from napari_tavis.exchange.format import (
    Choice,
    ExportPlan,
    ExportRequest,
    Format,
    PlannedObject,
    labelled_frames,
    notes_on_other_splits,
    whose_clip,
)
from napari_tavis.exchange.selection import (
    AS_TRUTH,
    annotated_frames,
    by_person,
    check_stretch,
    exportable_objects,
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
        # What earlier exports to the dataset were told of classes is not asked again.
        request = replace(request, mapping={**read_mapping(tree), **request.mapping})
        cut = plan_cut(session, clip, request, self._replaced(request))
        name = cut.listed_name
        files = clip_files(ClipKey(self.subset, request.split, name, cut.category or "-"))
        stored = self.find(request.root, name)
        labels = "labels" if self.subset in SEMANTIC_SUBSETS else "masks"
        return ClipPlan(
            session=session,
            clip=clip,
            request=request,
            name=name,
            place=tree / files.parts[0],
            frames=cut.frames,
            labels=cut.labels,
            seconds=(request.start, request.start + len(cut.frames)),
            objects=cut.objects,
            scene=cut.scene,
            files=(
                f"{files.frames[0].parent}: {len(files.frames)} frames",
                f"{labels}: {cut.labels} of {len(files.frames)} frames",
                f"{files.waveform}: {len(cut.frames)} s of sound",
                "lists: its row, replaced" if stored else "lists: its row, added",
            ),
            there=whose_clip(session, request, name, stored),
            unchecked=cut.unchecked,
            notes=tuple(self._notes(session, request, cut)),
            cut=cut,
        )

    def _replaced(self, request: ExportRequest) -> ListedClip | None:
        """Give the clip that is written again; None where the request is for a new one."""
        if not request.again:
            return None
        found = find_listed_clip(request.root, self.subset, request.name)
        if found is None:
            raise DatasetError(f"{request.root} no longer lists {request.name!r}: export it again.")
        return found[1]

    def _notes(self, session: AnnotationSession, request: ExportRequest, cut: ClipCut) -> list[str]:
        name = cut.listed_name
        others = self._others_of_video(session, request.root, name)
        notes = notes_on_other_splits(session, request, others)
        if self.subset in SEMANTIC_SUBSETS:
            notes += hidden_objects(session, cut)
        if cut.unchecked and request.include_proposals:
            notes.append(f"{unchecked_text(len(cut.unchecked), len(cut.shown))}. {AS_TRUTH}")
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
        """List the clips of the same video, in all trees, but for the one to be replaced."""
        fingerprint = session.identity.fingerprint
        trees = dict.fromkeys(tree for subset in SUBSETS for tree in find_trees(root, subset))
        found = []
        for tree in trees:
            told = clips_of_video(tree, fingerprint)
            own = [one for one in told if one != (self.subset, name)]
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
        """Check a clip against all that AVSBench's public loaders rely on."""
        return validate(root, names={name}, task=task)


@dataclass(frozen=True, eq=False)
class ClipCut:
    """One clip, as it is cut out of a session.

    Attributes
    ----------
    request : ExportRequest
        What was asked for.
    name, vid : str
        Names of the clip and of its video, as `ClipAnnotation` has them.
    listed_start : float
        Where the lists say that it begins, in seconds.
    frames : tuple of int
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
    replaced : ListedClip or None
        The clip that is written anew.
    """

    request: ExportRequest
    name: str
    vid: str
    listed_start: float
    frames: tuple[int, ...]
    labels: int
    objects: tuple[PlannedObject, ...]
    scene: SessionObject | None
    category: str
    unchecked: tuple[int, ...]
    replaced: ListedClip | None

    @property
    def shown(self) -> tuple[int, ...]:
        """The frames that get labels, each once, ascending."""
        return labelled_frames(self.frames, self.labels)

    @property
    def exported(self) -> tuple[PlannedObject, ...]:
        """The objects that are exported."""
        return tuple(planned for planned in self.objects if planned.exported_as is not None)

    @property
    def listed_name(self) -> str:
        """The name that it has in its list: the uid, in the semantic subsets."""
        subset = self.request.subset
        if subset in SEMANTIC_SUBSETS:
            return semantic_uid(subset, self.vid, self.listed_start)
        return self.name


def plan_cut(
    session: AnnotationSession,
    video: Clip,
    request: ExportRequest,
    replaced: ListedClip | None = None,
) -> ClipCut:
    """Work out what a clip is cut out of and made of. Neither frames nor the dataset are read.

    Parameters
    ----------
    session : AnnotationSession
        The annotation.
    video : Clip
        Its video, open.
    request : ExportRequest
        What is asked for.
    replaced : ListedClip, optional
        The clip of the dataset that is written anew.

    Raises
    ------
    UnmappedClassError
        If objects have classes that AVSBench lacks, and the mapping does not name them.
    DatasetError
        If the stretch, a name or the mapping makes no sense, a frame that is needed is not
        annotated, no object is accepted where accepted ones are asked for, an object has no
        class, or a scene mask would be written as silence.
    """
    subset, start, masks = request.subset, request.start, request.masks
    if masks not in ("scene", "objects", "accepted"):
        raise DatasetError(f"There are no masks {masks!r}: choose scene, objects or accepted.")
    mapping = check_mapping(request.mapping)
    for text, what in (
        (session.video.name, "name of the video"),
        (request.category, "category"),
    ):
        check_text(text, what)
    objects = exportable_objects(session)
    count, labels = seconds(subset), label_count(subset, request.split)
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
    name, vid = _names(session, request, replaced)
    return ClipCut(
        request=request,
        name=name,
        vid=vid,
        listed_start=start if replaced is None else replaced.start,
        frames=tuple(int(frame) for frame in frames),
        labels=labels,
        objects=planned,
        scene=scene,
        category=request.category or (replaced.key.category if replaced is not None else ""),
        unchecked=unchecked_frames(session, exported, scene, sorted(shown)),
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
    """Give the names of the clip and of its video."""
    if replaced is not None:
        return replaced.key.name, replaced.vid
    if request.name:
        return check_name(request.name), request.name
    video = suggest_name(session.video.stem)
    clip = semantic_uid("v2" if request.subset == "v2" else "v1s", video, request.start)
    return clip, clip if request.subset == "v1m" else video


@dataclass(frozen=True, eq=False, kw_only=True)
class ClipPlan(ExportPlan):
    """A clip of AVSBench that will be written.

    Attributes
    ----------
    cut : ClipCut
        How it is cut out of the session.
    """

    cut: ClipCut

    def write(self, overwrite: bool, task: Task) -> tuple[Path, list[str]]:
        """Read the frames, the sound and the labels, and add them to the dataset."""
        request, replaced = self.request, self.cut.replaced
        clip = cut_clip(self.session, self.cut, self.clip, task)
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


def _heard_before(root: Path, replaced: ListedClip) -> tuple[str, ...]:
    """Keep what the list says is heard and not seen: no mask says so a second time."""
    if replaced.key.subset not in SEMANTIC_SUBSETS:
        return ()
    return unseen_sounds(target_tree(root, replaced.key.subset), replaced)


def cut_clip(
    session: AnnotationSession,
    cut: ClipCut,
    video: Clip,
    task: Task,
) -> ClipAnnotation:
    """Read the frames, the sound and the labels of a planned clip."""
    start, count = cut.request.start, len(cut.frames)
    pictures = []
    for done, frame in enumerate(cut.frames):
        task.check()
        task.report(done, count, "reading frames")
        pictures.append(np.asarray(video.frames[frame]))
    waveform = np.concatenate(list(video.sound_blocks(start, start + count)))
    class_map, scene_mask = clip_masks(session, cut)
    return ClipAnnotation(
        name=cut.name,
        vid=cut.vid,
        start=cut.listed_start,
        video_start=start,
        frames=np.stack(pictures),
        class_map=class_map,
        scene_mask=scene_mask,
        waveform=waveform,
        video=session.video,
        category=cut.category or _main_class(cut.exported, class_map),
        labelled=np.arange(count) < cut.labels,
    )


def clip_masks(
    session: AnnotationSession, cut: ClipCut
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_] | None]:
    """Give the labels of a planned clip.

    Returns
    -------
    class_map : ndarray of uint8, shape (T, H, W)
        Class index per pixel; zeros in frames without a label.
    scene_mask : ndarray of bool, shape (T, H, W), or None
        What the binary masks show where they are not simply all classes.
    """
    class_map = np.zeros((len(cut.frames), *session.frame_size), dtype=np.uint8)
    scene_mask = None if cut.scene is None else np.zeros(class_map.shape, dtype=bool)
    objects = [planned.item for planned in cut.exported]
    for place, frame in enumerate(cut.frames[: cut.labels]):
        class_map[place] = _class_map(session, cut.exported, frame)
        if cut.scene is not None and scene_mask is not None:
            scene_mask[place] = _scene_mask(session, cut.scene, objects, frame)
    return class_map, scene_mask


def _class_map(
    session: AnnotationSession, objects: Sequence[PlannedObject], frame: int
) -> npt.NDArray[np.uint8]:
    """Lay the objects over each other, the largest first, so that small ones stay visible."""
    class_map = np.zeros(session.frame_size, dtype=np.uint8)
    for mask, one in _laid(session, objects, frame):
        class_map[mask] = one.index
    return class_map


def _laid(
    session: AnnotationSession, objects: Sequence[PlannedObject], frame: int
) -> list[tuple[Mask, PlannedObject]]:
    masks = [(session.mask(one.item.object_id, frame), one) for one in objects]
    return sorted(masks, key=lambda pair: -int(pair[0].sum()))


def hidden_objects(session: AnnotationSession, cut: ClipCut) -> list[str]:
    """Name the objects of which a frame's class map shows nothing: others lie over all of it."""
    hidden: dict[int, PlannedObject] = {}
    for frame in cut.shown:
        covered = np.zeros(session.frame_size, dtype=np.uint8)
        for mask, one in reversed(_laid(session, cut.exported, frame)):
            if mask.any() and covered[mask].all() and not (covered[mask] == one.index).any():
                hidden[one.item.object_id] = one
            covered[mask & (covered == 0)] = one.index
    return [
        f"{one.item.class_name} (object {one.item.object_id}) is covered by other objects in a "
        "frame, where its class cannot be written."
        for one in hidden.values()
    ]


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
