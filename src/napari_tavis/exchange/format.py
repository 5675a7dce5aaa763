"""What an export is, whatever the format: what is asked for, what that comes to, who writes it.

A `Format` works an `ExportRequest` out into an `ExportPlan`, once: the preview shows the plan, the
window and the command line refuse or warn by it, and the plan writes itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_tavis.annotation import AnnotationSession, SessionObject
from napari_tavis.annotation.overlay import OverlayMask, draw_masks
from napari_tavis.core.errors import DatasetError
from napari_tavis.core.files import shown
from napari_tavis.core.tasks import Task
from napari_tavis.core.vocabulary import class_color, class_index
from napari_tavis.datasets.avsbench.layout import Subset
from napari_tavis.datasets.avsbench.mapping import ClassMapping
from napari_tavis.datasets.names import Split, check_text
from napari_tavis.datasets.tracks import StoredVideo
from napari_tavis.datasets.violations import Violation
from napari_tavis.exchange.selection import MaskSource, UncheckedFramesError
from napari_tavis.media import Clip

FormatName: TypeAlias = Literal["avsbench", "coco", "davis", "youtube-vos", "overlay"]
"""The formats as a person chooses them; AVSBench has a `Format` for each of its subsets."""

Choice: TypeAlias = Literal[
    "subset", "split", "start", "category", "mapping", "licence", "include_proposals"
]
"""The fields of an `ExportRequest` that not all formats have."""


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
        Name of the clip, or of the whole video where the format holds these; in v1s and v2, whose
        uid adds the times, of the video. Empty for one made from the video's file name, with the
        times where there are several clips to a name, so that the same stretch has matching
        names in all subsets.
    start : float
        Where AVSBench's clip starts in the video, in whole seconds; the other formats hold the
        whole video.
    masks : {"scene", "objects", "accepted"}
        "accepted" for the objects alone of which a person stands behind every mask. "scene" is
        of use in AVSBench's binary subsets and means "objects" elsewhere: there it is the mask of
        everything that sounds, or the union of the objects where the session has no such mask,
        and in frames where a person edited or accepted an object but not the scene mask.
    category : str
        Category of an S4 clip; empty for the class with the largest area.
    mapping : mapping
        What becomes of classes that AVSBench does not have: one that it has, or None to leave
        their objects out. Without it they are refused.
    licence : str
        Noted with the clip: licence, author, address.
    overwrite : bool
        Whether a clip of the same name is replaced.
    replace_own : bool
        Whether a clip that was made of this very stretch of this video is replaced.
    again : bool
        Whether it is a clip of the dataset that is written anew: it keeps its name, times and
        category, even if the session is of a file that was cut out of its video.
    include_proposals : bool
        Whether frames are written, too, for whose labels nobody stands. An overlay video is no
        truth but a picture of the work: it shows them always.
    """

    root: Path
    format: FormatName = "avsbench"
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))  # scripts give text as well

    @property
    def key(self) -> str:
        """The key of the format, which sessions note: AVSBench's with the subset."""
        return format_key(self.format, self.subset)


def format_key(name: FormatName, subset: Subset | None) -> str:
    """Give the key of a format: ``avsbench-v1m``, ``coco``."""
    return f"{name}-{subset}" if name == "avsbench" else name


@dataclass(frozen=True)
class PlannedObject:
    """An object, and what becomes of it.

    Attributes
    ----------
    item : SessionObject
        The object.
    exported_as : str or None
        Its class in the dataset; None where it is left out.
    reason : str
        Why it is left out; empty where it is not.
    """

    item: SessionObject
    exported_as: str | None
    reason: str = ""

    @property
    def index(self) -> int:
        """AVSBench's index of its class in the dataset; 0 where that is none of AVSBench's."""
        return class_index(self.exported_as or "") or 0

    @property
    def color(self) -> tuple[int, int, int]:
        """The colour of its class in the dataset: AVSBench's, where it has the class."""
        index = class_index(self.exported_as or "")
        return self.item.color if index is None else class_color(index)


@dataclass(frozen=True, eq=False, kw_only=True)
class ExportPlan(ABC):
    """What an export will write. It holds while its video is open and its session unchanged.

    Attributes
    ----------
    session : AnnotationSession
        The annotation; it is not changed.
    clip : Clip
        Its video, open.
    request : ExportRequest
        What is asked for, with what the dataset knows of classes.
    name : str
        Of the clip or video in the dataset.
    place : Path
        Folder or file that is written.
    frames : tuple of int
        Frames of the video that are written, ascending.
    labels : int
        How many of them, the first ones, have labels.
    seconds : tuple of float
        From when to when in the video.
    objects : tuple of PlannedObject
        The objects, those that are left out with the reason.
    scene : SessionObject or None
        The scene mask, where that is what is written.
    files : tuple of str
        What is written, a line each.
    there : {"", "own", "other"}
        Whether a clip of this name is there, and of this video or of another.
    unchecked : tuple of int
        Those of the frames with labels for whose labels nobody stands.
    notes : tuple of str
        What a person should know before it is written, a sentence each.
    """

    session: AnnotationSession
    clip: Clip
    request: ExportRequest
    name: str
    place: Path
    frames: tuple[int, ...]
    labels: int
    seconds: tuple[float, float]
    objects: tuple[PlannedObject, ...]
    scene: SessionObject | None = None
    files: tuple[str, ...]
    there: Literal["", "own", "other"]
    unchecked: tuple[int, ...]
    notes: tuple[str, ...]

    @property
    def shown(self) -> tuple[int, ...]:
        """The frames that get labels, each once, ascending."""
        return labelled_frames(self.frames, self.labels)

    def refuse_unchecked(self) -> None:
        """Refuse frames for whose labels nobody stands.

        Raises
        ------
        UncheckedFramesError
            If there are any.
        """
        if self.unchecked:
            first = float(self.clip.times[self.unchecked[0]])
            video = self.session.video.name
            raise UncheckedFramesError(video, len(self.unchecked), len(self.shown), first)

    def picture(self, position: int, width: int = 160) -> npt.NDArray[np.uint8]:
        """Draw one frame as it will be written, small, with its masks.

        Parameters
        ----------
        position : int
            Which of its frames.
        width : int
            Pixels of the picture's width, about.

        Returns
        -------
        ndarray of uint8, shape (h, w, 3)
            With the masks in the dataset's colours; without any where there is no label.
        """
        frame = self.frames[position]
        picture = np.asarray(self.clip.frames[frame])
        step = max(1, round(picture.shape[1] / width))
        small = np.ascontiguousarray(picture[::step, ::step])
        if position >= self.labels:
            return small
        if self.scene is not None:
            drawn = [(self.scene, (255, 255, 255))]
        else:
            exported = (one for one in self.objects if one.exported_as is not None)
            drawn = [(one.item, one.color) for one in exported]
        return draw_masks(
            small,
            [
                OverlayMask(self.session.mask(item.object_id, frame)[::step, ::step], color)
                for item, color in drawn
            ],
        )

    @abstractmethod
    def write(self, overwrite: bool, task: Task) -> tuple[Path, list[str]]:
        """Write it: all of it or, if it is stopped or killed, nothing.

        Returns
        -------
        place : Path
            The folder or file.
        notes : list of str
            What the format could not hold, a sentence each.

        Raises
        ------
        ClipExistsError
            If there is such a clip, and it is not to be overwritten.
        DatasetError
            If it cannot be written.
        """


class Format(ABC):
    """A format that sessions are exported to."""

    name: FormatName
    """As a person chooses it."""
    title: str
    """What it is called in the window."""
    subset: Subset | None = None
    choices: frozenset[Choice]
    """What else a person chooses; the other fields of a request are passed over."""
    mask_sources: tuple[MaskSource, ...] = ("objects", "accepted")
    """What the masks may be made of."""
    checks_datasets: bool = False
    """Whether `check` looks through whole datasets, too."""

    @property
    def key(self) -> str:
        """What sessions note of it."""
        return format_key(self.name, self.subset)

    @abstractmethod
    def plan(self, session: AnnotationSession, clip: Clip, request: ExportRequest) -> ExportPlan:
        """Work out what an export will write, quickly: no frame is decoded.

        Raises
        ------
        UnmappedClassError
            If objects have classes of which it must be said first what becomes of them.
        TavisError
            If it cannot be written as asked; says why.
        """

    @abstractmethod
    def find(self, root: Path, name: str) -> StoredVideo | None:
        """Find what a dataset holds under a name."""

    @abstractmethod
    def check(self, root: Path, split: Split, name: str, task: Task) -> list[Violation]:
        """Check a clip or video that was written, and the lists of its dataset."""

    def again(self, root: Path, name: str) -> ExportRequest:
        """Make the request that writes a clip once more, as it is in its dataset.

        Returns
        -------
        ExportRequest
            With `again` set: the clip keeps its name, split, times and category.

        Raises
        ------
        DatasetError
            If the dataset, or the clip in it, is gone.
        """
        found = self.find(root, name)
        if found is None:
            raise gone(root, name)
        known: tuple[MaskSource, ...] = ("scene", "objects", "accepted")
        return ExportRequest(
            root,
            format=self.name,
            subset=self.subset or "v1m",
            split=found.split,
            name=name,
            start=found.start or 0.0,
            masks=next((masks for masks in known if masks == found.masks), "objects"),
            licence=found.licence,
            overwrite=True,
            again=True,
            include_proposals=found.proposals,
        )


def labelled_frames(frames: Sequence[int], labels: int) -> tuple[int, ...]:
    """Give those of a clip's frames that get labels, the first ones, each once, ascending."""
    return tuple(sorted(set(frames[:labels])))


def gone(root: Path, name: str) -> DatasetError:
    """Say that a clip, or its dataset, is no longer there."""
    return DatasetError(
        f"{root} no longer holds the clip {name!r}: export it again, with its settings."
    )


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


def whose_clip(
    session: AnnotationSession, request: ExportRequest, name: str, stored: StoredVideo | None
) -> Literal["", "own", "other"]:
    """Say whether a clip of this name is there already, and whether it is this video's own.

    The dataset knows by the fingerprint of the video, and by where the clip begins in it; where
    it does not, as with imported clips and overlays, the session's note of the export does. Equal
    file names prove nothing.
    """
    if stored is None:
        return ""
    if stored.start is not None and stored.start != request.start:
        return "other"
    if stored.fingerprint:
        return "own" if stored.fingerprint == session.identity.fingerprint else "other"
    noted = any(
        note.name == name
        and note.format == request.key
        and Path(note.root).absolute() == request.root.absolute()
        for note in session.exports
    )
    return "own" if noted else "other"


def notes_on_other_splits(
    session: AnnotationSession, request: ExportRequest, others: Iterable[StoredVideo]
) -> list[str]:
    """Say that the same video lies in another split: what is learned from must not be measured."""
    found = [
        f"{other.split} ({other.name})"
        for other in others
        if other.fingerprint
        and other.fingerprint == session.identity.fingerprint
        and other.split != request.split
    ]
    if not found:
        return []
    return [
        f"{session.video.name} lies in {', '.join(dict.fromkeys(found))} of this dataset, too: a "
        f"model that learns from one and is measured on {request.split} has seen the video."
    ]
