"""Reading YouTube-VIS files: tracks with a mask per frame, sorted by video.

Source: TrackEval's ``docs/YouTube-VIS-format.txt`` and youtubevos/cocoapi: an annotation is a
track through its video, with ``segmentations`` and ``bboxes`` for each of the video's
``file_names``, null where it is absent. AVISeg and AVSBench-OV are written so, too.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from napari_tavis.core.files import shown
from napari_tavis.datasets.coco_reading import (
    CROWD,
    AnnotationError,
    Entry,
    Key,
    called,
    class_name,
    classes_of,
    fps_of,
    is_crowd,
    key_of,
    label_of,
    name_of_frame,
    score_of,
    shape_of,
    size_of,
    text_of,
    video_names,
)
from napari_tavis.datasets.source_video import SourceImage, SourceVideo


def is_youtube_vis(lists: Mapping[str, Sequence[Entry]]) -> bool:
    """Tell whether a file with videos is YouTube-VIS: tracks with a mask per frame."""
    annotations = lists["annotations"]
    return any("segmentations" in entry for entry in annotations) or (
        not lists["images"] and any("file_names" in entry for entry in lists["videos"])
    )


def read_youtube_vis(lists: Mapping[str, Sequence[Entry]]) -> tuple[list[SourceVideo], SourceVideo]:
    """Sort a file's tracks by video.

    Parameters
    ----------
    lists : mapping of str to sequence of dict
        What the file has under ``videos``, ``annotations`` and ``categories``.

    Returns
    -------
    videos : list of SourceVideo
        What there is of each.
    homeless : SourceVideo
        What belongs to no video that could be told.
    """
    homeless = SourceVideo("")
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
            _take(entry, label, found[0], names, place)
            continue
        number, many = called(entry.get("video_id")), len(found)
        reason = f"{many} videos have" if many else "no video has"
        owner = videos[0] if len(videos) == 1 else homeless
        _leave(owner, label, f"its video_id is {number}, but {reason} that id")
    return videos, homeless


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
            image.problem = "its frame cannot be told: 'file_names' must hold rising numbers"
        video.images.append(image)
    return video


def _leave(video: SourceVideo, label: str, reason: str) -> None:
    start = f"{video.name}: " if video.name else ""
    video.left.append(f"{start}annotation {label}: {reason}.")
    video.left_annotations += 1


def _take(
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
