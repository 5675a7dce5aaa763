"""COCO with videos and tracks: ``annotations/<split>.json``, frames as pictures, the video itself.

Source: COCO's instance format (cocodataset.org, "Data format"), with the ``videos``, ``tracks``,
``video_id`` and ``track_id`` of TAO and COCO-VID. Masks are compressed RLE. ``score`` and
``status`` (proposed, edited or accepted) are fields of our own, which other readers ignore.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from pycocotools import mask as rle
from pycocotools.coco import COCO

from napari_tavis.annotation.masks import Mask
from napari_tavis.core.errors import DatasetError
from napari_tavis.core.files import is_file
from napari_tavis.core.tasks import Task
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES, class_index
from napari_tavis.datasets.coco_masks import encode_rle
from napari_tavis.datasets.files import (
    Violation,
    check_picture,
    copy_file,
    path_in_dataset,
    pictures,
    read_json,
    write_jpeg,
)
from napari_tavis.datasets.names import SPLITS, Split
from napari_tavis.datasets.tracks import StoredVideo, Track, TrackedVideo, VideoDataset
from napari_tavis.datasets.transaction import commit, staging_folder, tree_lock

Entry = dict[str, Any]

_LISTS = ("videos", "images", "annotations", "tracks", "categories", "licenses")


def annotation_file(root: Path, split: str) -> Path:
    """Return the file that holds the annotations of a split."""
    return root / "annotations" / f"{split}.json"


def video_parts(name: str, suffix: str) -> tuple[PurePosixPath, PurePosixPath]:
    """Return the folder of a video's frames, and the copy of the video itself."""
    return PurePosixPath("images", name), PurePosixPath("videos", f"{name}{suffix.lower()}")


class CocoVideos(VideoDataset):
    """A COCO dataset with videos and tracks."""

    title = "COCO"

    def videos(self, root: Path) -> list[StoredVideo]:
        return [
            _stored(content, split, video)
            for split in SPLITS
            for content in [_own_annotations(root, split)]
            for video in content["videos"]
        ]

    def find(self, root: Path, name: str) -> StoredVideo | None:
        listed = (video for video in self.videos(root) if video.name == name)
        unlisted = StoredVideo(name, "train") if (root / "images" / name).exists() else None
        return next(listed, unlisted)

    def place(self, root: Path, split: Split, name: str) -> Path:
        """Return the annotation file."""
        return annotation_file(root, split)

    def lines(self, split: Split, video: TrackedVideo) -> tuple[str, ...]:
        folder, copy = video_parts(video.name, video.clip.path.suffix)
        return (
            f"annotations/{split}.json: {len(video.frames)} images, {len(video.tracks)} tracks",
            f"{folder}: {len(video.frames)} jpg",
            f"{copy}: the video with its sound",
        )

    def write(
        self,
        root: Path,
        split: Split,
        video: TrackedVideo,
        overwrite: bool,
        task: Task,
    ) -> list[str]:
        """Add a video to the dataset; the annotations of its own split change first."""
        clip, name = video.clip, video.name
        folder, copy = video_parts(name, clip.path.suffix)
        self.replaced(root, name, overwrite)  # before minutes of work, and again under the lock
        with staging_folder(root) as staging:
            for place in (staging / folder, (staging / copy).parent):
                place.mkdir(parents=True)
            copy_file(clip.path, staging / copy, task)
            found: list[tuple[int, list[Entry]]] = []
            for frame, picture in pictures(clip, video.frames, task):
                write_jpeg(staging / folder / f"{frame:06d}.jpg", picture)
                found.append((frame, [_annotation(*one, frame) for one in video.shown(frame)]))
            with tree_lock(root):
                old = self.replaced(root, name, overwrite)
                content = _Content(_own_annotations(root, split))
                entry = content.add_video(video, copy)
                ids = {
                    track.object_id: content.add_track(entry, track, root) for track in video.tracks
                }
                for frame, annotations in found:
                    time = float(clip.times[frame])
                    content.add_frame(entry, frame, time, annotations, ids)
                # In this order: a kill in between leaves the video in both splits, not in none.
                texts = {annotation_file(root, split): content.text()}
                texts |= _without(root, name, except_split=split)
                removed = [] if old is None else [folder, *_copies_of(root, old.split, name)]
                commit(root, staging, (folder, copy), removed, texts)
        task.report(len(video.frames), len(video.frames), "written")
        return []

    def check(self, root: Path, split: Split, name: str) -> Iterator[Violation]:
        """Check a video through COCO's own reader."""
        path = annotation_file(root, split)
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
                data = COCO(str(path))
        except (OSError, ValueError, KeyError, TypeError, AssertionError) as error:
            yield Violation(path, f"cannot be read by COCO's reader ({error})")
            return
        videos = [one for one in data.dataset.get("videos", []) if one.get("name") == name]
        if len(videos) != 1:
            yield Violation(path, f"lists {len(videos)} videos named {name!r}, not one")
            return
        video = videos[0]
        if not is_file(root / video["file_name"], root=root):
            yield Violation(root / video["file_name"], "is missing")
        size = (video["height"], video["width"])
        for image in data.dataset["images"]:
            if image["video_id"] != video["id"]:
                continue
            yield from check_picture(root / "images" / image["file_name"], root, size)
            for one in data.imgToAnns[image["id"]]:
                problem = _mask_problem(data, one, size)
                if problem:
                    yield Violation(path, f"annotation {one['id']} {problem}")


def _mask_problem(data: COCO, annotation: Entry, size: tuple[int, int]) -> str:
    if annotation["category_id"] not in data.cats:
        return f"has the category {annotation['category_id']}, which is not listed"
    mask = data.annToMask(annotation)
    if mask.shape != size:
        return f"has a mask of {mask.shape[1]} x {mask.shape[0]} pixels"
    if int(mask.sum()) != annotation["area"]:
        return f"says its area is {annotation['area']}, but it is {int(mask.sum())}"
    box = [float(side) for side in rle.toBbox(annotation["segmentation"])]
    return "" if box == annotation["bbox"] else f"says its box is {annotation['bbox']}"


def _stored(content: Entry, split: Split, video: Entry) -> StoredVideo:
    licences = (
        one.get("name") for one in content["licenses"] if one.get("id") == video.get("license")
    )
    return StoredVideo(
        str(video.get("name", "")),
        split,
        str(video.get("fingerprint") or ""),
        str(video.get("masks", "objects")),
        str(next(licences, "")),
        bool(video.get("proposals")),
    )


def _copies_of(root: Path, split: str, name: str) -> list[PurePosixPath]:
    """Return the copies that a dataset keeps of a video."""
    videos = _own_annotations(root, split)["videos"]
    found = (
        path_in_dataset(str(one.get("file_name", ""))) for one in videos if one.get("name") == name
    )
    return [path for path in found if path is not None and path.parts[0] == "videos"]


def read_annotations(path: Path, root: Path | None = None) -> Entry:
    """Read a COCO file's lists of objects, those of ``_LISTS``; empty ones if there is no file.

    Raises `DatasetError` if it cannot be read, or is something else.
    """
    content = read_json(path, root)
    for name in _LISTS:
        entries = content.setdefault(name, [])
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise DatasetError(
                f"{path} is not a COCO file: its {name!r} must be a list of objects."
            )
    return content


def _own_annotations(root: Path, split: str) -> Entry:
    """Read the annotations of a split to add to them, which needs ids and names.

    Raises `DatasetError` if they cannot be read, or an id or name is missing.
    """
    path = annotation_file(root, split)
    content = read_annotations(path, root)
    for name in _LISTS:
        for entry in content[name]:
            if not _is_number(entry.get("id")):
                raise DatasetError(
                    f"{path} has an entry under {name!r} whose id is {entry.get('id')!r}, no whole "
                    "number: correct it, or export to another folder."
                )
    for category in content["categories"]:
        if not isinstance(category.get("name"), str):
            raise DatasetError(f"{path} has a category without a name: name it.")
    return content


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _annotation(track: Track, mask: Mask, frame: int) -> Entry:
    """Make an annotation; it gets its ids once the dataset's lock is held."""
    segmentation = encode_rle(mask)
    return {
        "object": track.object_id,
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
        return json.dumps(self.content, ensure_ascii=False, separators=(",", ":")) + "\n"

    def add_video(self, video: TrackedVideo, copy: PurePosixPath) -> Entry:
        """Add the video, replacing one of the same name and everything that refers to it."""
        remove_video(self.content, video.name)
        height, width = video.size
        entry = {
            "name": video.name,
            "file_name": copy.as_posix(),
            "width": width,
            "height": height,
            "length": len(video.clip.times),
            **video.noted(),
        }
        if video.licence:
            entry["license"] = self._licence(video.licence)
        return self._add("videos", entry)

    def add_track(self, video: Entry, track: Track, root: Path) -> Entry:
        return self._add(
            "tracks",
            {
                "video_id": video["id"],
                "category_id": self._category(track.class_name, root),
                "object_id": track.object_id,
                "score": round(track.object_score, 4),
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
        """Return the id of a class: AVSBench's, or the same free one in all splits."""
        known = _categories(root) | {one["name"]: one["id"] for one in self.content["categories"]}
        number = known.get(name, class_index(name))
        if number is None:
            number = max(len(AVSBENCH_CLASSES) - 1, *known.values(), 0) + 1
        if all(one["name"] != name for one in self.content["categories"]):
            entry = {"id": number, "name": name, "supercategory": "sound source"}
            self.content["categories"].append(entry)
        return int(number)


def _categories(root: Path) -> dict[str, int]:
    """Return the ids of the classes in all splits of a dataset."""
    return {
        str(category["name"]): int(category["id"])
        for split in SPLITS
        for category in _own_annotations(root, split)["categories"]
    }


def _highest(entries: Sequence[Entry]) -> int:
    return max((int(entry.get("id", 0)) for entry in entries), default=0)


def remove_video(content: Entry, name: str) -> None:
    """Remove a video, its frames, tracks and masks from a split's annotations."""
    gone = {one["id"] for one in content.get("videos", []) if one.get("name") == name}
    for key in ("videos", "images", "annotations", "tracks"):
        number = "id" if key == "videos" else "video_id"
        content[key] = [one for one in content.get(key, []) if one.get(number) not in gone]


def _without(root: Path, name: str, except_split: str) -> dict[Path, str]:
    """Return the new texts of the other splits that hold the video: without it."""
    texts = {}
    for split in SPLITS:
        path = annotation_file(root, split)
        content = _own_annotations(root, split)
        if split != except_split and any(v.get("name") == name for v in content["videos"]):
            remove_video(content, name)
            texts[path] = _Content(content).text()
    return texts
