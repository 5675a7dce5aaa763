"""From a json file of annotations, COCO's or YouTube-VIS's, to videos with sessions."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from napari_tavis.annotation.masks import PackedMasks
from napari_tavis.core.errors import DatasetError, SegmentationError, TavisError
from napari_tavis.core.files import MEGABYTE, read_json
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.datasets.coco_masks import Size, decode_segmentation
from napari_tavis.datasets.coco_reading import Entry, is_youtube_vis, read_coco, read_youtube_vis
from napari_tavis.datasets.files import copy_file
from napari_tavis.datasets.source_video import (
    Counting,
    Shape,
    SourceImage,
    SourceVideo,
    decide_counting,
    decided_by_video,
)
from napari_tavis.datasets.video_places import (
    FoundVideo,
    PictureFolder,
    VideoPlaces,
    find_pictures,
    target_of,
    without_suffix,
)
from napari_tavis.exchange.new_session import (
    ImportedObject,
    ImportReport,
    another_file,
    failure,
    refuse_imported,
    same_file,
    save_session,
    staged,
)
from napari_tavis.media import open_clip

MOST_BYTES = 1024 * MEGABYTE  # those of the largest public sets have half of it

_LISTS = ("videos", "images", "annotations", "categories")


def import_json(
    path: Path,
    output: Path,
    *,
    root: Path | None = None,
    videos: Path | None = None,
    first_frame: int | None = None,
    partial: bool = False,
    task: Task | None = None,
) -> ImportReport:
    """Make a video and a session of every video of a COCO or YouTube-VIS file.

    No link to the file may lead out of `root`, the dataset's folder. The other arguments are those
    of `import_dataset`. Raises `DatasetError` if it is no such file, or its videos cannot be
    identified.
    """
    lists = _read_lists(path, root)
    if not lists["annotations"]:
        raise DatasetError(f"{path} holds no annotations: there is nothing to import.")
    roots = [videos] if videos else [path.parent, path.parent.parent]
    places = VideoPlaces(roots, chosen=videos is not None)
    if is_youtube_vis(lists):
        sources, unassigned = read_youtube_vis(lists)
    else:
        if not lists["videos"] and videos is None:
            raise DatasetError(
                f"{path} lists no videos: sound needs them. Name the folder of the videos with "
                "--videos, or add 'videos' to the file and 'video_id' to its images."
            )
        stems = {} if lists["videos"] else {without_suffix(str(one)): one for one in places.all()}
        sources, unassigned = read_coco(lists, stems)
    work = _Work(places, path.stem, output, first_frame, partial, task or Task())
    return work.run(sources, unassigned)


def _read_lists(path: Path, root: Path | None) -> dict[str, list[Entry]]:
    """Read a json file of lists of objects; missing lists are empty."""
    content = read_json(path, most=MOST_BYTES, root=root)
    if isinstance(content, dict) and "sequences" in content:
        raise DatasetError(f"{path} is a BURST file, which is not read: convert it to YouTube-VIS.")
    if not isinstance(content, dict) or not any(name in content for name in _LISTS):
        raise DatasetError(f"{path} is not a COCO file: it has no 'images' and no 'annotations'.")
    lists = {}
    for name in _LISTS:
        entries = content.get(name) or []
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise DatasetError(
                f"{path} is not a COCO file: its {name!r} must be a list of objects."
            )
        lists[name] = entries
    return lists


@dataclass
class _Work:
    """The import of one file."""

    places: VideoPlaces
    split: str
    output: Path
    first_frame: int | None
    partial: bool
    task: Task

    def run(self, sources: Sequence[SourceVideo], unassigned: SourceVideo) -> ImportReport:
        everything = [*sources, unassigned]
        report = ImportReport(
            skipped=tuple(_leftovers(unassigned)),
            annotations=(0, sum(source.annotations for source in everything)),
            frames=(0, sum(len(source.images) for source in everything)),
        )
        if report.skipped and not self.partial:
            reason = (
                "Nothing was imported, since these may belong to any of the videos: correct them, "
                "or import the rest with --partial."
            )
            return report + ImportReport(skipped=(reason,), failed=max(1, len(sources)))
        found: list[tuple[SourceVideo, FoundVideo | PictureFolder]] = []
        for source in sources:
            try:
                found.append((source, self._find(source)))
            except TavisError as error:
                report += failure(f"{error}{source.name_annotations()}")
        targets = self._targets([place.name for _, place in found])
        used = Counter(_file_of(place).resolve() for _, place in found)
        elsewhere = self._counting_of_all(found)
        for done, ((source, place), target) in enumerate(zip(found, targets, strict=True)):
            self.task.check()
            self.task.report(done, len(found), source.name)
            try:
                if used[_file_of(place).resolve()] > 1:
                    raise DatasetError(
                        f"{source.name}: several videos of the dataset name this file: merge them."
                    )
                refuse_imported(target)
                report += self._import(source, place, target, elsewhere)
            except Cancelled:
                raise
            except TavisError as error:
                report += failure(f"{error}{source.name_annotations()}")
        self.task.report(len(found), len(found), "imported")
        return report

    def _find(self, source: SourceVideo) -> FoundVideo | PictureFolder:
        if not source.images and not source.left:
            raise DatasetError(
                f"{source.name}: no image belongs to this video, so there is nothing to import."
            )
        try:
            return self.places.find(source.names)
        except DatasetError:
            pictures = find_pictures(source, self.places.roots, self.split)
            if pictures is None:
                raise
            return pictures

    def _targets(self, names: Sequence[PurePosixPath]) -> list[Path]:
        """Give every video a place of its own."""
        made = [target_of(name, self.output) for name in names]
        # Case-folded, for disks that hold Clip.mp4 and clip.mp4 to be one file.
        often = Counter(str(target).casefold() for target in made)
        return [
            target_of(name, self.output, distinct=True)
            if often[str(target).casefold()] > 1
            else target
            for name, target in zip(names, made, strict=True)
        ]

    def _counting_of_all(
        self, found: Sequence[tuple[SourceVideo, FoundVideo | PictureFolder]]
    ) -> Counting | None:
        """Decide from all videos together what the frame numbers of a single one leave open."""
        videos = [(source, place.path) for source, place in found if isinstance(place, FoundVideo)]
        if self.first_frame is not None or len(videos) < 2:
            return None
        for source, _ in videos:
            if any(image.number == 0 for image in source.images):
                return Counting(0, f"{source.name} has a frame 0")
        for source, path in videos:
            self.task.check()
            try:
                with open_clip(path, task=self.task.part()) as clip:
                    own = decided_by_video(source.images, clip.times)
            except Cancelled:
                raise
            except TavisError:
                continue  # reported when it is imported
            if own is not None:
                return Counting(own.first, f"as in {source.name}")
        return None

    def _import(
        self,
        source: SourceVideo,
        place: FoundVideo | PictureFolder,
        target: Path,
        elsewhere: Counting | None,
    ) -> ImportReport:
        if isinstance(place, FoundVideo):
            if os.path.exists(target) and not same_file(place.path, target):
                raise DatasetError(another_file(target))
            with open_clip(place.path, task=self.task.part()) as clip:
                size, times = clip.size, clip.times
            counting = decide_counting(source, times, self.first_frame, elsewhere)
            how = f"frames are counted from {counting.first}, {counting.reason}"
            first = counting.first
        else:
            size, times = place.size(), np.arange(len(place.files)) / place.fps
            how, first = place.describe(), 0
        made = collect_objects(source, len(times), size, first, self.task)
        if made.left and not (self.partial and made.annotations):
            return ImportReport(skipped=tuple(made.left), failed=1)
        with staged(target) as video:
            if isinstance(place, FoundVideo):
                copy_file(place.path, video, self.task.part())
                save_session(video, made.frames, made.objects, clock=(size, times))
            else:
                place.write(video, self.task)
                save_session(video, made.frames, made.objects)
        return ImportReport(
            (target,),
            tuple(made.left),
            (f"{source.name}: {how}.", *made.notes),
            (made.annotations, 0),
            (made.images, 0),
            len(made.objects),
        )


def _file_of(place: FoundVideo | PictureFolder) -> Path:
    """Return the file that identifies a video."""
    return place.path if isinstance(place, FoundVideo) else place.files[0]


def _leftovers(unassigned: SourceVideo) -> list[str]:
    """Name what cannot be assigned to a video."""
    images = (f"{image.with_annotations()}: {image.problem}." for image in unassigned.images)
    return [*unassigned.left, *images]


# Objects


@dataclass
class Collected:
    """The annotations of a video, made into objects."""

    frames: list[int]  # annotated, ascending
    objects: list[ImportedObject]
    left: list[str]  # what cannot be used, or only by guessing, a sentence each
    notes: list[str]  # what the user should know, a sentence each
    annotations: int  # how many were used
    images: int  # likewise


def collect_objects(
    video: SourceVideo, count: int, size: Size, first: int, task: Task
) -> Collected:
    """Collect the masks of each track, naming every annotation that cannot be used.

    `count` and `size` are the number of the video's frames and their height and width; `first` is
    the dataset's number of the first of them.
    """
    work = _Collecting(video, size, first)
    work.place_images(count)
    for frame, image in work.placed:
        task.check()
        for label, reason in image.left:
            work.leave(frame, f"annotation {label} in {image.label}: {reason}.")
        for shape in image.shapes:
            work.take(frame, image, shape)
    frames = {frame for frame, _ in work.placed}
    # An annotation that was lost without its frame may belong to any of them
    unsure = frames if video.left_annotations else work.unsure
    objects = [
        ImportedObject(
            draft.class_name,
            draft.masks,
            scores=draft.scores,
            unsure=frozenset(draft.unsure | unsure),
            to_outline=frozenset(draft.to_outline),
        )
        for draft in work.drafts.values()
    ]
    return Collected(sorted(frames), objects, work.left, work.notes, work.taken, len(work.placed))


@dataclass
class _Draft:
    """An object while its masks are collected."""

    class_name: str
    masks: PackedMasks
    scores: dict[int, float] = field(default_factory=dict)
    unsure: set[int] = field(default_factory=set)
    to_outline: set[int] = field(default_factory=set)


class _Collecting:
    """The objects of one video while its annotations are collected, frame by frame."""

    def __init__(self, video: SourceVideo, size: Size, first: int) -> None:
        self.video = video
        self.size = size
        self.first = first
        self.left = list(video.left)
        self.notes = list(video.notes)
        self.placed: list[tuple[int, SourceImage]] = []
        self.drafts: dict[Hashable, _Draft] = {}
        self.unsure: set[int] = set()
        self.taken = 0
        self._slips: dict[Hashable, dict[str, str]] = {}

    def place_images(self, count: int) -> None:
        """Find the frame of every image, in the order of the video."""
        for image in self.video.images:
            frame = -1 if image.number is None else image.number - self.first
            if 0 <= frame < count:
                self.placed.append((frame, image))
                continue
            reason = image.problem or (
                f"it has the frame {image.number}, but the video has the frames {self.first} to "
                f"{count - 1 + self.first}: correct it"
            )
            if image.number == count and not self.first:
                reason += ", or say --first-frame 1 if that is what the first frame is called"
            self._name(f"{image.with_annotations()}: {reason}.")
        self.placed.sort(key=lambda one: one[0])
        self._slips = _slips(self.placed)

    def take(self, frame: int, image: SourceImage, shape: Shape) -> None:
        """Add an annotation of a frame to its object."""
        where = f"annotation {shape.label} in {image.label}"
        mask = None
        if shape.segmentation is not None:
            try:
                mask = decode_segmentation(
                    shape.segmentation, self.size, shape.label, drawn_on=image.size
                )
            except SegmentationError as error:
                self.leave(frame, f"{image.label} (frame {frame + self.first}): {error}")
                return
            if not mask.any() and isinstance(shape.segmentation, list):
                self.leave(frame, f"{where}: its polygons cover no pixel: correct them.")
                return
        usual = self._slips.get(shape.track, {}).get(shape.class_name)
        if usual is not None:
            self.leave(
                frame,
                f"{where}: its track {shape.track} is a {shape.class_name!r} here and a {usual!r} "
                "elsewhere: correct its category, or take it as an object of its own with "
                "--partial.",
            )
        key = ("alone", self.taken) if shape.track is None else (shape.class_name, shape.track)
        draft = self.drafts.get(key)
        if draft is None:
            draft = self.drafts[key] = _Draft(shape.class_name, PackedMasks(self.size))
        self.taken += 1
        if mask is None:
            self._note(f"{where} has only a box ({shape.box}): an object to outline.")
            draft.unsure.add(frame)
            draft.to_outline.add(frame)
        elif frame in draft.masks:
            self._note(f"{where} is a further part of track {shape.track} there: joined to it.")
            draft.masks[frame] |= mask
        else:
            if not mask.any():
                self._note(f"{where} covers no pixel: the object is not there.")
            draft.masks[frame] = mask
        if shape.score is not None:
            draft.scores[frame] = score = min(max(shape.score, 0.0), 1.0)
            if score != shape.score:
                self._note(f"{where} has the score {shape.score:g}, taken as {score:g}.")
        if shape.proposed:
            draft.unsure.add(frame)

    def leave(self, frame: int, sentence: str) -> None:
        """Name an annotation that cannot be used; a person must look at its frame."""
        self._name(sentence)
        self.unsure.add(frame)

    def _name(self, sentence: str) -> None:
        self.left.append(f"{self.video.name}: {sentence}")

    def _note(self, sentence: str) -> None:
        self.notes.append(f"{self.video.name}: {sentence}")


def _slips(placed: Sequence[tuple[int, SourceImage]]) -> dict[Hashable, dict[str, str]]:
    """Find tracks that change their class: for each, the rarer classes and the usual one.

    Where two classes share a number within one frame, tracks are numbered per class: that is no
    mistake, and each is an object.
    """
    frames: dict[Hashable, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for frame, image in placed:
        for shape in image.shapes:
            if shape.track is not None:
                frames[shape.track][shape.class_name].add(frame)
    found: dict[Hashable, dict[str, str]] = {}
    for track, classes in frames.items():
        seen: set[int] = set()
        for there in classes.values():
            if seen & there:
                return {}
            seen |= there
        usual = max(classes, key=lambda name: len(classes[name]))
        found[track] = dict.fromkeys(classes.keys() - {usual}, usual)
    return found
