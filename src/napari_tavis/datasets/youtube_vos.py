"""YouTube-VOS: ``<split>/JPEGImages``, ``<split>/Annotations``, ``<split>/meta.json``.

Source: the folders that YouTube-VOS's loaders read; ``meta.json`` names the category of each
object and the frames that show it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from napari_tavis.datasets.files import read_json
from napari_tavis.datasets.indexed import Entry, IndexedVideos, check_entries
from napari_tavis.datasets.names import Split

# the splits as YouTube-VOS calls them
FOLDERS: dict[Split, str] = {"train": "train", "val": "valid", "test": "test"}


class YouTubeVos(IndexedVideos):
    """A dataset laid out as YouTube-VOS is."""

    title = "YouTube-VOS"

    def image_folder(self, split: Split, name: str) -> PurePosixPath:
        return PurePosixPath(FOLDERS[split], "JPEGImages", name)

    def mask_folders(self, split: Split, name: str) -> tuple[PurePosixPath, ...]:
        return (PurePosixPath(FOLDERS[split], "Annotations", name),)

    def listings(self, split: Split) -> tuple[str, ...]:
        return (f"{FOLDERS[split]}/meta.json",)

    def entries(self, root: Path) -> dict[str, tuple[Split, Entry]]:
        return {
            name: (split, entry) for split in FOLDERS for name, entry in _read(root, split).items()
        }

    def texts(self, root: Path, split: Split, name: str, entry: Entry) -> Mapping[Path, str]:
        """Return the new ``meta.json`` of the split, then of another that held the video."""
        texts = {}
        for one in dict.fromkeys((split, *FOLDERS)):
            path = _meta_file(root, one)
            videos = _read(root, one)
            if one != split and name not in videos:
                continue
            videos = {key: value for key, value in videos.items() if key != name}
            if one == split:
                videos[name] = entry
            content = {**read_json(path, root), "videos": videos}
            texts[path] = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        return texts


def _meta_file(root: Path, split: Split) -> Path:
    return root / FOLDERS[split] / "meta.json"


def _read(root: Path, split: Split) -> dict[str, Entry]:
    path = _meta_file(root, split)
    return check_entries(path, read_json(path, root).get("videos", {}))
