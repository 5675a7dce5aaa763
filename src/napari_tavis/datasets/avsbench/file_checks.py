"""Checks of single files: each gives the sentences that say what is wrong, or none.

Nothing that a file holds is ever executed; a damaged file is a finding, not an exception.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_tavis.core.errors import DatasetError
from napari_tavis.core.files import ForeignFileError, open_file
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import images, sound, vggish
from napari_tavis.datasets.avsbench.layout import OBJECT_SIZE
from napari_tavis.datasets.violations import without_path

LOG_MEL_TOLERANCE = 1e-3
"""How far a log-mel value may lie from the one computed from the wav file."""

_MOST_BOXES = 10_000


def check_object_frame(path: Path, tree: Path) -> list[str]:
    """Check a frame of S4 or MS3."""
    image, problems = _image(path, tree, "PNG")
    return problems if image is None else problems + _object_size(image) + _mode(image, ("RGB",))


def check_object_mask(path: Path, tree: Path) -> list[str]:
    """Check a mask of S4 or MS3."""
    image, problems = _image(path, tree, "PNG")
    if image is None:
        return problems
    problems += _object_size(image) + _mode(image, ("L",))
    if image.mode == "L":
        odd = sorted({int(value) for value in np.unique(np.asarray(image))} - {0, 255})
        if odd:
            problems.append(f"holds the values {odd[:5]} besides 0 and 255")
    return problems


def check_semantic_frame(path: Path, tree: Path) -> tuple[list[str], tuple[int, int] | None]:
    """Check a frame of the semantic tree.

    Returns
    -------
    problems : list of str
    size : tuple of int or None
        Width and height, if it is readable.
    """
    image, problems = _image(path, tree, "JPEG")
    if image is None:
        return problems, None
    return problems + _mode(image, ("RGB",)), image.size


def check_semantic_label(
    rgb_path: Path, index_path: Path, tree: Path, size: tuple[int, int] | None
) -> tuple[list[tuple[Path, str]], set[int]]:
    """Check the two files of a semantic label.

    Parameters
    ----------
    rgb_path, index_path : Path
        Palette colours and indices.
    tree : Path
        Which they must lie in.
    size : tuple of int or None
        Width and height of the frame, if known.

    Returns
    -------
    problems : list of (Path, str)
    classes : set of int
        Classes that the label shows, without the background.
    """
    rgb, rgb_problems = _rgb_label(rgb_path, tree, size)
    index, index_problems = _index_label(index_path, tree, size)
    problems = [(rgb_path, problem) for problem in rgb_problems]
    problems += [(index_path, problem) for problem in index_problems]
    if rgb is not None and index is not None and rgb.shape == index.shape:
        differing = int(np.count_nonzero(rgb != index))
        if differing:
            problems.append((index_path, f"differs from {rgb_path} in {differing} pixels"))
    shown: set[int] = set()
    for path, classes in ((rgb_path, rgb), (index_path, index)):
        if classes is not None:
            shown |= {int(value) for value in np.unique(classes)}
            if classes.all():
                problems.append((path, "has no background pixel"))
    return problems, {value for value in shown if 0 < value < len(AVSBENCH_CLASSES)}


def _rgb_label(
    path: Path, tree: Path, size: tuple[int, int] | None
) -> tuple[npt.NDArray[np.uint8] | None, list[str]]:
    image, problems = _image(path, tree, "PNG")
    if image is None:
        return None, problems
    problems += _frame_size(image, size) + _mode(image, ("RGB", "P"))
    colors = np.asarray(image.convert("RGB"))
    classes, known = images.colors_to_classes(colors)
    if not known.all():
        row, column = (int(place) for place in np.argwhere(~known)[0])
        color = tuple(int(value) for value in colors[row, column])
        problems.append(
            f"holds the colour {color} at row {row}, column {column}, which is not a class; "
            "loaders take it for background"
        )
    return classes, problems


def _index_label(
    path: Path, tree: Path, size: tuple[int, int] | None
) -> tuple[npt.NDArray[np.uint8] | None, list[str]]:
    image, problems = _image(path, tree, "PNG")
    if image is None:
        return None, problems
    problems += _frame_size(image, size) + _mode(image, ("L",))
    if image.mode != "L":
        return None, problems
    values = np.asarray(image)
    if int(values.max(initial=0)) >= len(AVSBENCH_CLASSES):
        problems.append(
            f"holds class index {int(values.max())}, but the last is {len(AVSBENCH_CLASSES) - 1}"
        )
    return values, problems


def check_wav(path: Path, tree: Path, examples: int) -> list[str]:
    """Check a wav file that must make so many VGGish examples."""
    try:
        channels, bits, rate = sound.wav_format(path, tree)
        problems = [] if channels == 1 else [f"has {channels} channels instead of one"]
        if (bits, rate) != (16, sound.SAMPLE_RATE):
            return [*problems, f"has {bits} bits at {rate} Hz instead of 16 bits at 16000 Hz"]
        length = len(sound.read_wav(path, tree))
    except DatasetError as error:
        return [without_path(error, path)]
    least, greatest = sound.sample_range(examples)
    if not least <= length <= greatest:
        problems.append(
            f"has {length} samples, but {examples} VGGish examples need {least} to {greatest}"
        )
    return problems


def check_log_mel(path: Path, tree: Path, wav: Path) -> list[str]:
    """Check a pickled log-mel tensor, also against the wav file it belongs to."""
    try:
        values = vggish.read_log_mel(path, tree)
    except DatasetError as error:
        return [without_path(error, path)]
    if values.dtype != np.float32 or values.shape != vggish.SHAPE:
        wanted = "x".join(str(side) for side in vggish.SHAPE)
        shape = "x".join(str(side) for side in values.shape)
        return [f"holds a {values.dtype} tensor {shape} instead of float32 {wanted}"]
    try:
        samples = sound.read_wav(wav, tree)
    except DatasetError:
        return []  # a finding of its own
    if len(samples) < sound.sample_range(1)[0]:
        return []
    error_size = float(np.abs(values - vggish.log_mel_examples(samples)).max())
    if not error_size <= LOG_MEL_TOLERANCE:
        return [f"is not the log-mel of {wav} (largest difference {error_size:.3g})"]
    return []


def check_video(path: Path, tree: Path) -> list[str]:
    """Check that an mp4 file is whole, by walking its top-level boxes."""
    try:
        with open_file(path, root=tree) as file:
            length = os.fstat(file.fileno()).st_size
            kinds: list[bytes] = []
            end = 0
            while end < length and len(kinds) < _MOST_BOXES:
                file.seek(end)
                head = file.read(16)
                size = int.from_bytes(head[:4], "big")
                kinds.append(head[4:8])
                size = int.from_bytes(head[8:16], "big") if size == 1 else size or length - end
                end += size
                if size < 8:
                    break
    except ForeignFileError as error:
        return [error.problem]
    except OSError as error:
        return [f"cannot be read: {error.strerror}"]
    if not kinds or kinds[0] != b"ftyp" or b"moov" not in kinds or end != length:
        return ["is not a whole mp4 file"]
    return []


def _image(path: Path, tree: Path, kind: str) -> tuple[Image.Image | None, list[str]]:
    try:
        image = images.open_image(path, tree)
    except DatasetError as error:
        return None, [without_path(error, path)]
    return image, [] if image.format == kind else [f"is a {image.format} file instead of {kind}"]


def _mode(image: Image.Image, modes: tuple[str, ...]) -> list[str]:
    return [] if image.mode in modes else [f"has mode {image.mode} instead of {modes[0]}"]


def _object_size(image: Image.Image) -> list[str]:
    side = OBJECT_SIZE
    return (
        [] if image.size == (side, side) else [f"is {_size(image.size)} instead of {side}x{side}"]
    )


def _frame_size(image: Image.Image, size: tuple[int, int] | None) -> list[str]:
    if size is None or image.size == size:
        return []
    return [f"is {_size(image.size)} instead of its frame's {_size(size)}"]


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
