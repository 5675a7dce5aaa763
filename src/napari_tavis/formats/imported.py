"""From what a dataset says of a video to the video with a session: all of it taken, or named.

Each format's reader makes `SourceVideo` of what it finds; what becomes of them is the same for all.
"""

from __future__ import annotations

import contextlib
import filecmp
import secrets
import shutil
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.avsbench.errors import DatasetError
from napari_tavis.formats.segmentation import SegmentationError, Size, decode_segmentation
from napari_tavis.inference.masks import PackedMasks
from napari_tavis.inference.proposals import SCENE_NAME, ObjectKind, Proposal, Proposals
from napari_tavis.media import open_clip
from napari_tavis.session import AnnotationSession, default_directory
from napari_tavis.tasks import CancelToken

PARTIAL = "--partial"


@dataclass(frozen=True)
class Shape:
    """What an annotation says of one frame.

    Attributes
    ----------
    label : str
        How it is called in messages: "7", or "7, item 2".
    class_name : str
        Its class.
    track : hashable, optional
        The track it belongs to, within its video and class; None for an object of its own.
    segmentation : object
        As the file has it, unchecked; None where there is only a box.
    box : str
        The box, for a message, where there is no mask.
    score : float, optional
        The model's, 0 to 1.
    proposed : bool
        Whether the dataset itself says that nobody has looked at it.
    """

    label: str
    class_name: str
    track: Hashable | None
    segmentation: object
    box: str = ""
    score: float | None = None
    proposed: bool = False


@dataclass
class SourceImage:
    """A frame of a video as a dataset lists it.

    Attributes
    ----------
    label : str
        How it is called in messages: "image 5".
    number : int or None
        Of the frame, as the dataset counts; None where that cannot be told.
    problem : str
        Why it cannot.
    sampled : bool
        Whether the number counts frames that were taken out of the video.
    size : tuple of int, optional
        Declared height and width.
    time : float, optional
        Declared time in seconds.
    shapes : list of Shape
        What is annotated.
    left : list of tuple of str
        Annotations that cannot be taken: label and reason.
    """

    label: str
    number: int | None = None
    problem: str = ""
    sampled: bool = False
    size: Size | None = None
    time: float | None = None
    shapes: list[Shape] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class SourceVideo:
    """A video as a dataset lists it.

    Attributes
    ----------
    name : str
        How it is called in messages.
    names : tuple of str
        Paths in the dataset by which its file may be found, the likeliest first.
    images : list of SourceImage
        Its annotated frames.
    in_order : bool
        Whether these are all its frames, in order, where they are as many as the video has.
    left : list of str
        What of it cannot be taken and belongs to no image, a sentence each.
    left_annotations : int
        How many annotations these sentences speak of.
    notes : list of str
        What the user should know.
    """

    name: str
    names: tuple[str, ...] = ()
    images: list[SourceImage] = field(default_factory=list)
    in_order: bool = False
    left: list[str] = field(default_factory=list)
    left_annotations: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def annotations(self) -> int:
        """How many annotations the dataset has of it."""
        found = sum(len(image.shapes) + len(image.left) for image in self.images)
        return found + self.left_annotations


@dataclass(frozen=True)
class ImportedObject:
    """An object of a dataset.

    Attributes
    ----------
    class_name : str
        Its class; passed over for the scene mask.
    masks : PackedMasks
        Its masks by video frame index, at the size of the video.
    kind : {"object", "scene"}
        What it is.
    scores : mapping of int to float
        By frame, where the dataset has any.
    unsure : frozenset of int
        Frames in which nobody has said yet whether it is right.
    """

    class_name: str
    masks: PackedMasks
    kind: ObjectKind = "object"
    scores: Mapping[int, float] = field(default_factory=dict)
    unsure: frozenset[int] = frozenset()


@dataclass(frozen=True)
class ImportReport:
    """What an import made.

    Attributes
    ----------
    videos : tuple of Path
        The videos, each with its session beside it.
    skipped : tuple of str
        What was not taken and why, a sentence each.
    notes : tuple of str
        What was taken in a way that the user should know of.
    annotations, frames : tuple of int
        How many were taken, of how many.
    objects : int
        How many objects the sessions have.
    failed : int
        How many videos were not imported.
    """

    videos: tuple[Path, ...] = ()
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    annotations: tuple[int, int] = (0, 0)
    frames: tuple[int, int] = (0, 0)
    objects: int = 0
    failed: int = 0

    def __add__(self, other: ImportReport) -> ImportReport:
        return ImportReport(
            self.videos + other.videos,
            self.skipped + other.skipped,
            self.notes + other.notes,
            _sum(self.annotations, other.annotations),
            _sum(self.frames, other.frames),
            self.objects + other.objects,
            self.failed + other.failed,
        )

    def summary(self) -> str:
        """Count what was taken, in one sentence."""
        counts = [
            f"{taken} of {count} {what}"
            for (taken, count), what in ((self.annotations, "annotations"), (self.frames, "frames"))
        ]
        return f"Imported {', '.join(counts)}, {self.objects} objects in {len(self.videos)} videos."


def failure(sentence: str) -> ImportReport:
    """Report a video that was not imported."""
    return ImportReport(skipped=(sentence,), failed=1)


def _sum(first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int]:
    return first[0] + second[0], first[1] + second[1]


# Frames


@dataclass(frozen=True)
class Counting:
    """Where a dataset's frames are counted from.

    Attributes
    ----------
    first : int
        0 or 1.
    reason : str
        What decided it.
    """

    first: int
    reason: str


def decided_by_video(
    images: Sequence[SourceImage], times: npt.NDArray[np.float64]
) -> Counting | None:
    """Decide from a video's own frame numbers where they are counted from; None if they do not.

    Parameters
    ----------
    images : sequence of SourceImage
        Of the video.
    times : ndarray of float64, shape (n,)
        When each frame of the video is shown, in seconds.
    """
    numbers = [image.number for image in images if image.number is not None]
    if not numbers:
        return None
    fitting = [first for first in (0, 1) if _times_fit(images, times, first)]
    if len(fitting) == 1:
        return Counting(fitting[0], "by their times")
    if min(numbers) == 0:
        return Counting(0, "there is a frame 0")
    if min(numbers) == 1 and max(numbers) == len(times):
        return Counting(1, f"they run from 1 to {len(times)}, of as many frames")
    return None


def _times_fit(images: Sequence[SourceImage], times: npt.NDArray[np.float64], first: int) -> bool:
    for image in images:
        if image.time is None or image.number is None:
            return False
        frame = image.number - first
        if not 0 <= frame < len(times) or abs(times[frame] - image.time) > 1e-3:
            return False
    return True


def decide_counting(
    video: SourceVideo,
    times: npt.NDArray[np.float64],
    first_frame: int | None,
    elsewhere: Counting | None,
) -> Counting:
    """Decide where a video's frames are counted from.

    Parameters
    ----------
    video : SourceVideo
        The video.
    times : ndarray of float64, shape (n,)
        When each of its frames is shown, in seconds.
    first_frame : {0, 1}, optional
        What the user says.
    elsewhere : Counting, optional
        What other videos of the dataset say.

    Raises
    ------
    DatasetError
        If the numbers begin with 1 and nothing tells whether that is the first frame.
    """
    if video.in_order and len(video.images) == len(times):
        for place, image in enumerate(video.images):
            image.number, image.problem = place, ""
        return Counting(0, "by their order")
    _refuse_samples(video, len(times))
    if first_frame is not None:
        return Counting(first_frame, "as asked")
    own = decided_by_video(video.images, times)
    if own is not None:
        return own
    if elsewhere is not None:
        return elsewhere
    numbers = [image.number for image in video.images if image.number is not None]
    if min(numbers, default=0) == 1:
        raise DatasetError(
            f"{video.name}: its frames begin with 1 and end with {max(numbers)} of "
            f"{len(times)}, so that nothing tells whether 1 is the first frame or the second: "
            "say so with --first-frame 1 or --first-frame 0."
        )
    return Counting(0, "which nothing in the file contradicts; else say --first-frame 1")


def _refuse_samples(video: SourceVideo, count: int) -> None:
    """Refuse numbers of sampled frames, unless every frame was sampled."""
    sampled = [image.number for image in video.images if image.sampled and image.number is not None]
    if sampled and not count - 1 <= max(sampled) <= count:
        raise DatasetError(
            f"{video.name}: its images are numbered by the frames that were sampled from it "
            f"(up to {max(sampled)}), not by its {count} frames: give them a 'frame_index'."
        )


# Objects


@dataclass
class Gathered:
    """What is made of the annotations of a video.

    Attributes
    ----------
    frames : list of int
        The annotated frames, ascending.
    objects : list of ImportedObject
        What is in them.
    left : list of str
        What cannot be taken, a sentence each.
    notes : list of str
        What the user should know.
    annotations, images : int
        How many were taken.
    """

    frames: list[int]
    objects: list[ImportedObject]
    left: list[str]
    notes: list[str]
    annotations: int
    images: int


def gather_objects(
    video: SourceVideo, count: int, size: Size, first: int, cancel: CancelToken
) -> Gathered:
    """Collect the masks of each track, naming every annotation that cannot be taken.

    Parameters
    ----------
    video : SourceVideo
        What the dataset says.
    count : int
        Frames of the video.
    size : tuple of int
        Their height and width.
    first : int
        What the dataset calls the first of them.
    cancel : CancelToken
        Of the job.
    """
    left, notes = list(video.left), list(video.notes)
    placed: list[tuple[int, SourceImage]] = []
    for image in video.images:
        frame = -1 if image.number is None else image.number - first
        if 0 <= frame < count:
            placed.append((frame, image))
            continue
        reason = image.problem or (
            f"it has the frame {image.number}, but the video has the frames {first} to "
            f"{count - 1 + first}: correct it"
        )
        if image.number == count and not first:
            reason += ", or say --first-frame 1 if that is what the first frame is called"
        left.append(f"{video.name}: {image.label}{_with_annotations(image)}: {reason}.")
    placed.sort(key=lambda one: one[0])
    unsure: set[int] = set()
    drafts: dict[Hashable, _Draft] = {}
    other = _other_classes(placed)
    taken = 0
    for frame, image in placed:
        cancel.check()
        for label, reason in image.left:
            left.append(f"{video.name}: annotation {label} in {image.label}: {reason}.")
            unsure.add(frame)
        for shape in image.shapes:
            where = f"{video.name}: annotation {shape.label} in {image.label}"
            try:
                mask = (
                    None
                    if shape.segmentation is None
                    else decode_segmentation(
                        shape.segmentation, size, shape.label, drawn_on=image.size
                    )
                )
            except SegmentationError as error:
                left.append(f"{video.name}: {image.label} (frame {frame + first}): {error}")
                unsure.add(frame)
                continue
            if mask is not None and not mask.any() and isinstance(shape.segmentation, list):
                left.append(f"{where}: its polygons cover no pixel: correct them.")
                unsure.add(frame)
                continue
            key = ("alone", taken) if shape.track is None else (shape.class_name, shape.track)
            draft = drafts.get(key)
            if draft is None:
                draft = drafts[key] = _Draft(shape.class_name, PackedMasks(size))
            taken += 1
            if shape.track is not None and shape.class_name in other.get(shape.track, {}):
                left.append(
                    f"{where}: its track {shape.track} is a {shape.class_name!r} here and a "
                    f"{other[shape.track][shape.class_name]!r} elsewhere: correct its category, "
                    f"or take it as an object of its own with {PARTIAL}."
                )
                unsure.add(frame)
            if mask is None:
                notes.append(f"{where} has only a box ({shape.box}): an object to outline.")
                draft.unsure.add(frame)
            elif frame in draft.masks:
                notes.append(
                    f"{where}: a further part of track {shape.track} in frame {frame + first}, "
                    "joined to it."
                )
                draft.masks[frame] = mask | draft.masks[frame]
            else:
                if not mask.any():
                    notes.append(f"{where} covers no pixel: the object is not there.")
                draft.masks[frame] = mask
            if shape.score is not None:
                draft.scores[frame] = shape.score
            if shape.proposed:
                draft.unsure.add(frame)
    objects = [
        ImportedObject(
            draft.class_name,
            draft.masks,
            "object",
            draft.scores,
            frozenset(draft.unsure | unsure),
        )
        for draft in drafts.values()
    ]
    frames = sorted({frame for frame, _ in placed})
    return Gathered(frames, objects, left, notes, taken, len(placed))


@dataclass
class _Draft:
    """An object while its masks come in."""

    class_name: str
    masks: PackedMasks
    scores: dict[int, float] = field(default_factory=dict)
    unsure: set[int] = field(default_factory=set)


def _with_annotations(image: SourceImage) -> str:
    labels = [*(shape.label for shape in image.shapes), *(label for label, _ in image.left)]
    if not labels:
        return ""
    return f" with annotation{'s' if len(labels) > 1 else ''} {', '.join(labels)}"


def _other_classes(
    placed: Sequence[tuple[int, SourceImage]],
) -> dict[Hashable, dict[str, str]]:
    """Find tracks that change their class, which are slips: the rarer class, and the usual one.

    Where two classes share a number within one frame, tracks are counted per class; that is no
    slip, and each is an object.
    """
    classes: dict[Hashable, Counter[str]] = defaultdict(Counter)
    frames: dict[tuple[Hashable, str], set[int]] = defaultdict(set)
    for frame, image in placed:
        for shape in image.shapes:
            if shape.track is not None:
                classes[shape.track][shape.class_name] += 1
                frames[shape.track, shape.class_name].add(frame)
    per_class = any(
        len(frames[track, first] & frames[track, second]) > 0
        for track, counts in classes.items()
        for first in counts
        for second in counts
        if first < second
    )
    if per_class:
        return {}
    found: dict[Hashable, dict[str, str]] = {}
    for track, counts in classes.items():
        usual = counts.most_common(1)[0][0]
        found[track] = {name: usual for name in counts if name != usual}
    return found


# Files


@contextlib.contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Give a place for a video whose session is made beside it, and move both when they are whole.

    Parameters
    ----------
    target : Path
        Where the video goes; its folder is made if need be. A video that is there already must be
        the same, and stays.

    Yields
    ------
    Path
        Where to write the video meanwhile, by its own name.

    Raises
    ------
    DatasetError
        If another file lies at the target, or it cannot be written there.
    """
    made = [folder for folder in (target.parent, *target.parent.parents) if not folder.exists()]
    stage = target.parent / f".import-{secrets.token_hex(4)}"
    session = default_directory(target)
    done = False
    try:
        stage.mkdir(parents=True)
        video = stage / target.name
        yield video
        if target.exists() and not same_file(video, target):
            raise DatasetError(
                f"{target} is there already and is another file: move it, or import to another "
                "folder."
            )
        there = target.exists()
        if not there:
            video.rename(target)
        try:
            default_directory(video).rename(session)
        except OSError:
            if not there:
                target.unlink()
            raise
        done = True
    except OSError as error:
        raise DatasetError(
            f"{target} cannot be written ({error.strerror or error}): make room, or choose "
            "another folder."
        ) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        if not done:
            for folder in made:
                with contextlib.suppress(OSError):
                    folder.rmdir()


def same_file(first: Path, second: Path) -> bool:
    """Tell whether two files have the same content."""
    return filecmp.cmp(first, second, shallow=False)


def save_session(
    video: Path,
    frames: Sequence[int],
    objects: Sequence[ImportedObject],
    *,
    noted: tuple[Path, str, str] | None = None,
    clock: tuple[Size, npt.NDArray[np.float64]] | None = None,
) -> None:
    """Save a session of masks that were found right, beside its video.

    Every mask is accepted, and so is the absence of an object in a frame without one, but for
    what the objects are unsure of.

    Parameters
    ----------
    video : Path
        The video; there is no session beside it yet.
    frames : sequence of int
        The frames that the dataset annotates.
    objects : sequence of ImportedObject
        What it shows there.
    noted : tuple of Path, str and str, optional
        Root, format and name of the clip in a dataset to which it can be exported again.
    clock : tuple, optional
        Size of the video's frames and when they are shown, where they are known already.

    Raises
    ------
    TavisError
        If the video cannot be read, or the session cannot be written.
    """
    if clock is None:
        with open_clip(video) as clip:
            clock = clip.size, clip.times
    size, times = clock
    proposals = Proposals(
        np.asarray(frames, dtype=np.int64),
        times[list(frames)],
        size,
        [_proposal(item) for item in objects],
        vocabulary=tuple(dict.fromkeys(one.class_name for one in objects if one.kind == "object")),
        frame_count=len(times),
    )
    session = AnnotationSession.create(video, proposals)
    try:
        with session.step("Import"):
            for made, item in zip(session.objects, objects, strict=True):
                for frame in frames:
                    if frame not in item.unsure:
                        session.accept(made.object_id, int(frame))
        if noted is not None:
            session.note_export(*noted)
        session.save()
    finally:
        session.close()


def _proposal(item: ImportedObject) -> Proposal:
    name = SCENE_NAME if item.kind == "scene" else item.class_name
    scores = {frame: item.scores.get(frame, 1.0) for frame in item.masks}
    score = sum(scores.values()) / len(scores) if scores else 1.0
    return Proposal(name, score, item.masks, scores, item.kind)


def is_imported(video: Path) -> bool:
    """Tell whether a video lies there with its session, which an import never touches."""
    return video.exists() and default_directory(video).exists()
