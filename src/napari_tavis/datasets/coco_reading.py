"""Reading COCO and YouTube-VIS files, sorted by video.

COCO's instance format (cocodataset.org, "Data format") says nothing of videos. Read here are its
dialects that do: ours and TAO's (``frame_index``, ``track_id``), CocoVID's (``frame_id``,
``instance_id``), CVAT's (tracks among the ``attributes``, frames by the image's name), and those
of tools that name only images (Label Studio, X-AnyLabeling, Roboflow), whose videos the user
gives.

YouTube-VIS (TrackEval's ``docs/YouTube-VIS-format.txt`` and youtubevos/cocoapi) has a track per
annotation, with ``segmentations`` and ``bboxes`` for each of the video's ``file_names``, null
where it is absent. AVISeg and AVSBench-OV are written the same way.
"""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath
from typing import TypeAlias

from napari_tavis.annotation.objects import FrameStatus
from napari_tavis.core.files import shown
from napari_tavis.core.vocabulary import BACKGROUND
from napari_tavis.datasets.coco_masks import (
    Size,
    is_number,
)
from napari_tavis.datasets.source_video import Shape, SourceImage, SourceVideo
from napari_tavis.datasets.video_places import without_suffix

Entry: TypeAlias = dict[str, object]
Key: TypeAlias = int | str

_NO_CLASS = frozenset((BACKGROUND, "_background_", "__background__"))
CROWD = "is a crowd (iscrowd): taken as one object"
_LONGEST_KEY = 200  # letters of an id or class
_WIDEST = 1 << 20  # pixels
_SHOWN = 80  # letters of a value in a message
_ROBOFLOW = re.compile(r"(.+)_(mp4|mov|avi|mkv|webm|m4v)-(\d{1,15})_(?:jpg|jpeg|png)\.rf\.\w+")
_NUMBER_AT_END = re.compile(r"(.*?)(\d{1,15})")


class AnnotationError(Exception):
    """Why an annotation cannot be used: the end of a sentence."""


def read_coco(
    lists: Mapping[str, Sequence[Entry]], stems: Mapping[PurePosixPath, PurePosixPath]
) -> tuple[list[SourceVideo], SourceVideo]:
    """Sort a COCO file's images and annotations by video.

    `lists` is what the file has under ``videos``, ``images``, ``annotations`` and ``categories``;
    `stems` are the videos that the user has, by their paths without suffix, for a file without
    videos. Returns the videos, and what could not be assigned to one.
    """
    reader = _Reader(lists, stems)
    reader.place_images()
    reader.place_annotations()
    return list(reader.videos.values()), reader.unassigned


def key_of(value: object) -> Key | None:
    """Read an id, which may be a number or text; a number written as text is that number."""
    if isinstance(value, str):
        text = value.strip()
        if re.fullmatch(r"0|-?[1-9]\d{0,17}", text):
            return int(text)
        return text if 0 < len(text) <= _LONGEST_KEY else None
    if is_number(value) and value == int(value):
        return int(value)
    return None


def quoted(value: object) -> str:
    """Quote a value from the file in a message."""
    return shown(repr(value), _SHOWN)


def text_of(value: object) -> str:
    return value if isinstance(value, str) else ""


def classes_of(categories: Sequence[Entry]) -> dict[Key, set[str]]:
    """Return the names of the categories by id; an id that occurs twice may have two."""
    names: dict[Key, set[str]] = defaultdict(set)
    for category in categories:
        key = key_of(category.get("id"))
        if key is not None:
            names[key].add(text_of(category.get("name")).strip())
    return names


def class_name(names: Mapping[Key, set[str]], annotation: Entry) -> str:
    """Return the class of an annotation; `AnnotationError` if it has none, or more than one."""
    number = annotation.get("category_id")
    key = key_of(number)
    found = names.get(key, set()) if key is not None else set()
    if len(found) > 1:
        raise AnnotationError(
            f"the category {quoted(number)} stands for {' and '.join(sorted(map(quoted, found)))}: "
            "give each class a number of its own"
        )
    name = next(iter(found), "")
    if not name or name in _NO_CLASS or len(name) > _LONGEST_KEY or not name.isprintable():
        raise AnnotationError(f"the category {quoted(number)} names no class: correct it")
    return name


def track_of(annotation: Entry) -> Key | None:
    """Return the track of an annotation; None for an object of its own."""
    attributes = annotation.get("attributes")
    candidates = [annotation.get("track_id"), annotation.get("instance_id")]
    if isinstance(attributes, dict):
        candidates.append(attributes.get("track_id"))
    for value in candidates:
        if value is None or value in (-1, "-1", ""):
            continue
        key = key_of(value)
        if key is None:
            raise AnnotationError(f"its track {quoted(value)} is neither a whole number nor text")
        return key
    return None


def score_of(annotation: Entry) -> float | None:
    score = annotation.get("score")
    if score is None:
        return None
    if not is_number(score):
        raise AnnotationError(f"its score {quoted(score)} is not a number from 0 to 1: correct it")
    return float(score)


def box_of(annotation: Entry) -> str:
    """Describe the box of an annotation without a mask; `AnnotationError` without a box."""
    box = annotation.get("bbox")
    if (
        isinstance(box, list)
        and len(box) == 4
        and all(is_number(side) for side in box)
        and min(box[2:]) > 0
    ):
        return "x {:g}, y {:g}, {:g} x {:g} pixels".format(*box)
    raise AnnotationError("it has neither a mask nor a box: correct it")


def shape_of(annotation: Entry, label: str, names: Mapping[Key, set[str]]) -> Shape:
    """Read an annotation of an image; `AnnotationError` if it cannot be used."""
    segmentation = annotation.get("segmentation")
    bare = segmentation is None or segmentation == []
    return Shape(
        label,
        class_name(names, annotation),
        track_of(annotation),
        None if bare else segmentation,
        box_of(annotation) if bare else "",
        score_of(annotation),
        annotation.get("status") == FrameStatus.PROPOSED,
    )


def is_crowd(annotation: Entry) -> bool:
    """Say whether an annotation covers many objects that were not told apart."""
    return annotation.get("iscrowd") in (1, "1")


def size_of(entry: Entry) -> Size | None:
    """Return the declared height and width; None if there are none."""
    height, width = entry.get("height"), entry.get("width")
    if height is None or width is None:
        return None
    tall, wide = key_of(height), key_of(width)
    if (
        isinstance(tall, int)
        and isinstance(wide, int)
        and min(tall, wide) > 0
        and max(tall, wide) <= _WIDEST
    ):
        return tall, wide
    raise AnnotationError(
        f"its width and height are {quoted(width)} and {quoted(height)}: correct them"
    )


def fps_of(entry: Entry) -> float:
    """Return a video's declared frames per second; 0 without a plausible one."""
    fps = entry.get("fps")
    return float(fps) if is_number(fps) and 0 < fps <= 1000 else 0.0


def label_of(entry: Entry, place: int, what: str) -> str:
    """Name an entry by its id, or by its place in the list if it has none."""
    key = key_of(entry.get("id"))
    return f"{what}number {place + 1} of the list" if key is None else f"{what}{shown(key, _SHOWN)}"


@dataclass
class NamedFrame:
    """What the name of an image says."""

    number: int | None  # of the frame
    video: PurePosixPath  # the name without that number: perhaps the video's
    folder: PurePosixPath
    sampled: bool = False  # whether the number counts frames sampled from the video, not its own


def name_of_frame(file_name: str) -> NamedFrame:
    """Parse the name of an image: ``street/000123.jpg``, ``frame_000123.PNG``, Roboflow's."""
    path = PurePosixPath(file_name.replace("\\", "/"))
    roboflow = _ROBOFLOW.fullmatch(path.stem)
    if roboflow:
        stem, suffix, number = roboflow.groups()
        video = path.with_name(f"{stem}.{suffix}")
        return NamedFrame(int(number), video, path.parent, sampled=True)
    numbered = _NUMBER_AT_END.fullmatch(path.stem)
    if not path.name or numbered is None:
        return NamedFrame(None, path, path.parent)
    stem = numbered.group(1).rstrip("_-. ")
    video = path.with_name(stem) if stem else path.parent
    return NamedFrame(int(numbered.group(2)), video, path.parent)


@dataclass
class _Image:
    """An image with what it may be numbered by."""

    entry: Entry
    source: SourceImage
    name: NamedFrame
    owner: SourceVideo


class _Reader:
    """Sorts the entries of one COCO file."""

    def __init__(
        self,
        lists: Mapping[str, Sequence[Entry]],
        stems: Mapping[PurePosixPath, PurePosixPath],
    ) -> None:
        self.lists = lists
        self.stems = stems
        self.names = classes_of(lists["categories"])
        self.unassigned = SourceVideo("")
        self.videos: dict[object, SourceVideo] = {}
        self.by_id: dict[Key, list[SourceVideo]] = defaultdict(list)
        self.by_name: dict[PurePosixPath, list[SourceVideo]] = defaultdict(list)
        self.matches: dict[tuple[PurePosixPath, PurePosixPath, bool], PurePosixPath | None] = {}
        self.images: dict[Key, list[_Image]] = defaultdict(list)
        self.sizes: dict[int, Size | None] = {}
        for place, entry in enumerate(lists["videos"]):
            names = tuple(video_names(entry))
            shown_name = shown(names[0], _SHOWN) if names else label_of(entry, place, "video ")
            video = SourceVideo(shown_name, names, fps=fps_of(entry))
            self.videos[place] = video
            if names:
                self.by_name[without_suffix(names[0])].append(video)
            with contextlib.suppress(AnnotationError):  # images have sizes of their own
                self.sizes[id(video)] = size_of(entry)
            key = key_of(entry.get("id"))
            if key is not None:
                self.by_id[key].append(video)
        folders = {_folder(entry) for entry in lists["images"]}
        self.one_video = len(stems) == 1 and len(folders) == 1
        """Whether the images are of the one video that the user has, whatever they are called."""

    # Images

    def place_images(self) -> None:
        by_video: dict[int, list[_Image]] = defaultdict(list)
        for place, entry in enumerate(self.lists["images"]):
            file_name = text_of(entry.get("file_name"))
            name = name_of_frame(file_name)
            source = SourceImage(label_of(entry, place, "image "), file_name=file_name)
            try:
                owner = self._video_of(entry, name)
            except AnnotationError as error:
                owner, source.problem = self._only_video(), str(error)
            try:
                source.size = size_of(entry) or self.sizes.get(id(owner))
            except AnnotationError as error:
                source.problem = source.problem or str(error)
            image = _Image(entry, source, name, owner)
            owner.images.append(source)
            key = key_of(entry.get("id"))
            if key is not None:
                self.images[key].append(image)
            if not source.problem:
                by_video[id(owner)].append(image)
        for images in by_video.values():
            _number(images)

    def _only_video(self) -> SourceVideo:
        """Return the file's only video, for what names none; else what takes the unassigned."""
        return next(iter(self.videos.values())) if len(self.videos) == 1 else self.unassigned

    def _video_of(self, entry: Entry, name: NamedFrame) -> SourceVideo:
        number = entry.get("video_id")
        if number is not None:
            key = key_of(number)
            found = self.by_id.get(key, []) if key is not None else []
            if len(found) == 1:
                return found[0]
            many = f"{len(found)} videos have" if found else "no video has"
            raise AnnotationError(f"its video_id is {quoted(number)}, but {many} that id")
        if not self.lists["videos"]:
            return self._video_of_name(name)
        stem = self._matching(name)
        found = [] if stem is None else self.by_name[stem]
        if len(found) != 1:
            raise AnnotationError(
                "its video is unknown: give it a 'video_id', or put it in a folder named like "
                "the video"
            )
        return found[0]

    def _video_of_name(self, name: NamedFrame) -> SourceVideo:
        """Find the video, one that the user has, of an image in a file without videos."""
        stem = next(iter(self.stems)) if self.one_video else self._matching(name)
        # Where no video is called like the folder, the pictures in it may make one.
        path = name.folder if stem is None else self.stems[stem]
        if not path.name:
            raise AnnotationError("its video is unknown: put it in a folder named like the video")
        name_shown = shown(path, _SHOWN)
        return self.videos.setdefault(path, SourceVideo(name_shown, names=(str(path),)))

    def _matching(self, name: NamedFrame) -> PurePosixPath | None:
        wanted = name.video, name.folder, name.sampled
        if wanted not in self.matches:
            known = self.by_name if self.lists["videos"] else self.stems
            self.matches[wanted] = matching_video(name, list(known))
        return self.matches[wanted]

    # Annotations

    def place_annotations(self) -> None:
        for place, entry in enumerate(self.lists["annotations"]):
            label = label_of(entry, place, "")
            try:
                image = self._image_of(entry)
            except AnnotationError as error:
                owner = self._owner(entry)
                start = f"{owner.name}: " if owner.name else ""
                owner.left.append(f"{start}annotation {label}: {error}.")
                owner.left_annotations += 1
                continue
            try:
                self._check_owner(entry, image)
                image.source.shapes.append(shape_of(entry, label, self.names))
                if is_crowd(entry):
                    where = f"annotation {label} in {image.source.label}"
                    image.owner.notes.append(f"{image.owner.name}: {where} {CROWD}.")
            except AnnotationError as error:
                image.source.left.append((label, str(error)))

    def _image_of(self, entry: Entry) -> _Image:
        number = entry.get("image_id")
        key = key_of(number)
        if key is None:
            raise AnnotationError(
                "it names no image: give it an 'image_id'"
                if number is None
                else f"its image_id {quoted(number)} is neither a whole number nor text"
            )
        found = self.images.get(key, [])
        if not found:
            raise AnnotationError(f"there is no image with the id {quoted(number)}")
        first = found[0]
        if any(
            (one.owner is not first.owner or one.source.number != first.source.number)
            for one in found
        ):
            raise AnnotationError(
                f"{len(found)} images have its image_id {quoted(number)}: give each an id "
                "of its own"
            )
        return first

    def _owner(self, entry: Entry) -> SourceVideo:
        key = key_of(entry.get("video_id"))
        named = self.by_id.get(key, []) if key is not None else []
        return named[0] if len(named) == 1 else self._only_video()

    def _check_owner(self, entry: Entry, image: _Image) -> None:
        number = entry.get("video_id")
        if number is None or not self.lists["videos"]:
            return
        key = key_of(number)
        if key is None or image.owner not in self.by_id.get(key, []):
            raise AnnotationError(
                f"its video_id is {quoted(number)}, but its image is of another video"
            )


def _folder(image: Entry) -> PurePosixPath:
    return PurePosixPath(text_of(image.get("file_name")).replace("\\", "/")).parent


def _number(images: Sequence[_Image]) -> None:
    """Give the images of a video their numbers, all by the same field."""
    fields = ("frame_index", "frame_id")
    given = {name: [image.entry.get(name) is not None for image in images] for name in fields}
    complete = (name for name in fields if all(given[name]))
    partly = (name for name in fields if any(given[name]))
    used = next(chain(complete, partly), None)
    for image in images:
        source = image.source
        time = image.entry.get("time")
        source.time = float(time) if is_number(time) else None
        if used is not None:
            value = image.entry.get(used)
            key = key_of(value)
            source.number = key if isinstance(key, int) else None
            source.problem = (
                f"its {used} is {quoted(value)}, which is not a frame number: correct it"
            )
        else:
            source.number, source.sampled = image.name.number, image.name.sampled
            source.problem = (
                "its frame is unknown: it has neither a 'frame_index' nor a 'frame_id', and "
                "its name no number"
            )
        if source.number is not None:
            source.problem = ""


def video_names(entry: Entry) -> Iterator[str]:
    """Yield the names by which a video's file may be found."""
    for name in ("file_name", "name"):
        text = text_of(entry.get(name))
        if text:
            yield text


def matching_video(name: NamedFrame, stems: Sequence[PurePosixPath]) -> PurePosixPath | None:
    """Find the video of an image by its folders, or by its name without the number.

    `stems` are paths of videos, without suffix. None if none, or more than one, fits equally well.
    """
    wanted = [without_suffix(str(name.video)) if name.sampled else name.video]
    if not name.sampled and name.folder != name.video:
        wanted.append(name.folder)
    for path in wanted:
        best = 0
        found: list[PurePosixPath] = []
        for stem in stems:
            common = _common_end(path.parts, stem.parts)
            if common >= min(len(path.parts), len(stem.parts)) and common >= max(best, 1):
                found = [*found, stem] if common == best else [stem]
                best = common
        if len(found) == 1:
            return found[0]
    return None


def _common_end(first: Sequence[str], second: Sequence[str]) -> int:
    count = 0
    for one, other in zip(reversed(first), reversed(second), strict=False):
        if one != other:
            break
        count += 1
    return count


def is_youtube_vis(lists: Mapping[str, Sequence[Entry]]) -> bool:
    """Say whether a file with videos is YouTube-VIS: tracks with a mask per frame."""
    annotations = lists["annotations"]
    return any("segmentations" in entry for entry in annotations) or (
        not lists["images"] and any("file_names" in entry for entry in lists["videos"])
    )


def read_youtube_vis(lists: Mapping[str, Sequence[Entry]]) -> tuple[list[SourceVideo], SourceVideo]:
    """Sort a YouTube-VIS file's tracks by video; see `read_coco`."""
    unassigned = SourceVideo("")
    frames: dict[Key | None, int] = defaultdict(int)
    for entry in lists["annotations"]:
        masks, key = entry.get("segmentations"), key_of(entry.get("video_id"))
        if isinstance(masks, list):
            frames[key] = max(frames[key], len(masks))
    videos: list[SourceVideo] = []
    by_id: dict[Key, list[SourceVideo]] = defaultdict(list)
    for place, entry in enumerate(lists["videos"]):
        key = key_of(entry.get("id"))
        video = _video(entry, label_of(entry, place, "video "), frames.get(key, 0))
        videos.append(video)
        if key is not None:
            by_id[key].append(video)
    names = classes_of(lists["categories"])
    for place, entry in enumerate(lists["annotations"]):
        label = label_of(entry, place, "")
        key = key_of(entry.get("video_id"))
        found = by_id.get(key, []) if key is not None else []
        if len(found) == 1:
            _place_track(entry, label, found[0], names, place)
            continue
        number, many = quoted(entry.get("video_id")), len(found)
        reason = f"{many} videos have" if many else "no video has"
        owner = videos[0] if len(videos) == 1 else unassigned
        _leave(owner, label, f"its video_id is {number}, but {reason} that id")
    return videos, unassigned


def _video(entry: Entry, label: str, frames: int) -> SourceVideo:
    """Read a video; `frames` is how many its tracks have, for one that does not list them."""
    listed = entry.get("file_names")
    file_names = [text_of(name) for name in listed] if isinstance(listed, list) else []
    folders = {PurePosixPath(name.replace("\\", "/")).parent for name in file_names}
    names = list(video_names(entry))
    if len(folders) == 1:
        folder = next(iter(folders))
        names += [path for path in (str(folder), folder.name) if folder.name]
    video = SourceVideo(
        shown(names[0], 80) if names else label, tuple(names), in_order=True, fps=fps_of(entry)
    )
    file_names = file_names or [""] * frames
    numbers = [name_of_frame(name).number for name in file_names]
    known = [number for number in numbers if number is not None]
    rising = len(known) == len(numbers) and known == sorted(set(known))
    size = None
    with contextlib.suppress(AnnotationError):  # run lengths have a size of their own
        size = size_of(entry)
    for place, (number, name) in enumerate(zip(numbers, file_names, strict=True)):
        image = SourceImage(f"item {place}", number if rising else None, size=size, file_name=name)
        if not rising:
            image.problem = "its frame is unknown: 'file_names' must hold rising numbers"
        video.images.append(image)
    return video


def _leave(video: SourceVideo, label: str, reason: str) -> None:
    start = f"{video.name}: " if video.name else ""
    video.left.append(f"{start}annotation {label}: {reason}.")
    video.left_annotations += 1


def _place_track(
    entry: Entry, label: str, video: SourceVideo, names: Mapping[Key, set[str]], place: int
) -> None:
    """Put a track's masks into the frames of its video."""
    masks, boxes = entry.get("segmentations"), entry.get("bboxes")
    if not isinstance(masks, list) or len(masks) != len(video.images):
        count = f"{len(masks)} items" if isinstance(masks, list) else "none"
        _leave(
            video,
            label,
            f"its 'segmentations' must have an item for each of the {len(video.images)} frames of "
            f"the video, not {count}",
        )
        return
    try:
        class_name(names, entry)
        score_of(entry)
    except AnnotationError as error:
        _leave(video, label, str(error))
        return
    if not isinstance(boxes, list) or len(boxes) != len(masks):
        boxes = [None] * len(masks)
    if is_crowd(entry):
        video.notes.append(f"{video.name}: annotation {label} {CROWD}.")
    absent = 0
    for image, mask, box in zip(video.images, masks, boxes, strict=True):
        if mask in (None, []) and (not isinstance(box, list) or not any(box)):
            absent += 1
            continue
        one: Entry = {**entry, "segmentation": mask, "bbox": box, "track_id": place}
        try:
            shape = shape_of(one, label, names)
        except AnnotationError as error:
            image.left.append((label, str(error)))
            continue
        image.shapes.append(shape)
    if absent == len(masks):
        video.notes.append(f"{video.name}: annotation {label} is in no frame: no object was made.")
