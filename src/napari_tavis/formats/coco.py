"""COCO with videos and tracks: ``annotations/<split>.json``, frames as pictures, the video itself.

Source: COCO's instance format (cocodataset.org, "Data format"), with the ``videos``, ``tracks``,
``video_id`` and ``track_id`` of TAO and COCO-VID. Masks are compressed RLE. ``score`` and
``status`` (proposed, edited or accepted) are fields of our own, which other readers pass over.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from pycocotools import mask as rle

from napari_tavis.avsbench.errors import ClipExistsError, DatasetError
from napari_tavis.avsbench.layout import SPLITS, Split
from napari_tavis.avsbench.transaction import commit, staging_folder, tree_lock
from napari_tavis.formats.files import copy_file, path_inside, pictures, read_json, write_jpeg
from napari_tavis.formats.tracks import Track, Tracks
from napari_tavis.inference.masks import Mask
from napari_tavis.media import Clip
from napari_tavis.tasks import CancelToken, Progress, no_progress
from napari_tavis.vocabulary import AVSBENCH_CLASSES, class_index

Entry = dict[str, Any]

_LISTS = ("videos", "images", "annotations", "tracks", "categories", "licenses")


def annotation_file(root: Path, split: str) -> Path:
    """Give the file that holds the annotations of a split."""
    return root / "annotations" / f"{split}.json"


def video_parts(name: str, suffix: str) -> tuple[PurePosixPath, PurePosixPath]:
    """Give the folder of a video's frames, and the copy of the video itself."""
    return PurePosixPath("images", name), PurePosixPath("videos", f"{name}{suffix.lower()}")


def find_video(root: Path, name: str) -> tuple[str, Entry] | None:
    """Find a video in a dataset.

    Returns
    -------
    tuple of str and dict, or None
        Its split, and what the dataset says of it.
    """
    for split in SPLITS:
        for video in read_annotations(annotation_file(root, split))["videos"]:
            if video.get("name") == name:
                return split, video
    return None


def licence_of(root: Path, split: str, video: Entry) -> str:
    """Give the licence that a dataset notes with a video; empty where it notes none."""
    licences = read_annotations(annotation_file(root, split))["licenses"]
    names = (one.get("name") for one in licences if one.get("id") == video.get("license"))
    return str(next(names, ""))


def write_coco(
    root: Path,
    split: Split,
    name: str,
    tracks: Tracks,
    clip: Clip,
    *,
    licence: str = "",
    masks: str = "objects",
    overwrite: bool = False,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Path:
    """Add a video to a COCO dataset, which is made where it does not exist.

    The new files take their places together: an error or a cancel leaves the dataset as it was,
    a killed process leaves the old or the new.

    Parameters
    ----------
    root : Path
        Folder of the dataset.
    split : {"train", "val", "test"}
        The split; a video is in one split only.
    name : str
        Name of the video in the dataset.
    tracks : Tracks
        What is written.
    clip : Clip
        The video, open.
    licence : str
        Noted with the video.
    masks : str
        What the tracks were chosen by; noted with the video.
    overwrite : bool
        Replace the video of the same name.
    progress, cancel
        Of the job.

    Returns
    -------
    Path
        The annotation file.

    Raises
    ------
    ClipExistsError
        If there is such a video and `overwrite` is False.
    DatasetError
        If a file cannot be read or written.
    """
    cancel = cancel or CancelToken()
    folder, copy = video_parts(name, clip.path.suffix)
    if not overwrite and find_video(root, name) is not None:
        raise ClipExistsError(name, "COCO", str(root))
    with staging_folder(root) as staging:
        for place in (staging / folder, (staging / copy).parent):
            place.mkdir(parents=True)
        copy_file(clip.path, staging / copy, progress, cancel)
        found: list[tuple[int, list[Entry]]] = []
        for frame, picture in pictures(clip, tracks.frames, progress, cancel):
            write_jpeg(staging / folder / f"{frame:06d}.jpg", picture)
            found.append((frame, [_annotation(*one, frame) for one in tracks.masks(frame)]))
        with tree_lock(root):
            there = find_video(root, name)
            if there is not None and not overwrite:
                raise ClipExistsError(name, "COCO", str(root))
            texts = _without(root, name, except_split=split)
            content = _Content(read_annotations(annotation_file(root, split)))
            video = content.add_video(name, tracks, clip, copy, licence, masks)
            ids = {
                track.item.object_id: content.add_track(video, track, root)
                for track in tracks.tracks
            }
            for frame, annotations in found:
                content.add_frame(video, frame, float(clip.times[frame]), annotations, ids)
            texts[annotation_file(root, split)] = content.text()
            old = [] if there is None else [folder, *_copy_of(there[1])]
            commit(root, staging, (folder, copy), old, texts)
    progress(len(tracks.frames), len(tracks.frames), "written")
    return annotation_file(root, split)


def _copy_of(video: Entry) -> list[PurePosixPath]:
    """Give the copy that a dataset keeps of a video, if it keeps one."""
    path = path_inside(str(video.get("file_name", "")))
    return [path] if path is not None and path.parts[0] == "videos" else []


def read_annotations(path: Path) -> Entry:
    """Read a COCO file.

    Returns
    -------
    dict
        With lists of objects under ``videos``, ``images``, ``annotations``, ``tracks``,
        ``categories`` and ``licenses``; empty ones where there is no such file.

    Raises
    ------
    DatasetError
        If it cannot be read, or is something else.
    """
    content = read_json(path)
    for name in _LISTS:
        entries = content.setdefault(name, [])
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise DatasetError(f"{path} is no COCO file: its {name!r} must be a list of objects.")
    return content


def encode_rle(mask: Mask) -> Entry:
    """Encode a mask, bool ``[H, W]``, as COCO's compressed run lengths."""
    encoded = rle.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(side) for side in encoded["size"]], "counts": encoded["counts"].decode()}


def _annotation(track: Track, mask: Mask, frame: int) -> Entry:
    """Make an annotation; ids follow when the dataset's lock is held."""
    segmentation = encode_rle(mask)
    return {
        "object": track.item.object_id,
        "segmentation": segmentation,
        "area": int(rle.area(segmentation)),
        "bbox": [float(side) for side in rle.toBbox(segmentation)],
        "iscrowd": 0,
        "score": round(track.score(frame), 4),
        "status": str(track.statuses[frame]),
    }


class _Content:
    """The annotations of one split, while a video is added."""

    def __init__(self, content: Entry) -> None:
        self.content = {"info": {"description": "Made with napari-tavis"}, **content}
        for name in _LISTS:
            self.content.setdefault(name, [])
        self._next = {name: _highest(self.content[name]) + 1 for name in _LISTS}

    def text(self) -> str:
        """Give it as json."""
        return json.dumps(self.content, ensure_ascii=False, separators=(",", ":")) + "\n"

    def add_video(
        self,
        name: str,
        tracks: Tracks,
        clip: Clip,
        copy: PurePosixPath,
        licence: str,
        masks: str,
    ) -> Entry:
        """Add the video; one of the same name goes, and its number with all that refers to it."""
        remove_video(self.content, name)
        height, width = tracks.session.frame_size
        entry = {
            "name": name,
            "file_name": copy.as_posix(),
            "width": width,
            "height": height,
            "length": len(clip.times),
            "source": clip.path.name,
            "fingerprint": tracks.session.identity.fingerprint,
            "masks": masks,
        }
        if licence:
            entry["license"] = self._licence(licence)
        return self._add("videos", entry)

    def add_track(self, video: Entry, track: Track, root: Path) -> Entry:
        """Add an object of the video."""
        return self._add(
            "tracks",
            {
                "video_id": video["id"],
                "category_id": self._category(track.item.class_name, root),
                "object_id": track.item.object_id,
                "score": round(track.item.score, 4),
            },
        )

    def add_frame(
        self,
        video: Entry,
        frame: int,
        time: float,
        annotations: Sequence[Entry],
        tracks: dict[int, Entry],
    ) -> None:
        """Add a frame and its masks."""
        image = {
            "video_id": video["id"],
            "file_name": f"{video['name']}/{frame:06d}.jpg",
            "width": video["width"],
            "height": video["height"],
            "frame_index": frame,
            "time": round(time, 6),
        }
        if "license" in video:
            image["license"] = video["license"]
        image = self._add("images", image)
        for annotation in annotations:
            track = tracks[annotation.pop("object")]
            owners = {
                "image_id": image["id"],
                "video_id": video["id"],
                "track_id": track["id"],
                "category_id": track["category_id"],
            }
            self._add("annotations", {**owners, **annotation})

    def _add(self, name: str, entry: Entry) -> Entry:
        entry = {"id": self._next[name], **entry}
        self._next[name] += 1
        self.content[name].append(entry)
        return entry

    def _licence(self, text: str) -> int:
        for licence in self.content["licenses"]:
            if licence.get("name") == text:
                return int(licence["id"])
        return int(self._add("licenses", {"name": text, "url": ""})["id"])

    def _category(self, name: str, root: Path) -> int:
        """Give a class its number: AVSBench's, or the same free one in all splits."""
        known = _categories(root) | {one["name"]: one["id"] for one in self.content["categories"]}
        number = known.get(name, class_index(name))
        if number is None:
            number = max(len(AVSBENCH_CLASSES) - 1, *known.values(), 0) + 1
        if all(one["name"] != name for one in self.content["categories"]):
            entry = {"id": number, "name": name, "supercategory": "sound source"}
            self.content["categories"].append(entry)
        return int(number)


def _categories(root: Path) -> dict[str, int]:
    """Give the numbers of the classes in all splits of a dataset."""
    return {
        str(category["name"]): int(category["id"])
        for split in SPLITS
        for category in read_annotations(annotation_file(root, split))["categories"]
    }


def _highest(entries: Sequence[Entry]) -> int:
    return max((int(entry.get("id", 0)) for entry in entries), default=0)


def remove_video(content: Entry, name: str) -> None:
    """Take a video, its frames, tracks and masks out of a split's annotations."""
    gone = {one["id"] for one in content.get("videos", []) if one.get("name") == name}
    for key in ("videos", "images", "annotations", "tracks"):
        number = "id" if key == "videos" else "video_id"
        content[key] = [one for one in content.get(key, []) if one.get(number) not in gone]


def _without(root: Path, name: str, except_split: str) -> dict[Path, str]:
    """Give the new texts of the other splits that hold the video: without it."""
    texts = {}
    for split in SPLITS:
        path = annotation_file(root, split)
        content = read_annotations(path)
        if split != except_split and any(v.get("name") == name for v in content["videos"]):
            remove_video(content, name)
            texts[path] = _Content(content).text()
    return texts
