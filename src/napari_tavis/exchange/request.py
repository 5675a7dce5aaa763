"""What a person asks of an export, whatever the format."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from napari_tavis.annotation import AnnotationSession
from napari_tavis.core.errors import DatasetError
from napari_tavis.core.files import shown
from napari_tavis.datasets.avsbench.layout import Subset
from napari_tavis.datasets.avsbench.mapping import ClassMapping
from napari_tavis.datasets.names import Split, check_name, check_text, suggest_name
from napari_tavis.exchange.selection import MaskSource

Format: TypeAlias = Literal["avsbench", "coco", "davis", "youtube-vos", "overlay"]

FORMATS: dict[Format, str] = {
    "avsbench": "AVSBench dataset",
    "coco": "COCO (RLE, tracks)",
    "davis": "DAVIS 2017",
    "youtube-vos": "YouTube-VOS",
    "overlay": "Overlay video (mp4)",
}
"""The formats and what they are called."""


@dataclass(frozen=True)
class ExportRequest:
    """Where and how to write a session.

    Attributes
    ----------
    root : Path
        Folder of the dataset; of an overlay video the folder it is put in.
    format : {"avsbench", "coco", "davis", "youtube-vos", "overlay"}
        What is written.
    subset : str
        AVSBench's subset.
    split : str
        "train", "val" or "test".
    name : str
        Name of the clip; empty for one made from the video's.
    start : float
        Where AVSBench's clip starts in the video, in whole seconds; the other formats hold the
        whole video.
    masks : {"scene", "objects", "accepted"}
        "accepted" for the objects alone of which a person stands behind every mask. "scene" is
        of use in AVSBench's binary subsets and means "objects" elsewhere.
    category : str
        Category of an S4 clip; empty for the class with the largest area.
    mapping : mapping
        What becomes of classes that AVSBench does not have.
    licence : str
        Noted with the clip.
    overwrite : bool
        Whether a clip of the same name is replaced.
    replace_own : bool
        Whether a clip that was made of this very stretch of this video is replaced.
    again : bool
        Whether it is a clip of the dataset that is written anew, with its name and times.
    include_proposals : bool
        Whether frames are written, too, for whose labels nobody stands. An overlay video is no
        truth but a picture of the work: it shows them always.
    """

    root: Path
    format: Format = "avsbench"
    subset: Subset = "v1m"
    split: Split = "train"
    name: str = ""
    start: float = 0.0
    masks: MaskSource = "scene"
    category: str = ""
    mapping: ClassMapping = field(default_factory=dict)
    licence: str = ""
    overwrite: bool = False
    replace_own: bool = False
    again: bool = False
    include_proposals: bool = False

    @property
    def note_format(self) -> str:
        """What a session notes of the format: AVSBench's with the subset."""
        return f"avsbench-{self.subset}" if self.format == "avsbench" else self.format

    @property
    def objects_alone(self) -> MaskSource:
        """The masks where there is no scene mask to choose."""
        return "accepted" if self.masks == "accepted" else "objects"


def check_place(root: Path) -> None:
    """Refuse a folder whose name no dataset and no disk can have, or that may not be entered.

    Raises
    ------
    DatasetError
        Saying what is wrong.
    """
    check_text(str(root), "folder")
    try:
        with suppress(FileNotFoundError):
            root.stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(
            f"{shown(root)} cannot be a dataset ({reason}): choose another."
        ) from None


def video_name(session: AnnotationSession, name: str) -> str:
    """Give the name of a whole video in a dataset.

    Raises
    ------
    DatasetError
        If the name that was asked for cannot be one.
    """
    return check_name(name, "video") if name else suggest_name(session.video.stem)
