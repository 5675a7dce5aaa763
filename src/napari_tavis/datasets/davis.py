"""DAVIS 2017, as davis2017-evaluation reads it.

Source: its ``davis2017/davis.py``: frames in ``JPEGImages/480p/<video>``, masks in
``Annotations/480p/<video>`` (semi-supervised) and ``Annotations_unsupervised/480p/<video>``, the
videos of a split in ``ImageSets/2017/<split>.txt`` (and, for test-dev unsupervised, in
``ImageSets/2019``). ``480p`` is only the name of the folder that it reads: frames and masks keep
the video's own size. ``meta.json``, which it ignores, keeps categories and licences.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from napari_tavis.core import files
from napari_tavis.core.errors import DatasetError
from napari_tavis.datasets.files import read_json
from napari_tavis.datasets.indexed import Entry, IndexedVideos, check_entries, frame_stems
from napari_tavis.datasets.names import Split, is_path_component
from napari_tavis.datasets.tracks import Track, TrackedVideo

# the lists of each split, under DAVIS's names
SETS: dict[Split, tuple[str, ...]] = {
    "train": ("ImageSets/2017/train.txt",),
    "val": ("ImageSets/2017/val.txt",),
    "test": ("ImageSets/2017/test-dev.txt", "ImageSets/2019/test-dev.txt"),
}

RESOLUTION = "480p"
MOST_SET = 16 << 20  # bytes of the longest list


class Davis(IndexedVideos):
    """A dataset laid out as DAVIS 2017 is."""

    title = "DAVIS"

    def image_folder(self, split: Split, name: str) -> PurePosixPath:
        """Return the folder of a video's frames, the same in all splits."""
        return PurePosixPath("JPEGImages", RESOLUTION, name)

    def mask_folders(self, split: Split, name: str) -> tuple[PurePosixPath, ...]:
        """Return the folders of a video's masks, for the two tasks."""
        return (
            PurePosixPath("Annotations", RESOLUTION, name),
            PurePosixPath("Annotations_unsupervised", RESOLUTION, name),
        )

    def listings(self, split: Split) -> tuple[str, ...]:
        return (*SETS[split], "meta.json")

    def entries(self, root: Path) -> dict[str, tuple[Split, Entry]]:
        """Read the lists of the splits, and what ``meta.json`` has on their videos."""
        known = self._meta(root)
        return {
            name: (split, known.get(name, {}))
            for split, lists in SETS.items()
            for name in read_set(root, lists[0])
        }

    def texts(self, root: Path, split: Split, name: str, entry: Entry) -> Mapping[Path, str]:
        """Return the new ``meta.json`` and lists: the split it joins before the one it leaves."""
        path = root / "meta.json"
        content = {**read_json(path, root), "videos": {**self._meta(root), name: entry}}
        texts = {path: json.dumps(content, indent=1, ensure_ascii=False) + "\n"}
        for one in dict.fromkeys((split, *SETS)):
            for listing in SETS[one]:
                names = read_set(root, listing)
                wanted = [other for other in names if other != name or one == split]
                if one == split and name not in wanted:
                    wanted.append(name)
                if wanted != names:
                    texts[root / listing] = "".join(f"{other}\n" for other in wanted)
        return texts

    def notes(
        self,
        video: TrackedVideo,
        numbered: Sequence[Track],
        shown: Mapping[int, Sequence[str]],
        hidden: set[int],
    ) -> list[str]:
        """Also say which objects the evaluation ignores."""
        notes = super().notes(video, numbered, shown, hidden)
        frames = video.frames
        first = frame_stems(frames)[frames[0]]
        later = [
            track.class_name
            for number, track in enumerate(numbered, start=1)
            if first not in shown[number]
        ]
        if later:
            notes.append(
                f"davis2017-evaluation scores the objects of a video's first frame only, so not "
                f"{', '.join(later)} of {video.name}."
            )
        return notes

    @staticmethod
    def _meta(root: Path) -> dict[str, Entry]:
        path = root / "meta.json"
        return check_entries(path, read_json(path, root).get("videos", {}))


def read_set(root: Path, listing: str) -> list[str]:
    """Read the names of the videos of a split; none if there is no list.

    Raises `DatasetError` if it cannot be read, or a line is not a name of a folder.
    """
    path = root / listing
    try:
        text = files.read_text(path, most=MOST_SET, root=root)
    except files.MissingForeignFileError:
        return []
    except files.ForeignFileError as error:
        raise DatasetError(str(error)) from error
    names = [line.strip() for line in text.splitlines() if line.strip()]
    for name in names:
        if not is_path_component(name):
            raise DatasetError(
                f"{path} names {name!r}, which is not the name of a video: correct it."
            )
    return names
