"""Where a dataset's videos are, as files or folders of pictures, and how copies are named."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import wave
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from napari_tavis.core.errors import DatasetError
from napari_tavis.core.files import MEGABYTE, is_file, open_picture, read_bytes, shown
from napari_tavis.core.tasks import Task
from napari_tavis.datasets.files import path_in_dataset
from napari_tavis.datasets.names import SPLITS, suggest_name
from napari_tavis.datasets.source_video import SourceVideo
from napari_tavis.media import write_video

VIDEO_SUFFIXES = frozenset(
    ".3gp .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts .webm .wmv".split()
)
_MOST_FOLDERS = 4  # how many levels deep videos are looked for in a folder that the user named


@dataclass(frozen=True)
class FoundVideo:
    """A video's file; `name` is its path in the dataset, which identifies it."""

    path: Path
    name: PurePosixPath


def target_of(name: PurePosixPath, output: Path, *, distinct: bool = False) -> Path:
    """Return the place of a video's copy: its path in the dataset, as one file name.

    `distinct` adds a hash of the path, for when another path makes the same name.
    """
    path = without_suffix(name.as_posix())
    parts = path.parts[1:] if path.parts[0] == "videos" and len(path.parts) > 1 else path.parts
    made = suggest_name("-".join(parts))
    if distinct:
        made += "-" + hashlib.blake2b(str(name).encode(), digest_size=4).hexdigest()
    suffix = name.suffix if re.fullmatch(r"\.\w{1,8}", name.suffix) else ""
    return output / f"{made}{suffix}"


def without_suffix(name: str) -> PurePosixPath:
    """Return the path of a video without its suffix, whichever system wrote it."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.with_suffix("") if path.suffix.lower() in VIDEO_SUFFIXES else path


class VideoPlaces:
    """The folders in which a dataset's videos are looked for; no link out of them is followed.

    ``videos`` in each of them is searched as well. `chosen` says whether the user named them for
    the videos. Then the paths in the dataset may differ: ``data/2024/street.mp4`` is found as
    ``street.mp4``.
    """

    def __init__(self, roots: Sequence[Path], *, chosen: bool) -> None:
        self.roots = tuple(roots)
        self.chosen = chosen
        self._folders: dict[Path, dict[str, list[str]]] = {}

    def find(self, names: Sequence[str]) -> FoundVideo:
        """Find a video by the first of its names that exists, with or without its suffix.

        Raises `DatasetError` if there is none, or several.
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
        """Return the names of a folder's videos by their stems; a folder is read once."""
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
        """Return the paths that a name may have in the folders, the most exact first."""
        path = path_in_dataset(name)
        found = [] if path is None else [path]
        if self.chosen:
            parts = [part for part in re.split(r"[\\/]", name) if part]
            tails = (path_in_dataset("/".join(parts[start:])) for start in range(len(parts)))
            found += [tail for tail in tails if tail is not None and tail not in found]
        return found

    def all(self) -> list[PurePosixPath]:
        """List the videos in the folders, some levels deep, by their paths there."""
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


# where datasets keep the folders of pictures, as their lists do not say
FOLDERS = ("", "JPEGImages", "images", "frames")

_MOST_SOUND = 512 * MEGABYTE


@dataclass(frozen=True)
class PictureFolder:
    """The pictures of a video, and its sound."""

    root: Path  # no link out of it is followed
    name: PurePosixPath  # path of the video in the dataset
    files: tuple[Path, ...]  # in order
    fps: float  # pictures per second
    sound: Path | None  # a wav file that begins with the first picture

    def describe(self) -> str:
        """Say how the video was made."""
        sound = f"the sound of {shown(self.sound.name)}" if self.sound else "no sound"
        return f"made of its {len(self.files)} pictures, {self.fps:g} a second, with {sound}"

    def size(self) -> tuple[int, int]:
        """Return height and width of the first picture."""
        with open_picture(self.files[0], root=self.root) as picture:
            return picture.height, picture.width

    def write(self, video: Path, task: Task) -> None:
        """Write them as a lossless video.

        Raises `TavisError` if one cannot be read or is of another size, or the video cannot be
        written.
        """
        waveform, rate = (None, 1) if self.sound is None else _read_wav(self.sound, self.root)
        write_video(video, self._pictures(task), self.fps, waveform, rate, lossless=True)

    def _pictures(self, task: Task) -> Iterator[npt.NDArray[np.uint8]]:
        size = None
        for file in self.files:
            task.check()
            with open_picture(file, root=self.root) as picture:
                size = size or picture.size
                if picture.size != size:
                    raise DatasetError(
                        f"{shown(file)} has {picture.width} x {picture.height} pixels, the first "
                        f"picture of its video {size[0]} x {size[1]}: replace it."
                    )
                yield np.asarray(picture.convert("RGB"))


def find_pictures(video: SourceVideo, roots: Sequence[Path], split: str) -> PictureFolder | None:
    """Find the pictures of a video's frames, and number its images by their order.

    `split` is the name of the dataset's list; folders of that name, and of a split that is part of
    it, are searched too. None if the first picture is nowhere; `DatasetError` if another one is
    missing.
    """
    images = [image for image in video.images if image.number is not None and image.file_name]
    if not video.in_order:
        images.sort(key=lambda image: image.number or 0)
    paths = [path_in_dataset(image.file_name) for image in images]
    named = list(dict.fromkeys(path for path in paths if path is not None))
    if not images or len({path.parent for path in named}) != 1 or None in paths:
        return None
    parts = ("", split, *(one for one in SPLITS if one in split))
    bases = [(root, root / part / name) for root in roots for part in parts for name in FOLDERS]
    for root, base in bases:
        if not is_file(base / named[0], root=root):
            continue
        missing = [path for path in named if not is_file(base / path, root=root)]
        if missing:
            raise DatasetError(
                f"{video.name}: {len(missing)} of its {len(named)} pictures are missing, as "
                f"{shown(base / missing[0])}: restore them, or name the folder of the videos."
            )
        order = {path: place for place, path in enumerate(named)}
        for image, path in zip(images, paths, strict=True):
            assert path is not None
            image.number = order[path]
        folder = named[0].parent
        name = folder if folder.name else PurePosixPath(video.name).name or "video"
        files = tuple(base / path for path in named)
        sound = _find_sound(base, folder, root)
        return PictureFolder(root, PurePosixPath(f"{name}.mp4"), files, video.fps or 1.0, sound)
    return None


def _find_sound(base: Path, folder: PurePosixPath, root: Path) -> Path | None:
    """Find the sound of a folder of pictures: where AVISeg has it, or with the pictures."""
    places = (
        base.parent / "WAVAudios" / f"{folder}.wav",
        base / folder / "audio.wav",
        base / f"{folder}.wav",
    )
    return next((path for path in places if is_file(path, root=root)), None)


def _read_wav(path: Path, root: Path) -> tuple[npt.NDArray[np.float32], int]:
    """Read a 16-bit wav file as float32 (samples, channels), in [-1, 1), and its sampling rate."""
    data = read_bytes(path, most=_MOST_SOUND, root=root)
    try:
        with wave.open(io.BytesIO(data), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            samples = file.readframes(file.getnframes())
    except (wave.Error, EOFError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read as a wav file ({error}): replace it.") from error
    if width != 2 or not 1 <= channels <= 8 or not 1000 <= rate <= 384_000:
        raise DatasetError(
            f"{path} has {channels} channels of {8 * width} bits at {rate} Hz: convert it to 16 "
            "bits."
        )
    # Whole frames only: a file that is cut short still has a sound.
    whole = len(samples) // (2 * channels) * 2 * channels
    sound = np.frombuffer(samples[:whole], dtype="<i2").reshape(-1, channels)
    return (sound / np.float32(32768)).astype(np.float32), rate
