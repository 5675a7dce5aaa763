"""From a COCO file with its videos to videos with sessions, for a person to correct."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from pycocotools import mask as rle

from napari_tavis.avsbench.errors import DatasetError
from napari_tavis.avsbench.names import suggest_name
from napari_tavis.errors import TavisError
from napari_tavis.formats.coco import Entry, read_annotations
from napari_tavis.formats.files import copy_file, path_inside
from napari_tavis.formats.imported import (
    ImportedObject,
    ImportReport,
    is_imported,
    save_session,
)
from napari_tavis.inference.masks import Mask, PackedMasks
from napari_tavis.media import open_clip
from napari_tavis.session import FrameStatus
from napari_tavis.tasks import Cancelled, CancelToken, Progress, no_progress
from napari_tavis.vocabulary import BACKGROUND


def import_coco(
    path: Path,
    output: Path,
    *,
    videos: Path | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> ImportReport:
    """Make a video and a session of every video of a COCO file.

    Parameters
    ----------
    path : Path
        The file. Its ``videos`` name their files; its ``images`` name their video and their
        frame (``frame_index``, or ``frame_id``, counted from 0). Annotations of one ``track_id``
        (or ``instance_id``) are one object; those without one are objects of their own.
    output : Path
        Where videos and sessions go. What is there is left alone.
    videos : Path, optional
        Folder of the videos; by default that of the file or the one above, and ``videos`` in it.
    progress, cancel
        Of the job; cancelling keeps what is finished.

    Returns
    -------
    ImportReport
        Masks are accepted, but for those whose ``status`` is "proposed".

    Raises
    ------
    DatasetError
        If the file cannot be read, or lists no videos.
    """
    cancel = cancel or CancelToken()
    if not path.is_file():
        raise DatasetError(f"{path} is missing: name a COCO json file.")
    content = read_annotations(path)
    if not content["videos"]:
        raise DatasetError(
            f"{path} lists no videos: sound needs them. Add 'videos' with their 'file_name', and "
            "'video_id' and 'frame_index' to the images."
        )
    folders = [videos] if videos else [path.parent, path.parent.parent]
    folders += [folder / "videos" for folder in folders]
    made, skipped = [], []
    data = _Grouped(content)
    for done, video in enumerate(content["videos"]):
        cancel.check()
        progress(done, len(content["videos"]), str(video.get("name", video.get("file_name", ""))))
        try:
            made.append(_import_video(video, data, folders, output, cancel))
        except Cancelled:
            raise
        except TavisError as error:
            skipped.append(str(error))
    progress(len(content["videos"]), len(content["videos"]), "imported")
    return ImportReport(tuple(made), tuple(skipped))


class _Grouped:
    """A COCO file's entries by what they belong to."""

    def __init__(self, content: Entry) -> None:
        self.categories = {one.get("id"): str(one.get("name", "")) for one in content["categories"]}
        self.images: dict[object, list[Entry]] = defaultdict(list)
        self.annotations: dict[object, list[Entry]] = defaultdict(list)
        for image in content["images"]:
            self.images[image.get("video_id")].append(image)
        for annotation in content["annotations"]:
            self.annotations[annotation.get("image_id")].append(annotation)


def _import_video(
    video: Entry, data: _Grouped, folders: Sequence[Path], output: Path, cancel: CancelToken
) -> Path:
    source = _find(str(video.get("file_name", "")), folders)
    name = suggest_name(str(video.get("name") or Path(source).stem))
    target = output / f"{name}{source.suffix}"
    if is_imported(target):
        raise DatasetError(f"{target} is there already, and was left alone.")
    output.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        partial = target.with_name(f".{target.name}.partial")
        partial.unlink(missing_ok=True)
        try:
            copy_file(source, partial, no_progress, cancel)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    with open_clip(target, cancel=cancel) as clip:
        size, count = clip.size, len(clip.times)
    images = {_frame(image, count, source): image for image in data.images[video.get("id")]}
    frames = sorted(images)
    objects = _objects(
        ((frame, data.annotations[images[frame]["id"]]) for frame in frames), data, size
    )
    save_session(target, frames, objects)
    return target


def _find(file_name: str, folders: Sequence[Path]) -> Path:
    path = path_inside(file_name)
    if path is None:
        raise DatasetError(f"The video {file_name!r} is not named by a path inside the dataset.")
    for folder in folders:
        if (folder / path).is_file() and (folder / path).resolve().is_relative_to(folder.resolve()):
            return folder / path
    places = ", ".join(str(folder) for folder in folders)
    raise DatasetError(f"The video {file_name} is in none of {places}: name its folder.")


def _frame(image: Entry, count: int, source: Path) -> int:
    frame = image.get("frame_index", image.get("frame_id"))
    if not isinstance(frame, int) or not 0 <= frame < count:
        raise DatasetError(
            f"An image of {source.name} has the frame {frame!r}, but the video has the frames 0 "
            f"to {count - 1}: give it a 'frame_index'."
        )
    return frame


def _objects(
    frames: Iterable[tuple[int, list[Entry]]], data: _Grouped, size: tuple[int, int]
) -> list[ImportedObject]:
    """Collect the masks of each track."""
    masks: dict[object, PackedMasks] = {}
    classes: dict[object, str] = {}
    scores: dict[object, dict[int, float]] = defaultdict(dict)
    proposed: dict[object, set[int]] = defaultdict(set)
    for frame, found in frames:
        for one in found:
            track = one.get("track_id", one.get("instance_id", ("alone", one.get("id"))))
            mask = decode_segmentation(one.get("segmentation"), size, one.get("id"))
            if track not in masks:
                masks[track] = PackedMasks(size)
                classes[track] = _class_name(data, one)
            masks[track][frame] = mask | masks[track][frame] if frame in masks[track] else mask
            if isinstance(one.get("score"), int | float):
                scores[track][frame] = min(max(float(one["score"]), 0.0), 1.0)
            if one.get("status") == FrameStatus.PROPOSED:
                proposed[track].add(frame)
    return [
        ImportedObject(classes[key], masks[key], "object", scores[key], frozenset(proposed[key]))
        for key in masks
    ]


def _class_name(data: _Grouped, annotation: Entry) -> str:
    name = data.categories.get(annotation.get("category_id"), "").strip()
    if not name or name == BACKGROUND:
        raise DatasetError(
            f"Annotation {annotation.get('id')} has the category "
            f"{annotation.get('category_id')!r}, which names no class: correct it."
        )
    return name


def decode_segmentation(segmentation: object, size: tuple[int, int], number: object) -> Mask:
    """Decode a COCO mask: run lengths, compressed or not, or polygons.

    Parameters
    ----------
    segmentation : object
        As it stands in the file.
    size : tuple of int
        Height and width that it must have.
    number : object
        The annotation's, for the message.

    Returns
    -------
    ndarray of bool, shape (H, W)

    Raises
    ------
    DatasetError
        If it is no mask, or one of another size.
    """
    height, width = size
    try:
        if isinstance(segmentation, list):
            encoded = rle.merge(rle.frPyObjects(segmentation, height, width))
        elif isinstance(segmentation, dict):
            if list(segmentation["size"]) != [height, width]:
                raise ValueError(f"it is of {segmentation['size']}, the video of {[height, width]}")
            encoded = segmentation
            if isinstance(segmentation["counts"], list):
                if sum(segmentation["counts"]) != height * width:
                    raise ValueError("its runs do not fill the picture")
                encoded = rle.frPyObjects(segmentation, height, width)
        else:
            raise ValueError("it is neither run lengths nor polygons")
        return np.asarray(rle.decode(encoded), dtype=bool)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError) as error:
        raise DatasetError(
            f"The mask of annotation {number} cannot be read ({error}): correct it."
        ) from error
