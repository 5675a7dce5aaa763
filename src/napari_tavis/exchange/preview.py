"""What an export will write, said before anything is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.overlay import OverlayMask, draw_masks
from napari_tavis.core.vocabulary import class_color, class_index
from napari_tavis.datasets.avsbench import DatasetError
from napari_tavis.datasets.avsbench.layout import (
    SEMANTIC_SUBSETS,
    SUBSETS,
    ClipKey,
    check_subset,
    clip_files,
    find_trees,
    list_name,
    semantic_uid,
    target_tree,
)
from napari_tavis.datasets.avsbench.lists import ListedClip, find_listed_clip, listed_clips
from napari_tavis.datasets.avsbench.mapping import read_mapping
from napari_tavis.datasets.avsbench.pairing import PARTNERS, names_in
from napari_tavis.datasets.avsbench.sources import clips_of_video, read_source
from napari_tavis.datasets.tracks import StoredVideo, VideoExport, VideoFormat
from napari_tavis.exchange.avsbench import hidden_objects
from napari_tavis.exchange.plan import ClipPlan, PlannedObject, plan_clip
from napari_tavis.exchange.registry import VIDEO_FORMATS
from napari_tavis.exchange.request import ExportRequest, check_place, video_name
from napari_tavis.exchange.selection import refuse_unchecked, unchecked_text
from napari_tavis.exchange.tracks import session_tracks
from napari_tavis.media import Clip

_NOT_ACCEPTED = "not accepted in all its frames"
_PICTURE_OF_WORK = "An overlay video shows them all the same: it is a picture of the work."
_AS_TRUTH = "They are written as truth, as was asked for."


@dataclass(frozen=True, eq=False)
class ExportPreview:
    """What an export will write.

    Attributes
    ----------
    name : str
        Of the clip or video in the dataset.
    place : Path
        Folder or file that is written.
    frames : tuple of int
        Frames of the video that are written, ascending.
    labels : int
        How many of them, the first ones, have labels.
    seconds : tuple of float
        From when to when in the video.
    objects : tuple of PlannedObject
        The objects, those that are left out with the reason.
    files : tuple of str
        What is written, a line each.
    there : {"", "own", "other"}
        Whether a clip of this name is there, and of this video or of another.
    unchecked : tuple of int
        Those of the frames with labels for whose labels nobody stands.
    notes : tuple of str
        What a person should know before it is written, a sentence each.
    plan : ClipPlan or None
        AVSBench's plan.
    export : VideoExport or None
        The plan of the formats of whole videos.
    """

    name: str
    place: Path
    frames: tuple[int, ...]
    labels: int
    seconds: tuple[float, float]
    objects: tuple[PlannedObject, ...]
    files: tuple[str, ...]
    there: str
    unchecked: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    plan: ClipPlan | None = None
    export: VideoExport | None = None

    def refuse_unchecked(self, session: AnnotationSession, clip: Clip) -> None:
        """Refuse frames for whose labels nobody stands.

        Raises
        ------
        UncheckedFramesError
            If there are any.
        """
        shown = self.frames if self.plan is None else self.plan.shown
        refuse_unchecked(session, self.unchecked, shown, clip.times)


def with_known_mapping(request: ExportRequest) -> ExportRequest:
    """Add what earlier exports to the dataset were told of classes that AVSBench lacks."""
    if request.format != "avsbench":
        return request
    check_place(request.root)
    known = read_mapping(target_tree(request.root, request.subset))
    return replace(request, mapping={**known, **request.mapping})


def replaced_clip(request: ExportRequest) -> ListedClip | None:
    """Give the clip that is written again; None where the request is for a new one.

    Raises
    ------
    DatasetError
        If it is gone.
    """
    if not request.again or request.format != "avsbench":
        return None
    found = find_listed_clip(request.root, request.subset, request.name)
    if found is None:
        raise DatasetError(f"{request.root} no longer lists {request.name!r}: export it anew.")
    return found[1]


def preview_export(session: AnnotationSession, clip: Clip, request: ExportRequest) -> ExportPreview:
    """Work out what an export will write, quickly: no frame is decoded.

    Parameters
    ----------
    session : AnnotationSession
        The session.
    clip : Clip
        Its video, open.
    request : ExportRequest
        What is asked for.

    Returns
    -------
    ExportPreview

    Raises
    ------
    UnmappedClassError
        If objects have classes of which it must be said first what becomes of them.
    TavisError
        If it cannot be written as asked; says why.
    """
    check_place(request.root)
    if request.format == "avsbench":
        return _preview_avsbench(session, clip, with_known_mapping(request))
    return _preview_video(session, clip, request, VIDEO_FORMATS[request.format])


def _preview_video(
    session: AnnotationSession, clip: Clip, request: ExportRequest, format: VideoFormat
) -> ExportPreview:
    truth = request.format != "overlay"
    tracks = session_tracks(session, request.objects_alone, as_truth=truth)
    name = video_name(session, request.name)
    export = VideoExport(
        request.root,
        request.split,
        name,
        tracks,
        clip,
        request.licence,
        request.objects_alone,
        request.include_proposals,
        request.overwrite,
    )
    there = format.find(request.root, name)
    others = [one for one in format.videos(request.root) if one.name != name]
    notes = _of_same_video(session, request, others)
    if tracks.partial:
        notes.append(
            f"{len(tracks.partial)} frames are left out, in which some objects are annotated and "
            "others not: paint or accept every object there to have them."
        )
    if tracks.unchecked and (request.include_proposals or not truth):
        text = unchecked_text(len(tracks.unchecked), len(tracks.frames))
        notes.append(f"{text}. {_AS_TRUTH if truth else _PICTURE_OF_WORK}")
    return ExportPreview(
        name=name,
        place=format.place(request.root, request.split, name),
        frames=tracks.frames,
        labels=len(tracks.frames),
        seconds=(0.0, clip.duration),
        objects=(
            *(PlannedObject(track.item, track.item.class_name) for track in tracks.tracks),
            *(PlannedObject(item, None, _NOT_ACCEPTED) for item in tracks.left_out),
        ),
        files=format.lines(export),
        there=_whose(session, request, name, there is not None, there and there.fingerprint),
        unchecked=tracks.unchecked if truth else (),
        notes=tuple(notes),
        export=export,
    )


def _of_same_video(
    session: AnnotationSession, request: ExportRequest, others: Iterable[StoredVideo]
) -> list[str]:
    """Say that the same video lies in another split: what is learned from must not be measured."""
    found = [
        f"{other.split} ({other.name})"
        for other in others
        if other.fingerprint
        and other.fingerprint == session.identity.fingerprint
        and other.split != request.split
    ]
    if not found:
        return []
    return [
        f"{session.video.name} lies in {', '.join(dict.fromkeys(found))} of this dataset, too: a "
        f"model that learns from one and is measured on {request.split} has seen the video."
    ]


def _whose(
    session: AnnotationSession,
    request: ExportRequest,
    name: str,
    exists: bool,
    fingerprint: object,
) -> str:
    """Say whether a clip of this name is there already, and whether it is this video's own.

    The dataset knows by the fingerprint of the video; where it does not, as with imported clips
    and overlays, the session's note of the export does. Equal file names prove nothing.
    """
    if not exists:
        return ""
    if fingerprint:
        return "own" if fingerprint == session.identity.fingerprint else "other"
    noted = any(
        note.name == name
        and note.format == request.note_format
        and Path(note.root).absolute() == request.root.absolute()
        for note in session.exports
    )
    return "own" if noted else "other"


def _preview_avsbench(
    session: AnnotationSession, clip: Clip, request: ExportRequest
) -> ExportPreview:
    plan = plan_clip(
        session,
        clip,
        request.subset,
        request.split,
        name=request.name or None,
        start=request.start,
        masks=request.masks,
        category=request.category,
        mapping=request.mapping,
        replaced=replaced_clip(request),
    )
    name = listed_name(plan)
    tree = target_tree(request.root, request.subset)
    files = clip_files(ClipKey(plan.subset, plan.split, name, plan.category or "-"))
    found = find_listed_clip(request.root, request.subset, name)
    source = None if found is None else read_source(found[0], request.subset, name)
    if source is not None and source.start != request.start:
        source = replace(source, fingerprint="another stretch")
    labels = "masks" if request.subset in ("s4", "ms3") else "labels"
    lines = (
        f"{files.frames[0].parent}: {len(files.frames)} frames",
        f"{labels}: {plan.labels} of {len(files.frames)} frames",
        f"{files.waveform}: {len(plan.frames)} s of sound",
        "lists: its row, replaced" if found else "lists: its row, added",
    )
    return ExportPreview(
        name=name,
        place=tree / files.parts[0],
        frames=tuple(int(frame) for frame in plan.frames),
        labels=plan.labels,
        seconds=(plan.start, plan.start + len(plan.frames)),
        objects=plan.objects,
        files=lines,
        there=_whose(
            session,
            request,
            name,
            found is not None,
            source.fingerprint if source else None,
        ),
        unchecked=plan.unchecked,
        notes=tuple(_avsbench_notes(session, request, plan, name, tree)),
        plan=plan,
    )


def _avsbench_notes(
    session: AnnotationSession, request: ExportRequest, plan: ClipPlan, name: str, tree: Path
) -> list[str]:
    notes = list(hidden_objects(session, plan)) if plan.subset in SEMANTIC_SUBSETS else []
    if plan.unchecked and request.include_proposals:
        notes.append(f"{unchecked_text(len(plan.unchecked), len(plan.shown))}. {_AS_TRUTH}")
    partner = PARTNERS.get(plan.subset)
    if plan.subset in ("s4", "ms3") and partner is not None:
        uids = names_in(request.root, partner)
        if not any(uid.startswith(name) for uid in uids):
            notes.append(
                f"TAViS takes the classes of {plan.subset} clips from {partner}: exporting "
                f"{partner}, too, removes this warning."
            )
    return [*_of_same_video(session, request, _others_of_video(session, request, name)), *notes]


def _others_of_video(
    session: AnnotationSession, request: ExportRequest, name: str
) -> list[StoredVideo]:
    """List the clips of the same video, in all trees of a dataset, but the one to be replaced."""
    fingerprint = session.identity.fingerprint
    trees = dict.fromkeys(tree for subset in SUBSETS for tree in find_trees(request.root, subset))
    found = []
    for tree in trees:
        own = set(clips_of_video(tree, fingerprint)) - {(request.subset, name)}
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


def listed_name(plan: ClipPlan) -> str:
    """Give the name that a clip has in its list: the uid, in the semantic subsets."""
    if plan.subset in SEMANTIC_SUBSETS:
        return semantic_uid(plan.subset, plan.vid, plan.listed_start)
    return plan.name


def preview_picture(
    session: AnnotationSession,
    clip: Clip,
    preview: ExportPreview,
    position: int,
    width: int = 160,
) -> npt.NDArray[np.uint8]:
    """Draw one frame as it will be written, small, with its masks.

    Parameters
    ----------
    session : AnnotationSession
        The session.
    clip : Clip
        Its video, open.
    preview : ExportPreview
        What is written.
    position : int
        Which of its frames.
    width : int
        Pixels of the picture's width, about.

    Returns
    -------
    ndarray of uint8, shape (h, w, 3)
        With the masks in the dataset's colours; without any where there is no label.
    """
    frame = preview.frames[position]
    picture = np.asarray(clip.frames[frame])
    step = max(1, round(picture.shape[1] / width))
    small = np.ascontiguousarray(picture[::step, ::step])
    if position >= preview.labels:
        return small
    plan = preview.plan
    if plan is not None and plan.scene is not None:
        mask = session.mask(plan.scene.object_id, frame)[::step, ::step]
        return draw_masks(small, [OverlayMask(mask, (255, 255, 255))])
    masks = [
        OverlayMask(session.mask(one.item.object_id, frame)[::step, ::step], dataset_color(one))
        for one in preview.objects
        if one.exported_as is not None
    ]
    return draw_masks(small, masks)


def dataset_color(planned: PlannedObject) -> tuple[int, int, int]:
    """Give the colour of an object's class in the dataset: AVSBench's, where it has the class."""
    index = class_index(planned.exported_as or "")
    return planned.item.color if index is None else class_color(index)
