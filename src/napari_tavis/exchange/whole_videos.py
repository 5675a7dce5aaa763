"""From a session to the formats of whole videos: tracks with a mask per annotated frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_tavis.annotation import AnnotationSession, SessionObject
from napari_tavis.core.errors import DatasetError
from napari_tavis.core.tasks import Task
from napari_tavis.datasets.files import Violation
from napari_tavis.datasets.names import Split, check_name, check_text, suggest_name
from napari_tavis.datasets.tracks import StoredVideo, Track, TrackedVideo, VideoDataset
from napari_tavis.exchange.format import (
    ExportPlan,
    ExportRequest,
    Format,
    FormatName,
    PlannedObject,
    notes_on_other_splits,
    whose_clip,
)
from napari_tavis.exchange.selection import (
    AS_TRUTH,
    MaskSource,
    is_accepted,
    known_frames,
    refuse_nameless,
    unchecked_frames,
    unchecked_text,
)
from napari_tavis.media import Clip

NOT_ACCEPTED = "not accepted in all its frames"
_PICTURE_OF_WORK = "An overlay video shows them all the same: it is a picture of the work."


class WholeVideos(Format):
    """A format that holds whole videos, whose files `dataset` reads and writes.

    With `truth`, others are to learn from it; otherwise it is a picture of the work and shows
    whatever there is.
    """

    def __init__(
        self, name: FormatName, title: str, dataset: VideoDataset, *, truth: bool = True
    ) -> None:
        self.name: FormatName = name
        self.title = title
        self.dataset = dataset
        self.truth = truth
        self.choices = frozenset(("split", "licence", "include_proposals") if truth else ())

    def plan(self, session: AnnotationSession, clip: Clip, request: ExportRequest) -> VideoPlan:
        """Collect the tracks of the video, and what the dataset has of it."""
        root, split = request.root, request.split
        masks: MaskSource = "accepted" if request.masks == "accepted" else "objects"
        found = session_tracks(session, masks, as_truth=self.truth)
        video = TrackedVideo(
            name=_video_name(session, request.name),
            clip=clip,
            size=session.frame_size,
            frames=found.frames,
            tracks=tuple(_track(session, item) for item in found.objects),
            mask_of=session.mask,
            fingerprint=session.identity.fingerprint,
            licence=request.licence,
            masks=masks,
            proposals=request.include_proposals,
        )
        others = (one for one in self.dataset.videos(root) if one.name != video.name)
        notes = notes_on_other_splits(session, request, others)
        if found.partial:
            notes.append(
                f"{len(found.partial)} frames are left out, in which some objects are annotated "
                "and others not: paint or accept every object there to have them."
            )
        if found.unchecked and (request.include_proposals or not self.truth):
            text = unchecked_text(len(found.unchecked), len(found.frames))
            notes.append(f"{text}. {AS_TRUTH if self.truth else _PICTURE_OF_WORK}")
        return VideoPlan(
            session=session,
            clip=clip,
            request=request,
            name=video.name,
            place=self.dataset.place(root, split, video.name),
            frames=found.frames,
            labels=len(found.frames),
            seconds=(0.0, clip.duration),
            objects=(
                *(PlannedObject(item, item.class_name) for item in found.objects),
                *(PlannedObject(item, None, NOT_ACCEPTED) for item in found.left_out),
            ),
            files=self.dataset.lines(split, video),
            existing=whose_clip(session, request, video.name, self.find(root, video.name)),
            unchecked=found.unchecked if self.truth else (),
            notes=tuple(notes),
            dataset=self.dataset,
            video=video,
        )

    def find(self, root: Path, name: str) -> StoredVideo | None:
        """Find a video by its name, even one whose files exist but are not listed."""
        return self.dataset.find(root, name)

    def check(self, root: Path, split: Split, name: str, task: Task) -> list[Violation]:
        return list(self.dataset.check(root, split, name))


@dataclass(frozen=True, eq=False, kw_only=True)
class VideoPlan(ExportPlan):
    """A whole video that will be written."""

    dataset: VideoDataset
    video: TrackedVideo

    def write(self, overwrite: bool, task: Task) -> tuple[Path, list[str]]:
        """Add the video to the dataset."""
        request = self.request
        notes = self.dataset.write(request.root, request.split, self.video, overwrite, task)
        return self.place, notes


def _video_name(session: AnnotationSession, name: str) -> str:
    return check_name(name, "video") if name else suggest_name(session.video.stem)


def _track(session: AnnotationSession, item: SessionObject) -> Track:
    return Track(
        item.object_id,
        item.class_name,
        item.color,
        item.score,
        session.statuses(item.object_id),
        session.scores(item.object_id),
    )


@dataclass(frozen=True)
class SessionTracks:
    """What of a session is exported as tracks."""

    objects: tuple[SessionObject, ...]  # in the order of the session
    left_out: tuple[SessionObject, ...]  # those not accepted, where accepted ones are asked for
    # Ascending: the frames that were sampled, and those in which every object has a status.
    frames: tuple[int, ...]
    # Frames in which some objects have a status and others none, so that nobody knows whether
    # these are visible; not among `frames`.
    partial: tuple[int, ...]
    unchecked: tuple[int, ...]  # those of `frames` whose labels nobody has checked


def session_tracks(
    session: AnnotationSession, masks: MaskSource, *, as_truth: bool = True
) -> SessionTracks:
    """Collect what of a session is exported as tracks: all objects, or the accepted ones.

    `as_truth` is for data that others learn from: every object needs a class, and every frame must
    be fully annotated. A picture of the work shows whatever there is.

    Raises `DatasetError` if there is nothing to export, or an object has no class.
    """
    objects = session.active_objects
    refused = (
        [item for item in objects if not is_accepted(session, item.object_id)]
        if masks == "accepted"
        else []
    )
    taken = [item for item in objects if item not in refused]
    if not taken:
        what = "accepted object" if refused else "object"
        raise DatasetError(
            f"The session of {session.video.name} has no {what} to export: "
            f"{'accept what is right, or export all objects' if refused else 'add one first'}."
        )
    if as_truth:
        check_text(session.video.name, "name of the video")
        refuse_nameless(session, taken)
    sampled = {int(frame) for frame in session.frame_indices}
    everything = sampled.union(*(session.statuses(item.object_id) for item in taken))
    frames = set(map(int, known_frames(session, taken, None))) if as_truth else everything
    if not frames:
        raise DatasetError(
            f"The session of {session.video.name} has no frame in which every object is "
            "annotated: segment the video, or paint every object in the same frames."
        )
    ordered = tuple(sorted(frames))
    return SessionTracks(
        tuple(taken),
        tuple(refused),
        ordered,
        tuple(sorted(everything - frames)),
        unchecked_frames(session, taken, None, ordered),
    )
