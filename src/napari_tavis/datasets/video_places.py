"""Where the videos of a dataset lie, and what they are called outside of it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from napari_tavis.core.errors import DatasetError
from napari_tavis.core.files import is_file, shown
from napari_tavis.datasets.names import suggest_name

VIDEO_SUFFIXES = frozenset(
    ".3gp .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts .webm .wmv".split()
)
_MOST_FOLDERS = 4
"""How deep videos are looked for in a folder that the user named."""


@dataclass(frozen=True)
class FoundVideo:
    """A video's file.

    Attributes
    ----------
    path : Path
        Where it is.
    name : PurePosixPath
        Its path in the dataset, by which videos are told apart.
    """

    path: Path
    name: PurePosixPath


def target_of(name: PurePosixPath, output: Path, *, distinct: bool = False) -> Path:
    """Give the place of a video's copy: its path in the dataset as one name.

    Parameters
    ----------
    name : PurePosixPath
        That path.
    output : Path
        The folder.
    distinct : bool
        Tell it apart from another video whose path makes the same name.
    """
    path = without_suffix(name.as_posix())
    parts = path.parts[1:] if path.parts[0] == "videos" and len(path.parts) > 1 else path.parts
    made = suggest_name("-".join(parts))
    if distinct:
        made += "-" + hashlib.blake2b(str(name).encode(), digest_size=4).hexdigest()
    suffix = name.suffix if re.fullmatch(r"\.\w{1,8}", name.suffix) else ""
    return output / f"{made}{suffix}"


def without_suffix(name: str) -> PurePosixPath:
    """Give the path of a video without its suffix, by whatever system it was written."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.with_suffix("") if path.suffix.lower() in VIDEO_SUFFIXES else path


def path_in_dataset(text: str) -> PurePosixPath | None:
    """Read a relative path as a dataset has it, by whatever system it was written.

    Returns
    -------
    PurePosixPath or None
        None for a path that is absolute or leads out.
    """
    path = PurePosixPath(text.replace("\\", "/"))
    leads_out = path.is_absolute() or ".." in path.parts or ":" in text or "\0" in text
    return None if leads_out or not path.parts else path


class VideoPlaces:
    """The folders in which a dataset's videos are looked for; no link out of them is followed.

    Parameters
    ----------
    roots : sequence of Path
        The folders; ``videos`` in each of them is looked at as well.
    chosen : bool
        Whether the user named them for the videos. What the dataset has in front of their names
        may differ then: ``data/2024/street.mp4`` is found as ``street.mp4``.
    """

    def __init__(self, roots: Sequence[Path], *, chosen: bool) -> None:
        self.roots = tuple(roots)
        self.chosen = chosen
        self._folders: dict[Path, dict[str, list[str]]] = {}

    def find(self, names: Sequence[str]) -> FoundVideo:
        """Find a video by the first of its names that there is, with or without its suffix.

        Raises
        ------
        DatasetError
            If there is none, or several.
        """
        given = [name for name in names if name]
        paths = [path for name in given for path in self._paths(name)]
        if not paths:
            called = repr(shown(given[0])) if given else "without a name"
            raise DatasetError(
                f"The video {called} is not named by a path inside the dataset: correct it, or "
                "name the folder of the videos with --videos."
            )
        places = [(root, place) for root in self.roots for place in (root, root / "videos")]
        for path in paths:
            for root, place in places:
                if is_file(place / path, root=root):
                    return FoundVideo(place / path, path)
        for path in paths:
            for root, place in places:
                names = self._listed(place / path.parent).get(path.name, ())
                candidates = (place / path.parent / name for name in names)
                found = [file for file in candidates if is_file(file, root=root)]
                if len(found) > 1:
                    raise DatasetError(
                        f"The video {shown(path)} may be "
                        f"{' or '.join(shown(one.name) for one in found)}: give its suffix."
                    )
                if found:
                    return FoundVideo(found[0], path.with_name(found[0].name))
        where = ", ".join(str(root) for root in self.roots)
        raise DatasetError(
            f"The video {shown(given[0])} is in none of {where}, where links that lead out are "
            "not followed: name its folder with --videos."
        )

    def _listed(self, folder: Path) -> dict[str, list[str]]:
        """Give the names of a folder's videos by their stems; a folder is read once."""
        if folder not in self._folders:
            stems: dict[str, list[str]] = defaultdict(list)
            with contextlib.suppress(OSError, ValueError):  # no such folder, or no such name
                for name in sorted(os.listdir(folder)):
                    stem, suffix = os.path.splitext(name)
                    if suffix.lower() in VIDEO_SUFFIXES:
                        stems[stem].append(name)
            self._folders[folder] = stems
        return self._folders[folder]

    def _paths(self, name: str) -> list[PurePosixPath]:
        """Give the paths that a name may have in the folders, the most exact first."""
        path = path_in_dataset(name)
        found = [] if path is None else [path]
        if self.chosen:
            parts = [part for part in re.split(r"[\\/]", name) if part]
            tails = (path_in_dataset("/".join(parts[start:])) for start in range(len(parts)))
            found += [tail for tail in tails if tail is not None and tail not in found]
        return found

    def all(self) -> list[PurePosixPath]:
        """List the videos in the folders, some folders deep, by their paths there."""
        found = []
        for root in self.roots:
            for folder, folders, files in os.walk(root):
                inside = Path(folder).relative_to(root)
                if len(inside.parts) >= _MOST_FOLDERS:
                    folders.clear()
                folders[:] = [name for name in folders if not name.startswith(".")]
                found += [
                    PurePosixPath(inside.as_posix(), name)
                    for name in files
                    if PurePosixPath(name).suffix.lower() in VIDEO_SUFFIXES
                    and not name.startswith(".")
                ]
        return sorted(set(found))
