"""Whole videos with tracks: what is written, what a dataset holds, and what each format does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from napari_tavis.annotation.masks import Mask
from napari_tavis.annotation.objects import FrameStatus
from napari_tavis.core.errors import ClipExistsError
from napari_tavis.core.tasks import Task
from napari_tavis.core.vocabulary import RGB
from napari_tavis.datasets.files import Violation
from napari_tavis.datasets.names import Split
from napari_tavis.media import Clip


@dataclass(frozen=True)
class Track:
    """One object through a video."""

    object_id: int  # unique in the video
    class_name: str
    color: RGB
    object_score: float  # the model's for it as a whole, 0 to 1
    statuses: Mapping[int, FrameStatus]  # by frame
    scores: Mapping[int, float]  # the model's, 0 to 1, by frame

    def score(self, frame: int) -> float:
        """Return the score of a frame: the object's, where the frame has none of its own."""
        return self.scores.get(frame, self.object_score)


@dataclass(frozen=True, eq=False)
class TrackedVideo:
    """A whole video with its tracks, on its way into a dataset."""

    name: str  # of the video in the dataset
    clip: Clip  # open
    size: tuple[int, int]  # height and width of the masks
    frames: tuple[int, ...]  # the annotated ones, ascending
    tracks: tuple[Track, ...]
    # Gives the mask, bool (H, W), of an object (by its id) in a frame. Masks are asked for frame
    # by frame: those of a long video are never in memory all at once.
    mask_of: Callable[[int, int], Mask]
    fingerprint: str  # identifies the video by its content
    licence: str = ""  # noted with the video, as are:
    masks: str = "objects"  # what the tracks were chosen by
    proposals: bool = False  # whether unchecked frames are included

    def shown(self, frame: int) -> Iterator[tuple[Track, Mask]]:
        """Yield the tracks that have a mask in a frame, with it: bool (H, W)."""
        for track in self.tracks:
            if frame in track.statuses:
                mask = self.mask_of(track.object_id, frame)
                if mask.any():
                    yield track, mask

    def noted(self) -> dict[str, object]:
        """Return what a dataset keeps of it, to recognise it and to write it again alike."""
        return {
            "source": self.clip.path.name,
            "fingerprint": self.fingerprint,
            "masks": self.masks,
            **({"proposals": True} if self.proposals else {}),
        }


@dataclass(frozen=True)
class StoredVideo:
    """What a dataset has on a video, or on a clip of one, that it holds."""

    name: str
    split: Split
    fingerprint: str = ""  # identifies the video by its content; empty if unknown
    masks: str = "objects"  # as noted with it
    licence: str = ""
    proposals: bool = False  # whether frames were written that nobody had checked
    # Where a clip begins in its video, in seconds; None if unknown, and for whole videos.
    start: float | None = None


class VideoDataset(ABC):
    """A dataset of whole videos on disk, in one format."""

    title: str  # in messages

    @abstractmethod
    def videos(self, root: Path) -> list[StoredVideo]:
        """List the videos of a dataset; none where there is no dataset.

        Raises `DatasetError` if its lists cannot be read.
        """

    @abstractmethod
    def find(self, root: Path, name: str) -> StoredVideo | None:
        """Find a video by its name, even one whose files exist but are not listed."""

    @abstractmethod
    def place(self, root: Path, split: Split, name: str) -> Path:
        """Return the folder or file that `write` makes, to show to a person."""

    @abstractmethod
    def lines(self, split: Split, video: TrackedVideo) -> tuple[str, ...]:
        """Say what `write` makes, a line each."""

    @abstractmethod
    def write(
        self,
        root: Path,
        split: Split,
        video: TrackedVideo,
        overwrite: bool,
        task: Task,
    ) -> list[str]:
        """Add a video to a dataset: all of it or, if stopped or killed, nothing.

        Parameters
        ----------
        root : Path
            Folder of the dataset; it is made if it does not exist.
        split : {"train", "val", "test"}
            A video is in one split only.
        video : TrackedVideo
            What is written.
        overwrite : bool
            Whether a video of the same name is replaced.
        task : Task
            Receives the progress; stops the work when cancelled.

        Returns
        -------
        list of str
            What the format could not hold, one sentence each.

        Raises
        ------
        ClipExistsError
            If there is such a video, and it is not to be replaced.
        DatasetError
            If the format cannot hold it, or a file cannot be read or written.
        """

    @abstractmethod
    def check(self, root: Path, split: Split, name: str) -> Iterator[Violation]:
        """Check a video that was written."""

    def replaced(self, root: Path, name: str, overwrite: bool) -> StoredVideo | None:
        """Return the video that one of this name replaces, if any.

        Raises `ClipExistsError` if there is one, and it is not to be replaced.
        """
        existing = self.find(root, name)
        if existing is not None and not overwrite:
            raise ClipExistsError(name, self.title, str(root))
        return existing
