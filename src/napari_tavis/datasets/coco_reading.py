"""Reading COCO files of images, sorted by the videos that they are of.

COCO's instance format (cocodataset.org, "Data format") says nothing of videos. Read here are its
dialects that do: ours and TAO's (``frame_index``, ``track_id``), CocoVID's (``frame_id``,
``instance_id``), CVAT's (tracks among the ``attributes``, frames by the image's name), and those of
tools that name images only (Label Studio, X-AnyLabeling, Roboflow), whose videos the user gives.
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
_LONGEST_KEY = 200
_WIDEST = 1 << 20
_SHOWN = 80
_ROBOFLOW = re.compile(r"(.+)_(mp4|mov|avi|mkv|webm|m4v)-(\d{1,15})_(?:jpg|jpeg|png)\.rf\.\w+")
_NUMBER_AT_END = re.compile(r"(.*?)(\d{1,15})")


class AnnotationError(Exception):
    """Why an annotation cannot be taken: the end of a sentence."""


def read_coco(
    lists: Mapping[str, Sequence[Entry]], stems: Mapping[PurePosixPath, PurePosixPath]
) -> tuple[list[SourceVideo], SourceVideo]:
    """Sort a file's images and annotations by video.

    Parameters
    ----------
    lists : mapping of str to sequence of dict
        What the file has under ``videos``, ``images``, ``annotations`` and ``categories``.
    stems : mapping of PurePosixPath to PurePosixPath
        The videos that the user has, by their paths without suffix: for a file without videos.

    Returns
    -------
    videos : list of SourceVideo
        What there is of each.
    homeless : SourceVideo
        What belongs to no video that could be told.
    """
    reader = _Reader(lists, stems)
    reader.place_images()
    reader.place_annotations()
    return list(reader.videos.values()), reader.homeless


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


def called(value: object) -> str:
    """Show a value out of the file in a message."""
    return shown(repr(value), _SHOWN)


def text_of(value: object) -> str:
    """Give a text out of the file; empty where it is none."""
    return value if isinstance(value, str) else ""


def classes_of(categories: Sequence[Entry]) -> dict[Key, set[str]]:
    """Give the names of the categories by id; an id that stands twice may have two."""
    names: dict[Key, set[str]] = defaultdict(set)
    for category in categories:
        key = key_of(category.get("id"))
        if key is not None:
            names[key].add(text_of(category.get("name")).strip())
    return names


def class_name(names: Mapping[Key, set[str]], annotation: Entry) -> str:
    """Give the class of an annotation.

    Raises
    ------
    AnnotationError
        If there is none, or more than one.
    """
    number = annotation.get("category_id")
    key = key_of(number)
    found = names.get(key, set()) if key is not None else set()
    if len(found) > 1:
        raise AnnotationError(
            f"the category {called(number)} stands for {' and '.join(sorted(map(called, found)))}: "
            "give each class a number of its own"
        )
    name = next(iter(found), "")
    if not name or name in _NO_CLASS or len(name) > _LONGEST_KEY or not name.isprintable():
        raise AnnotationError(f"the category {called(number)} names no class: correct it")
    return name


def track_of(annotation: Entry) -> Key | None:
    """Give the track of an annotation; None for an object of its own.

    Raises
    ------
    AnnotationError
        If it is neither a whole number nor text.
    """
    attributes = annotation.get("attributes")
    candidates = [annotation.get("track_id"), annotation.get("instance_id")]
    if isinstance(attributes, dict):
        candidates.append(attributes.get("track_id"))
    for value in candidates:
        if value is None or value in (-1, "-1", ""):
            continue
        key = key_of(value)
        if key is None:
            raise AnnotationError(f"its track {called(value)} is neither a whole number nor text")
        return key
    return None


def score_of(annotation: Entry) -> float | None:
    """Give the score of an annotation.

    Raises
    ------
    AnnotationError
        If it is no number.
    """
    score = annotation.get("score")
    if score is None:
        return None
    if not is_number(score):
        raise AnnotationError(f"its score {called(score)} is not a number from 0 to 1: correct it")
    return float(score)


def box_of(annotation: Entry) -> str:
    """Show the box of an annotation without a mask.

    Raises
    ------
    AnnotationError
        If it has no box either.
    """
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
    """Read an annotation of an image.

    Raises
    ------
    AnnotationError
        If it cannot be taken.
    """
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
    """Tell whether an annotation covers many objects that were not told apart."""
    return annotation.get("iscrowd") in (1, "1")


def size_of(entry: Entry) -> Size | None:
    """Give the declared height and width; None where they are not told.

    Raises
    ------
    AnnotationError
        If they are none that a picture can have.
    """
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
        f"its width and height are {called(width)} and {called(height)}: correct them"
    )


def fps_of(entry: Entry) -> float:
    """Give a video's declared frames per second; 0 where it tells none that can be."""
    fps = entry.get("fps")
    return float(fps) if is_number(fps) and 0 < fps <= 1000 else 0.0


def label_of(entry: Entry, place: int, what: str) -> str:
    """Call an entry by its id, or by its place in the list where it has none."""
    key = key_of(entry.get("id"))
    return f"{what}number {place + 1} of the list" if key is None else f"{what}{shown(key, _SHOWN)}"


@dataclass
class NamedFrame:
    """What the name of an image says.

    Attributes
    ----------
    number : int or None
        The frame.
    video : PurePosixPath
        The name without that number: perhaps the video's.
    folder : PurePosixPath
        Where it is.
    sampled : bool
        Whether the number counts frames that were taken out of the video, not those of the video.
    """

    number: int | None
    video: PurePosixPath
    folder: PurePosixPath
    sampled: bool = False


def name_of_frame(file_name: str) -> NamedFrame:
    """Read the name of an image: ``street/000123.jpg``, ``frame_000123.PNG``, Roboflow's."""
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
    """Sorts the entries of one file."""

    def __init__(
        self,
        lists: Mapping[str, Sequence[Entry]],
        stems: Mapping[PurePosixPath, PurePosixPath],
    ) -> None:
        self.lists = lists
        self.stems = stems
        self.names = classes_of(lists["categories"])
        self.homeless = SourceVideo("")
        self.videos: dict[object, SourceVideo] = {}
        self.by_id: dict[Key, list[SourceVideo]] = defaultdict(list)
        self.by_name: dict[PurePosixPath, list[SourceVideo]] = defaultdict(list)
        self.matches: dict[tuple[PurePosixPath, PurePosixPath, bool], PurePosixPath | None] = {}
        self.images: dict[Key, list[_Image]] = defaultdict(list)
        self.sizes: dict[int, Size | None] = {}
        for place, entry in enumerate(lists["videos"]):
            names = tuple(video_names(entry))
            called_so = shown(names[0], _SHOWN) if names else label_of(entry, place, "video ")
            video = SourceVideo(called_so, names, fps=fps_of(entry))
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
        """Give the video of what names none: the only one of the file, or none."""
        return next(iter(self.videos.values())) if len(self.videos) == 1 else self.homeless

    def _video_of(self, entry: Entry, name: NamedFrame) -> SourceVideo:
        number = entry.get("video_id")
        if number is not None:
            key = key_of(number)
            found = self.by_id.get(key, []) if key is not None else []
            if len(found) == 1:
                return found[0]
            many = f"{len(found)} videos have" if found else "no video has"
            raise AnnotationError(f"its video_id is {called(number)}, but {many} that id")
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
        """Find the video of an image of a file that lists none: one that the user has."""
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
                else f"its image_id {called(number)} is neither a whole number nor text"
            )
        found = self.images.get(key, [])
        if not found:
            raise AnnotationError(f"there is no image with the id {called(number)}")
        first = found[0]
        if any(
            (one.owner is not first.owner or one.source.number != first.source.number)
            for one in found
        ):
            raise AnnotationError(
                f"its image_id {called(number)} stands on {len(found)} images: give each an id "
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
                f"its video_id is {called(number)}, but its image is of another video"
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
            source.problem = f"its {used} is {called(value)}, which is no frame number: correct it"
        else:
            source.number, source.sampled = image.name.number, image.name.sampled
            source.problem = (
                "its frame cannot be told: it has neither a 'frame_index' nor a 'frame_id', and "
                "its name no number"
            )
        if source.number is not None:
            source.problem = ""


def video_names(entry: Entry) -> Iterator[str]:
    """Give the names by which a video's file may be found."""
    for name in ("file_name", "name"):
        text = text_of(entry.get(name))
        if text:
            yield text


def matching_video(name: NamedFrame, stems: Sequence[PurePosixPath]) -> PurePosixPath | None:
    """Find the video of an image by its folders, or by its name without the number.

    Parameters
    ----------
    name : NamedFrame
        What the image's name says.
    stems : sequence of PurePosixPath
        Paths of the videos, without suffix.

    Returns
    -------
    PurePosixPath or None
        None where none, or more than one, fits as well.
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
