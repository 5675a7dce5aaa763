"""DAVIS and YouTube-VOS: frames, masks as indexed PNG with the VOC palette, ``meta.json``.

Source: YouTube-VOS's folders (``<split>/JPEGImages``, ``Annotations``, ``meta.json``), whose
masks are those of DAVIS 2017: the pixel is the number of the object, 0 the background, and an
object keeps its number through the video.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_tavis.avsbench.errors import ClipExistsError, DatasetError
from napari_tavis.avsbench.layout import Split
from napari_tavis.avsbench.transaction import commit, staging_folder, tree_lock
from napari_tavis.formats.files import pictures, read_json, write_jpeg
from napari_tavis.formats.tracks import Tracks
from napari_tavis.inference.masks import Mask
from napari_tavis.media import Clip
from napari_tavis.tasks import CancelToken, Progress, no_progress
from napari_tavis.vocabulary import palette

FOLDERS: dict[Split, str] = {"train": "train", "val": "valid", "test": "test"}
"""The splits as YouTube-VOS calls them."""

MAX_OBJECTS = 255


def frame_name(frame: int) -> str:
    """Name a frame's files: its index in the video, five digits as in both datasets."""
    return f"{frame:05d}"


def video_parts(split: Split, name: str) -> tuple[PurePosixPath, PurePosixPath]:
    """Give the folders of a video's frames and of its masks."""
    folder = PurePosixPath(FOLDERS[split])
    return folder / "JPEGImages" / name, folder / "Annotations" / name


def meta_file(root: Path, split: Split) -> Path:
    """Give the file that says which objects the videos of a split have."""
    return root / FOLDERS[split] / "meta.json"


def find_video(root: Path, name: str) -> tuple[Split, dict[str, Any]] | None:
    """Find a video in a dataset: its split, and what ``meta.json`` says of it."""
    for split in FOLDERS:
        videos = read_videos(root, split)
        if name in videos:
            return split, videos[name]
    return None


def read_videos(root: Path, split: Split) -> dict[str, Any]:
    """Read what ``meta.json`` says of the videos of a split, by name.

    Raises
    ------
    DatasetError
        If it cannot be read, or is something else.
    """
    path = meta_file(root, split)
    videos = read_json(path).get("videos", {})
    if not isinstance(videos, dict) or not all(isinstance(one, dict) for one in videos.values()):
        raise DatasetError(f"{path} is no meta.json of YouTube-VOS: 'videos' must hold objects.")
    return videos


def write_davis(
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
    """Add a video to a dataset in the format of DAVIS and YouTube-VOS.

    Parameters
    ----------
    root, split, name, tracks, clip, licence, masks, overwrite, progress, cancel
        As for `napari_tavis.formats.coco.write_coco`.

    Returns
    -------
    Path
        Folder of the masks.

    Raises
    ------
    ClipExistsError
        If there is such a video and `overwrite` is False.
    DatasetError
        If there are more objects than a palette has colours, or a file cannot be written.
    """
    cancel = cancel or CancelToken()
    if len(tracks.tracks) > MAX_OBJECTS:
        raise DatasetError(
            f"{name} has {len(tracks.tracks)} objects, but an indexed PNG holds {MAX_OBJECTS}: "
            "merge or reject some."
        )
    if not overwrite and find_video(root, name) is not None:
        raise ClipExistsError(name, "DAVIS", str(root))
    image_folder, mask_folder = video_parts(split, name)
    numbers = {track.item.object_id: n for n, track in enumerate(tracks.tracks, start=1)}
    shown: dict[int, list[str]] = {number: [] for number in numbers.values()}
    with staging_folder(root) as staging:
        for folder in (image_folder, mask_folder):
            (staging / folder).mkdir(parents=True)
        for frame, picture in pictures(clip, tracks.frames, progress, cancel):
            found = [(numbers[t.item.object_id], mask) for t, mask in tracks.masks(frame)]
            write_jpeg(staging / image_folder / f"{frame_name(frame)}.jpg", picture)
            indices = index_map(found, tracks.session.frame_size)
            write_indexed(staging / mask_folder / f"{frame_name(frame)}.png", indices)
            for number in np.unique(indices)[np.unique(indices) > 0]:
                shown[int(number)].append(frame_name(frame))
        with tree_lock(root):
            there = find_video(root, name)
            if there is not None and not overwrite:
                raise ClipExistsError(name, "DAVIS", str(root))
            entry = {
                "objects": {
                    str(number): {"category": track.item.class_name, "frames": shown[number]}
                    for number, track in enumerate(tracks.tracks, start=1)
                },
                "source": clip.path.name,
                "fingerprint": tracks.session.identity.fingerprint,
                "masks": masks,
                **({"license": licence} if licence else {}),
            }
            texts = _meta_texts(root, split, name, entry, there[0] if there else split)
            old = video_parts(there[0], name) if there else ()
            commit(root, staging, (image_folder, mask_folder), old, texts)
    progress(len(tracks.frames), len(tracks.frames), "written")
    return root / mask_folder


def index_map(masks: Sequence[tuple[int, Mask]], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Lay objects over each other, the largest first, so that small ones stay visible.

    Parameters
    ----------
    masks : sequence of (int, ndarray of bool, shape (H, W))
        Numbers, 1 to 255, and masks.
    size : tuple of int
        Height and width.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        The number of the object that is seen, 0 for the background.
    """
    indices = np.zeros(size, dtype=np.uint8)
    for number, mask in sorted(masks, key=lambda pair: -int(np.count_nonzero(pair[1]))):
        indices[mask] = number
    return indices


def write_indexed(path: Path, indices: npt.NDArray[np.uint8]) -> None:
    """Write object numbers, uint8 ``[H, W]``, as a PNG with the palette of DAVIS (VOC's)."""
    image = Image.fromarray(indices).convert("P")
    image.putpalette(palette().tobytes())
    image.save(path)


def _meta_texts(
    root: Path, split: Split, name: str, entry: dict[str, Any], before: Split
) -> dict[Path, str]:
    """Give the new ``meta.json`` of the split, and of the one that held the video before."""
    texts = {}
    for one in dict.fromkeys((before, split)):
        content = read_json(meta_file(root, one))
        videos = {key: value for key, value in read_videos(root, one).items() if key != name}
        if one == split:
            videos[name] = entry
        text = json.dumps({**content, "videos": videos}, indent=1, ensure_ascii=False)
        texts[meta_file(root, one)] = text + "\n"
    return texts
