"""What an export is, in any format: a request, the plan it comes to, and the format itself.

A `Format` works an `ExportRequest` out into an `ExportPlan`, once: the preview shows the plan, the
window and the command line refuse or warn by it, and the plan writes itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
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
from napari_tavis.datasets.files import Violation
from napari_tavis.datasets.names import Split, check_text
from napari_tavis.datasets.tracks import StoredVideo
from napari_tavis.exchange.selection import MASK_SOURCES, MaskSource, UncheckedFramesError
from napari_tavis.media import Clip

# as a person chooses them; AVSBench has a `Format` for each of its subsets
FormatName: TypeAlias = Literal["avsbench", "coco", "davis", "youtube-vos", "overlay"]

# the fields of an `ExportRequest` that not all formats have
Choice: TypeAlias = Literal[
    "subset", "split", "start", "category", "mapping", "licence", "include_proposals"
]


@dataclass(frozen=True)
class ExportRequest:
    """Where and how to write a session.

    Attributes
    ----------
    root : Path
        Folder of the dataset; for an overlay video, the folder it is put in.
    format : {"avsbench", "coco", "davis", "youtube-vos", "overlay"}
        What is written.
    subset : str
        AVSBench's subset.
    split : str
        "train", "val" or "test".
    name : str
        Name of the clip, or of the video in formats that hold whole videos, and in v1s and v2,
        whose uids add the times. If empty, it is made from the video's file name, with the times
        where there are several clips to a name, so that the same stretch has matching names in
        all subsets.
    start : float
        Where AVSBench's clip starts in the video, in whole seconds; the other formats hold the
        whole video.
    masks : {"scene", "objects", "accepted"}
        "accepted" exports only objects whose masks a person has all edited or accepted. "scene"
        applies to AVSBench's binary subsets and means "objects" elsewhere: there it is the mask of
        everything that sounds, or the union of the objects where the session has no such mask,
        and in frames where a person edited or accepted an object but not the scene mask.
    category : str
        Category of an S4 clip; empty for the class with the largest area.
    mapping : mapping
        For each class that AVSBench lacks, the class to use instead, or None to leave its
        objects out. Classes that are not in it are refused.
    licence : str
        Noted with the clip: licence, author, address.
    overwrite : bool
        Whether a clip of the same name is replaced.
    replace_own : bool
        Whether a clip made from this very stretch of this video is replaced.
    rewrite : bool
        Whether this rewrites a clip of the dataset: it keeps its name, times and category, even
        if the session belongs to a file that was cut out of its video.
    include_proposals : bool
        Whether frames that nobody has checked are written too. An overlay video is no ground
        truth but a picture of the work: it always shows them.
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
    rewrite: bool = False
    include_proposals: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))  # scripts give text as well

    @property
    def key(self) -> str:
        """The key of the format, which sessions note: AVSBench's with the subset."""
        return format_key(self.format, self.subset)


def format_key(name: FormatName, subset: Subset | None) -> str:
    """Return the key of a format: ``avsbench-v1m``, ``coco``."""
    return f"{name}-{subset}" if name == "avsbench" else name


@dataclass(frozen=True)
class PlannedObject:
    """An object, and what the export makes of it."""

    item: SessionObject
    exported_as: str | None  # its class in the dataset; None where it is left out
    reason: str = ""  # why it is left out; empty where it is not

    @property
    def index(self) -> int:
        """AVSBench's index of its class in the dataset; 0 if AVSBench does not have it."""
        return class_index(self.exported_as or "") or 0

    @property
    def color(self) -> tuple[int, int, int]:
        """The colour of its class in the dataset: AVSBench's, if AVSBench has it."""
        index = class_index(self.exported_as or "")
        return self.item.color if index is None else class_color(index)


@dataclass(frozen=True, eq=False, kw_only=True)
class ExportPlan(ABC):
    """What an export will write; valid while its video is open and its session unchanged."""

    session: AnnotationSession
    clip: Clip
    request: ExportRequest  # with what the dataset knows of classes
    name: str  # of the clip or video in the dataset
    place: Path  # folder or file that is written
    frames: tuple[int, ...]  # indices of the video's frames that are written, ascending
    labels: int  # how many of them, the first ones, have labels
    seconds: tuple[float, float]  # from when to when in the video
    objects: tuple[PlannedObject, ...]  # those that are left out with the reason
    scene: SessionObject | None = None  # the scene mask, where that is what is written
    files: tuple[str, ...] = ()  # what is written, a line each
    unchecked: tuple[int, ...]  # the labelled frames that nobody has checked
    existing: Literal["", "own", "other"] = ""  # whether a clip has this name, and of which video
    notes: tuple[str, ...] = ()  # what a person should know first, a sentence each

    @property
    def labelled(self) -> tuple[int, ...]:
        """The frames that get labels, each once, ascending."""
        return tuple(sorted(set(self.frames[: self.labels])))

    def refuse_unchecked(self) -> None:
        """Raise `UncheckedFramesError` if there are labelled frames that nobody has checked."""
        if self.unchecked:
            first = float(self.clip.times[self.unchecked[0]])
            video = self.session.video.name
            raise UncheckedFramesError(video, len(self.unchecked), len(self.labelled), first)

    def picture(self, position: int, width: int = 160) -> npt.NDArray[np.uint8]:
        """Draw one of the plan's frames with its masks as they will be written, (h, w, 3).

        It is about `width` pixels wide. The masks have the dataset's colours; a frame without a
        label shows none.
        """
        frame = self.frames[position]
        picture = np.asarray(self.clip.frames[frame])
        # Every step-th pixel: quick, and masks stay binary.
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
        """Write all of it or, if stopped or killed, nothing.

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

    name: FormatName  # as a person chooses it
    title: str  # in the window
    subset: Subset | None = None
    # what a person can choose; a request's other such fields are ignored
    choices: frozenset[Choice]
    mask_sources: tuple[MaskSource, ...] = ("objects", "accepted")  # what the masks may be made of
    checks_datasets: bool = False  # whether `check` looks through whole datasets, too

    @property
    def key(self) -> str:
        """The key that sessions note."""
        return format_key(self.name, self.subset)

    @abstractmethod
    def plan(self, session: AnnotationSession, clip: Clip, request: ExportRequest) -> ExportPlan:
        """Work out what an export will write, quickly: no frame is decoded.

        Parameters
        ----------
        session : AnnotationSession
            The annotation.
        clip : Clip
            Its video, open.
        request : ExportRequest
            Where and how to write it.

        Returns
        -------
        ExportPlan
            Valid while the video is open and the session unchanged.

        Raises
        ------
        UnmappedClassError
            If objects have classes that the dataset lacks, and the request does not map them.
        TavisError
            If it cannot be written as asked; the message says why.
        """

    @abstractmethod
    def find(self, root: Path, name: str) -> StoredVideo | None:
        """Find what a dataset holds under a name.

        Returns
        -------
        StoredVideo or None
            None if there is no such clip, or no dataset.

        Raises
        ------
        DatasetError
            If the dataset's lists cannot be read.
        """

    @abstractmethod
    def check(self, root: Path, split: Split, name: str, task: Task) -> list[Violation]:
        """Check a clip or video that was written, and the lists of its dataset.

        Returns
        -------
        list of Violation
            Empty if all is well.
        """

    def rewrite_request(self, root: Path, name: str) -> ExportRequest:
        """Make the request that rewrites a clip of a dataset with the settings it was written with.

        Returns
        -------
        ExportRequest
            With `rewrite` set: the clip keeps its name, split, times and category.

        Raises
        ------
        DatasetError
            If the dataset, or the clip in it, does not exist any more.
        """
        found = self.find(root, name)
        if found is None:
            raise gone(root, name)
        return ExportRequest(
            root,
            format=self.name,
            subset=self.subset or "v1m",
            split=found.split,
            name=name,
            start=found.start or 0.0,
            masks=next((masks for masks in MASK_SOURCES if masks == found.masks), "objects"),
            licence=found.licence,
            overwrite=True,
            rewrite=True,
            include_proposals=found.proposals,
        )


def gone(root: Path, name: str) -> DatasetError:
    """Say that a clip, or its dataset, does not exist any more."""
    return DatasetError(
        f"{root} no longer holds the clip {name!r}: export it again, choosing its settings."
    )


def check_place(root: Path) -> None:
    """Refuse a folder with an impossible name or one that may not be entered: `DatasetError`."""
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
    """Say whether a clip of this name exists already, and whether it was made from this video.

    The dataset knows by the fingerprint of the video, and by where the clip begins in it; where it
    does not, as with imported clips and overlays, the session's note of the export does. Equal
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
    """Warn if another split has the same video: test data must not contain training data."""
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
        f"{session.video.name} is also in {', '.join(dict.fromkeys(found))} of this dataset: a "
        f"model that learns from one and is measured on {request.split} has seen the video."
    ]
