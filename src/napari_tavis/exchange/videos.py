"""What the formats of whole videos have in common: the export, what a dataset holds, the door."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from napari_tavis.core.tasks import Task
from napari_tavis.datasets.avsbench.layout import Split
from napari_tavis.datasets.avsbench.violations import Violation
from napari_tavis.exchange.tracks import Tracks
from napari_tavis.media import Clip


@dataclass(frozen=True, eq=False)
class VideoExport:
    """A whole video on its way into a dataset.

    Attributes
    ----------
    root : Path
        Folder of the dataset; it is made where it does not exist.
    split : {"train", "val", "test"}
        The split; a video is in one split only.
    name : str
        Name of the video in the dataset.
    tracks : Tracks
        What is written.
    clip : Clip
        The video, open.
    licence, masks, proposals
        Noted with the video: whose it is, and what the tracks were chosen by.
    overwrite : bool
        Whether the video of the same name is replaced.
    """

    root: Path
    split: Split
    name: str
    tracks: Tracks
    clip: Clip
    licence: str = ""
    masks: str = "objects"
    proposals: bool = False
    overwrite: bool = False

    def noted(self) -> dict[str, object]:
        """Give what a dataset keeps of it, so that it is recognised and written again alike."""
        return {
            "source": self.clip.path.name,
            "fingerprint": self.tracks.session.identity.fingerprint,
            "masks": self.masks,
            **({"proposals": True} if self.proposals else {}),
        }


@dataclass(frozen=True)
class StoredVideo:
    """What a dataset says of a video that it holds.

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
    """

    name: str
    split: Split
    fingerprint: str = ""
    masks: str = "objects"
    licence: str = ""
    proposals: bool = False


class VideoFormat(Protocol):
    """A format that holds whole videos."""

    def videos(self, root: Path) -> list[StoredVideo]:
        """List the videos of a dataset; none where there is no dataset.

        Raises
        ------
        DatasetError
            If its lists cannot be read.
        """

    def find(self, root: Path, name: str) -> StoredVideo | None:
        """Find a video by its name, also one that lies there and is not listed."""

    def place(self, root: Path, split: Split, name: str) -> Path:
        """Give the folder or file that an export writes, to show to a person."""

    def lines(self, export: VideoExport) -> tuple[str, ...]:
        """Say what an export writes, a line each."""

    def write(self, export: VideoExport, task: Task) -> list[str]:
        """Add a video to a dataset: all of it or, if it is stopped or killed, nothing.

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

    def check(self, root: Path, split: Split, name: str) -> Iterator[Violation]:
        """Check a video that was written."""
