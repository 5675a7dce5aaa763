"""A video out of the pictures of its frames, for datasets that keep no videos."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from napari_tavis.core.errors import DatasetError
from napari_tavis.core.files import MEGABYTE, is_file, open_picture, read_bytes, shown
from napari_tavis.core.tasks import Task
from napari_tavis.datasets.names import SPLITS
from napari_tavis.datasets.source_video import SourceVideo
from napari_tavis.datasets.video_places import path_in_dataset
from napari_tavis.media import write_video

FOLDERS = ("", "JPEGImages", "images", "frames")
"""Where in a dataset the folders of pictures are, which its lists leave out."""

_MOST_SOUND = 512 * MEGABYTE


@dataclass(frozen=True)
class PictureFolder:
    """The pictures of a video, and its sound.

    Attributes
    ----------
    root : Path
        The folder out of which no link is followed.
    name : PurePosixPath
        Path of their folder in the dataset.
    files : tuple of Path
        The pictures in order.
    fps : float
        How many are shown in a second.
    sound : Path or None
        A wav file that begins with the first picture.
    """

    root: Path
    name: PurePosixPath
    files: tuple[Path, ...]
    fps: float
    sound: Path | None

    def told(self) -> str:
        """Say how the video was made."""
        sound = f"the sound of {shown(self.sound.name)}" if self.sound else "no sound"
        return f"made of its {len(self.files)} pictures, {self.fps:g} a second, with {sound}"

    def size(self) -> tuple[int, int]:
        """Give height and width of the first picture."""
        with open_picture(self.files[0], root=self.root) as picture:
            return picture.height, picture.width

    def write(self, video: Path, task: Task) -> None:
        """Write them as a video, without loss.

        Raises
        ------
        TavisError
            If one cannot be read or is of another size, or the video cannot be written.
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
    """Find the pictures of a video's frames, and number its images by them.

    Parameters
    ----------
    video : SourceVideo
        What the dataset says. Where its pictures are found, the numbers of its images become
        places in their order.
    roots : sequence of Path
        Where to look.
    split : str
        Name of the dataset's list; folders of that name, and of a split that it contains, are
        looked in, too.

    Returns
    -------
    PictureFolder or None
        None where the first picture is nowhere.

    Raises
    ------
    DatasetError
        If another one is missing.
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
    """Read a wav file of 16 bits, float32 ``[samples, channels]`` and samples per second."""
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
    whole = len(samples) // (2 * channels) * 2 * channels
    sound = np.frombuffer(samples[:whole], dtype="<i2").reshape(-1, channels)
    return (sound / np.float32(32768)).astype(np.float32), rate
