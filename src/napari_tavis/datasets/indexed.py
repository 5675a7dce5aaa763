"""Videos as frames and indexed PNG: what DAVIS and YouTube-VOS share.

A pixel is the number of the object, 0 the background, 255 void; an object keeps its number through
the video. The palette is that of PASCAL VOC.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_tavis.annotation.masks import Mask
from napari_tavis.core import files
from napari_tavis.core.errors import DatasetError
from napari_tavis.core.tasks import Task
from napari_tavis.core.vocabulary import palette
from napari_tavis.datasets.files import Violation, check_picture, pictures, write_jpeg
from napari_tavis.datasets.names import SPLITS, Split
from napari_tavis.datasets.tracks import StoredVideo, Track, TrackedVideo, VideoDataset
from napari_tavis.datasets.transaction import commit, staging_folder, tree_lock

VOID = 255  # ignored by evaluations: no object may have this number

MAX_OBJECTS = VOID - 1

Entry = dict[str, Any]


class IndexedVideos(VideoDataset):
    """A dataset of frames and indexed PNG; subclasses say where these are."""

    @abstractmethod
    def image_folder(self, split: Split, name: str) -> PurePosixPath:
        """Return the folder of a video's frames, relative to the dataset's."""

    @abstractmethod
    def mask_folders(self, split: Split, name: str) -> tuple[PurePosixPath, ...]:
        """Return the folders of a video's masks, which all hold the same."""

    @abstractmethod
    def entries(self, root: Path) -> dict[str, tuple[Split, Entry]]:
        """Read what a dataset has on its videos: the split, and what was noted."""

    @abstractmethod
    def texts(self, root: Path, split: Split, name: str, entry: Entry) -> Mapping[Path, str]:
        """Return the lists' new texts with a video added, or replaced."""

    @abstractmethod
    def listings(self, split: Split) -> tuple[str, ...]:
        """Name the lists that get a row."""

    def parts(self, split: Split, name: str) -> tuple[PurePosixPath, ...]:
        """Return all folders of a video."""
        return (self.image_folder(split, name), *self.mask_folders(split, name))

    def videos(self, root: Path) -> list[StoredVideo]:
        return [_stored(name, *found) for name, found in self.entries(root).items()]

    def find(self, root: Path, name: str) -> StoredVideo | None:
        found = self.entries(root).get(name)
        if found is not None:
            return _stored(name, *found)
        unlisted = (
            split
            for split in SPLITS
            if any((root / part).exists() for part in self.parts(split, name))
        )
        return next((StoredVideo(name, split) for split in unlisted), None)

    def place(self, root: Path, split: Split, name: str) -> Path:
        """Return the folder of the masks."""
        return root / self.mask_folders(split, name)[0]

    def lines(self, split: Split, video: TrackedVideo) -> tuple[str, ...]:
        count = len(video.frames)
        masks = self.mask_folders(split, video.name)
        return (
            f"{self.image_folder(split, video.name)}: {count} jpg",
            *(f"{folder}: {count} indexed png" for folder in masks),
            *(f"{name}: its row" for name in self.listings(split)),
        )

    def write(
        self,
        root: Path,
        split: Split,
        video: TrackedVideo,
        overwrite: bool,
        task: Task,
    ) -> list[str]:
        name = video.name
        if len(video.tracks) > MAX_OBJECTS:
            raise DatasetError(
                f"{name} has {len(video.tracks)} objects, but an indexed PNG holds "
                f"{MAX_OBJECTS}: merge or reject some."
            )
        self.replaced(root, name, overwrite)  # before minutes of work, and again under the lock
        images, *masks = self.parts(split, name)
        numbered = _by_first_mask(video)
        numbers = {track.object_id: n for n, track in enumerate(numbered, start=1)}
        stems = frame_stems(video.frames)
        shown: dict[int, list[str]] = {number: [] for number in numbers.values()}
        hidden: set[int] = set()
        with staging_folder(root) as staging:
            for folder in (images, *masks):
                (staging / folder).mkdir(parents=True)
            for frame, picture in pictures(video.clip, video.frames, task):
                found = [(numbers[track.object_id], mask) for track, mask in video.shown(frame)]
                indices = index_map(found, video.size)
                seen = {int(number) for number in np.unique(indices)} - {0}
                hidden |= {number for number, _ in found} - seen
                for number in seen:
                    shown[number].append(stems[frame])
                write_jpeg(staging / images / f"{stems[frame]}.jpg", picture)
                for folder in masks:
                    write_indexed(staging / folder / f"{stems[frame]}.png", indices)
            entry = {
                "objects": {
                    str(number): {"category": track.class_name, "frames": shown[number]}
                    for number, track in enumerate(numbered, start=1)
                },
                **video.noted(),
                **({"license": video.licence} if video.licence else {}),
            }
            with tree_lock(root):
                old = self.replaced(root, name, overwrite)
                texts = self.texts(root, split, name, entry)
                removed = () if old is None else self.parts(old.split, name)
                commit(root, staging, self.parts(split, name), removed, texts)
        task.report(len(video.frames), len(video.frames), "written")
        return self.notes(video, numbered, shown, hidden)

    def notes(
        self,
        video: TrackedVideo,
        numbered: Sequence[Track],
        shown: Mapping[int, Sequence[str]],
        hidden: set[int],
    ) -> list[str]:
        """Say what the format could not hold."""
        return [
            f"{numbered[number - 1].class_name} (object {number}) is covered by other objects "
            "in a frame, where it cannot be written: a pixel is one object's."
            for number in sorted(hidden)
        ]

    def check(self, root: Path, split: Split, name: str) -> Iterator[Violation]:
        """Check frames, masks and lists against each other."""
        found = self.entries(root).get(name)
        if found is None:
            yield Violation(root, f"lists no video {name!r}")
            return
        split, entry = found
        image_folder = root / self.image_folder(split, name)
        images = sorted(path.stem for path in image_folder.glob("*.jpg"))
        for mask_folder in (root / folder for folder in self.mask_folders(split, name)):
            masks = sorted(path.stem for path in mask_folder.glob("*.png"))
            if images != masks:
                lacking = sorted(set(images) ^ set(masks))
                yield Violation(
                    mask_folder, f"does not hold the frames of JPEGImages: {lacking[0]}"
                )
            seen: dict[int, list[str]] = {int(number): [] for number in entry.get("objects", {})}
            for stem in masks:
                path = mask_folder / f"{stem}.png"
                try:
                    image = files.open_picture(path, root=root)
                except files.ForeignFileError as error:
                    yield Violation(path, error.problem)
                    continue
                if image.mode != "P":
                    yield Violation(path, f"is in mode {image.mode}, not an indexed PNG")
                    continue
                size, numbers = image.size, np.unique(np.asarray(image))
                yield from check_picture(image_folder / f"{stem}.jpg", root, size[::-1])
                for number in (int(one) for one in numbers if one):
                    if number not in seen:
                        yield Violation(path, f"shows the object {number}, which meta.json lacks")
                    else:
                        seen[number].append(stem)
            for number, frames in seen.items():
                if frames != entry["objects"][str(number)]["frames"]:
                    yield Violation(
                        mask_folder, f"shows object {number} in other frames than meta.json names"
                    )


def frame_stems(frames: Sequence[int]) -> dict[int, str]:
    """Name the files of frames by their index in the video, so that names sort as frames do.

    Five digits as in both datasets, more in very long videos.
    """
    width = max(5, len(str(max(frames))))
    return {frame: f"{frame:0{width}d}" for frame in frames}


def index_map(masks: Sequence[tuple[int, Mask]], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Lay masks, bool (H, W), over each other, the largest first, so that small ones stay visible.

    Returns the number (1 to 255) of the visible mask per pixel, uint8 (H, W), 0 for none.
    """
    indices = np.zeros(size, dtype=np.uint8)
    for number, mask in sorted(masks, key=lambda pair: -int(np.count_nonzero(pair[1]))):
        indices[mask] = number
    return indices


def write_indexed(path: Path, indices: npt.NDArray[np.uint8]) -> None:
    """Write object numbers, uint8 (H, W), as a PNG with the palette of DAVIS (VOC's)."""
    image = Image.fromarray(indices).convert("P")
    image.putpalette(palette().tobytes())
    image.save(path)


def _by_first_mask(video: TrackedVideo) -> list[Track]:
    """Order objects by appearance, as both datasets number them."""
    first: dict[int, int] = {}
    for frame in video.frames:
        if len(first) == len(video.tracks):
            break
        for track, _ in video.shown(frame):
            first.setdefault(track.object_id, frame)
    never = max(video.frames) + 1
    return sorted(video.tracks, key=lambda track: first.get(track.object_id, never))


def _stored(name: str, split: Split, entry: Entry) -> StoredVideo:
    return StoredVideo(
        name,
        split,
        str(entry.get("fingerprint") or ""),
        str(entry.get("masks", "objects")),
        str(entry.get("license") or ""),
        bool(entry.get("proposals")),
    )


def check_entries(path: Path, videos: object) -> dict[str, Entry]:
    """Return what a ``meta.json`` has on its videos; `DatasetError` if it is something else."""
    if not isinstance(videos, dict) or not all(
        isinstance(one, dict)
        and isinstance(one.get("objects", {}), dict)
        and all(isinstance(item, dict) for item in one.get("objects", {}).values())
        for one in videos.values()
    ):
        raise DatasetError(f"{path} is not a list of videos: 'videos' must hold objects.")
    return videos
