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
from napari_tavis.datasets.names import Split
from napari_tavis.datasets.violations import Violation
from napari_tavis.media import Clip


@dataclass(frozen=True)
class Track:
    """One object through a video.

    Attributes
    ----------
    object_id : int
        Its number in the video.
    class_name : str
        Its class.
    color : tuple of int
        In which it is drawn.
    object_score : float
        The model's score of it as a whole, 0 to 1.
    statuses : mapping of int to FrameStatus
        How far a person has gone, by frame.
    scores : mapping of int to float
        The model's score, 0 to 1, by frame.
    """

    object_id: int
    class_name: str
    color: RGB
    object_score: float
    statuses: Mapping[int, FrameStatus]
    scores: Mapping[int, float]

    def score(self, frame: int) -> float:
        """Give the score of a frame: the object's, where the frame has none of its own."""
        return self.scores.get(frame, self.object_score)


@dataclass(frozen=True, eq=False)
class TrackedVideo:
    """A whole video with its tracks, on its way into a dataset.

    Attributes
    ----------
    name : str
        Of the video in the dataset.
    clip : Clip
        The video, open.
    size : tuple of int
        Height and width of the masks.
    frames : tuple of int
        The annotated frames, ascending.
    tracks : tuple of Track
        The objects.
    mask_of : callable
        Gives the mask, bool ``[H, W]``, of an object (by its number) in a frame. Masks are asked
        for frame by frame: those of a long video are never in memory all at once.
    fingerprint : str
        By which the very video file is recognised.
    licence, masks, proposals
        Noted with the video: whose it is, and what the tracks were chosen by.
    """

    name: str
    clip: Clip
    size: tuple[int, int]
    frames: tuple[int, ...]
    tracks: tuple[Track, ...]
    mask_of: Callable[[int, int], Mask]
    fingerprint: str
    licence: str = ""
    masks: str = "objects"
    proposals: bool = False

    def shown(self, frame: int) -> Iterator[tuple[Track, Mask]]:
        """Give the tracks that have a mask in a frame, with it: bool ``[H, W]``."""
        for track in self.tracks:
            if frame in track.statuses:
                mask = self.mask_of(track.object_id, frame)
                if mask.any():
                    yield track, mask

    def noted(self) -> dict[str, object]:
        """Give what a dataset keeps of it, so that it is recognised and written again alike."""
        return {
            "source": self.clip.path.name,
            "fingerprint": self.fingerprint,
            "masks": self.masks,
            **({"proposals": True} if self.proposals else {}),
        }


@dataclass(frozen=True)
class StoredVideo:
    """What a dataset says of a video, or of a clip of one, that it holds.

    Attributes
    ----------
    name, split : str
        What it is called, and where it is.
    fingerprint : str
        By which the very video file is recognised; empty where the dataset does not say.
    masks, licence : str
        What was noted with it.
    proposals : bool
        Whether frames were written for whose labels nobody stood.
    start : float or None
        Where a clip begins in its video, in seconds; None where the dataset does not say, and
        for whole videos.
    """

    name: str
    split: Split
    fingerprint: str = ""
    masks: str = "objects"
    licence: str = ""
    proposals: bool = False
    start: float | None = None


class VideoDataset(ABC):
    """A dataset of whole videos on disk, in one format."""

    title: str
    """What it is called in messages."""

    @abstractmethod
    def videos(self, root: Path) -> list[StoredVideo]:
        """List the videos of a dataset; none where there is no dataset.

        Raises
        ------
        DatasetError
            If its lists cannot be read.
        """

    @abstractmethod
    def find(self, root: Path, name: str) -> StoredVideo | None:
        """Find a video by its name, also one that lies there and is not listed."""

    @abstractmethod
    def place(self, root: Path, split: Split, name: str) -> Path:
        """Give the folder or file that `write` makes, to show to a person."""

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
        """Add a video to a dataset: all of it or, if it is stopped or killed, nothing.

        Parameters
        ----------
        root : Path
            Folder of the dataset; it is made where it does not exist.
        split : {"train", "val", "test"}
            The split; a video is in one split only.
        video : TrackedVideo
            What is written.
        overwrite : bool
            Whether the video of the same name is replaced.
        task : Task
            Told how far it is; stops the work when cancelled.

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
        """Give the video that one of this name replaces; None where there is none.

        Raises
        ------
        ClipExistsError
            If there is one, and it is not to be replaced.
        """
        there = self.find(root, name)
        if there is not None and not overwrite:
            raise ClipExistsError(name, self.title, str(root))
        return there
