"""What a dataset has on a video: its frames, and what is annotated in each.

The readers of COCO and YouTube-VIS make a `SourceVideo` of what they find, unchecked where only
the video itself can tell, such as from which number its frames are counted.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from napari_tavis.core.errors import DatasetError
from napari_tavis.datasets.coco_masks import Size

_NAMED = 20  # annotations that are named one by one where the file of their video is missing


@dataclass(frozen=True)
class Shape:
    """An annotation in one frame."""

    label: str  # its name in messages: "7", or "7, item 2"
    class_name: str
    track: Hashable | None  # within its video and class; None for an object of its own
    segmentation: object  # as the file has it, unchecked; None where there is only a box
    box: str = ""  # for a message, where there is no mask
    score: float | None = None  # the model's, as the file has it; 0 to 1 if valid
    proposed: bool = False  # whether the dataset itself says that nobody has checked it


@dataclass
class SourceImage:
    """A frame of a video as a dataset lists it."""

    label: str  # its name in messages: "image 5"
    number: int | None = None  # the frame's, as the dataset counts; None if unknown
    problem: str = ""  # why it is unknown
    sampled: bool = False  # whether the number counts frames sampled from the video
    size: Size | None = None  # declared height and width
    time: float | None = None  # declared, in seconds
    file_name: str = ""  # path of its picture in the dataset; may be empty
    shapes: list[Shape] = field(default_factory=list)
    # annotations that cannot be used: label and reason
    left: list[tuple[str, str]] = field(default_factory=list)

    def labels(self) -> list[str]:
        """Return the labels of its annotations."""
        return [*(shape.label for shape in self.shapes), *(label for label, _ in self.left)]

    def with_annotations(self) -> str:
        """Name it, with its annotations, in a message."""
        labels = self.labels()
        if not labels:
            return self.label
        return f"{self.label} with {_annotations(labels)}"


def _annotations(labels: Sequence[str]) -> str:
    return f"annotation{'s' if len(labels) > 1 else ''} {', '.join(labels)}"


@dataclass
class SourceVideo:
    """A video as a dataset lists it."""

    name: str  # in messages
    # paths in the dataset by which its file may be found, the likeliest first
    names: tuple[str, ...] = ()
    images: list[SourceImage] = field(default_factory=list)  # its annotated frames
    # Whether these are all its frames, in order, if there are as many as the video has.
    in_order: bool = False
    fps: float = 0.0  # as the dataset says; else 0
    # what of it cannot be used and belongs to no image, a sentence each
    left: list[str] = field(default_factory=list)
    left_annotations: int = 0  # how many annotations these sentences are about
    notes: list[str] = field(default_factory=list)  # what the user should know

    @property
    def annotations(self) -> int:
        """How many annotations the dataset has of it."""
        found = sum(len(image.shapes) + len(image.left) for image in self.images)
        return found + self.left_annotations

    def name_annotations(self) -> str:
        """Name its annotations, where all of them are left out for one reason."""
        labels = list(dict.fromkeys(label for image in self.images for label in image.labels()))
        named, more = labels[:_NAMED], len(labels) - _NAMED
        rest = f" and {more} more" if more > 0 else ""
        return f" Left: {_annotations(named)}{rest}." if labels else ""


# Frames


@dataclass(frozen=True)
class Counting:
    """Where a dataset's frames are counted from, and what decided it."""

    first: int  # 0 or 1
    reason: str


def decided_by_video(
    images: Sequence[SourceImage], times: npt.NDArray[np.float64]
) -> Counting | None:
    """Decide from a video's own frame numbers where they are counted from; None if they do not.

    `times`, (n,), are those of the video's frames, in seconds.
    """
    numbers = [image.number for image in images if image.number is not None]
    if not numbers:
        return None
    fitting = [first for first in (0, 1) if _times_fit(images, times, first)]
    if len(fitting) == 1:
        return Counting(fitting[0], "by their times")
    if min(numbers) == 0:
        return Counting(0, "there is a frame 0")
    if min(numbers) == 1 and max(numbers) == len(times):
        return Counting(1, f"they run from 1 to {len(times)}, of as many frames")
    return None


def _times_fit(images: Sequence[SourceImage], times: npt.NDArray[np.float64], first: int) -> bool:
    for image in images:
        if image.time is None or image.number is None:
            return False
        frame = image.number - first
        # Files give rounded times.
        if not 0 <= frame < len(times) or abs(times[frame] - image.time) > 1e-3:
            return False
    return True


def decide_counting(
    video: SourceVideo,
    times: npt.NDArray[np.float64],
    first_frame: int | None,
    elsewhere: Counting | None,
) -> Counting:
    """Decide where a video's frames are counted from.

    `times`, (n,), are those of its frames, in seconds; `first_frame` is what the user says, 0 or
    1, `elsewhere` what other videos of the dataset say. Raises `DatasetError` if the numbers begin
    with 1 and nothing tells whether that is the first frame.
    """
    if video.in_order and len(video.images) == len(times):
        for place, image in enumerate(video.images):
            image.number, image.problem = place, ""
        return Counting(0, "by their order")
    _refuse_samples(video, len(times))
    if first_frame is not None:
        return Counting(first_frame, "as asked")
    own = decided_by_video(video.images, times)
    if own is not None:
        return own
    if elsewhere is not None:
        return elsewhere
    numbers = [image.number for image in video.images if image.number is not None]
    if min(numbers, default=0) == 1:
        raise DatasetError(
            f"{video.name}: its frames begin with 1 and end with {max(numbers)} of "
            f"{len(times)}, so that nothing tells whether 1 is the first frame or the second: "
            "say so with --first-frame 1 or --first-frame 0."
        )
    return Counting(0, "which nothing in the file contradicts; else say --first-frame 1")


def _refuse_samples(video: SourceVideo, count: int) -> None:
    """Refuse numbers of sampled frames, unless every frame was sampled."""
    sampled = [image.number for image in video.images if image.sampled and image.number is not None]
    if sampled and not count - 1 <= max(sampled) <= count:
        raise DatasetError(
            f"{video.name}: its images are numbered by the frames that were sampled from it "
            f"(up to {max(sampled)}), not by its {count} frames: give them a 'frame_index'."
        )
