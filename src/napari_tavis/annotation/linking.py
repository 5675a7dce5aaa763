"""Linking what the queries found in each frame into objects over time. No torch here.

A query slot is not an identity: nothing ties the second query of one frame to the second of the
next. What ties two detections together is their class, where their masks lie, and SAM 2's object
pointer. Each frame's detections are assigned to the objects seen so far, all at once, so that the
agreement is greatest; who finds no object starts a new one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from napari_tavis.annotation.masks import Mask, mask_overlap

SMALLEST_AREA = 0.001
"""Share of the frame below which a mask is dropped."""

DUPLICATE_OVERLAP = 0.5
"""Intersection over union from which two queries of one class are one object."""

DUPLICATE_COVER = 0.8
"""Share of the smaller mask inside the larger one, from which they are one object, too."""

REPEATED_OVERLAP = 0.8
"""Intersection over union from which a background query only repeats an object."""

CLASS_WEIGHT, OVERLAP_WEIGHT, POINTER_WEIGHT = 0.4, 0.4, 0.2
"""What an equal class, the masks' overlap and the pointers' cosine are worth."""

LINK_THRESHOLD = 0.42
"""Agreement from which two detections can be one object. The class nearly suffices: at one frame
per second, what moves does not overlap itself. Without the class, the masks must nearly agree."""


@dataclass(frozen=True)
class Detection:
    """What one query found in one frame.

    Parameters
    ----------
    frame_index : int
        The video frame.
    class_name : str
        Its most probable class.
    score : float
        Class probability times predicted mask quality, 0 to 1.
    mask : ndarray of bool, shape (h, w)
        Its mask at the model's size, which suffices to compare.
    pointer : ndarray of float, shape (C,)
        SAM 2's object pointer.
    png : bytes
        Its mask at the video's size, encoded; empty where nobody needs it.
    logits : bytes
        The logits that it was cut out of, encoded; empty where nobody needs them.
    """

    frame_index: int
    class_name: str
    score: float
    mask: Mask
    pointer: npt.NDArray[np.float32]
    png: bytes = b""
    logits: bytes = b""


@dataclass
class Track:
    """One object over time.

    Parameters
    ----------
    last : Detection
        Where it was seen last.
    votes : dict of str to float
        Sum of the scores with which each class was seen.
    pngs : dict of int to bytes
        Its masks at the video's size by video frame, encoded.
    logits : dict of int to bytes
        The logits that these were cut out of, by video frame, encoded.
    scores : dict of int to float
        Its score by video frame.
    """

    last: Detection
    votes: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    pngs: dict[int, bytes] = field(default_factory=dict)
    logits: dict[int, bytes] = field(default_factory=dict)
    scores: dict[int, float] = field(default_factory=dict)

    @property
    def class_name(self) -> str:
        """The class with the highest sum of scores."""
        return max(self.votes, key=lambda name: self.votes[name])

    @property
    def score(self) -> float:
        """The mean of its scores."""
        return sum(self.scores.values()) / len(self.scores)

    def add(self, detection: Detection) -> None:
        """See it once more."""
        self.last = detection
        self.votes[detection.class_name] += detection.score
        self.pngs[detection.frame_index] = detection.png
        self.logits[detection.frame_index] = detection.logits
        self.scores[detection.frame_index] = detection.score


class Linker:
    """Links detections into objects, a frame at a time; it keeps one plain mask per object.

    Examples
    --------
    >>> linker = Linker()
    >>> linker.add_frame([])
    >>> linker.tracks
    []
    """

    def __init__(self) -> None:
        self._tracks: list[Track] = []

    @property
    def tracks(self) -> list[Track]:
        """The objects so far, in the order they came."""
        return list(self._tracks)

    def add_frame(self, detections: Iterable[Detection]) -> None:
        """Link the detections of the next frame.

        Parameters
        ----------
        detections : iterable of Detection
            All of one frame, later than the frames before.
        """
        from scipy.optimize import linear_sum_assignment  # takes half a second to import

        found = merge_duplicates(drop_small(detections))
        agreement = np.array(
            [[_agreement(track, detection) for detection in found] for track in self._tracks]
        ).reshape(len(self._tracks), len(found))
        agreement[agreement < LINK_THRESHOLD] = 0.0
        rows, columns = linear_sum_assignment(agreement, maximize=True)
        linked = {
            int(column): self._tracks[row]
            for row, column in zip(rows, columns, strict=True)
            if agreement[row, column] > 0
        }
        for number, detection in enumerate(found):
            track = linked.get(number)
            if track is None:
                track = Track(detection)
                self._tracks.append(track)
            track.add(detection)


def drop_small(detections: Iterable[Detection]) -> list[Detection]:
    """Drop masks under `SMALLEST_AREA`, empty ones among them."""
    return [item for item in detections if item.mask.any() and item.mask.mean() >= SMALLEST_AREA]


def merge_duplicates(detections: Sequence[Detection]) -> list[Detection]:
    """Merge the detections of one frame that have one class and one place.

    Parameters
    ----------
    detections : sequence of Detection
        All of one frame.

    Returns
    -------
    list of Detection
        Best first; of those that are one object, the best stands for all.
    """
    kept: list[Detection] = []
    for item in sorted(detections, key=lambda item: item.score, reverse=True):
        if not any(_is_duplicate(item, better) for better in kept):
            kept.append(item)
    return kept


def drop_repeated(background: Iterable[Detection], objects: Sequence[Detection]) -> list[Detection]:
    """Drop what the model holds for background and shows as an object in the same frame anyway."""
    return [
        item
        for item in background
        if not any(mask_overlap(item.mask, shown.mask) >= REPEATED_OVERLAP for shown in objects)
    ]


def _is_duplicate(first: Detection, second: Detection) -> bool:
    if first.class_name != second.class_name:
        return False
    smaller = min(np.count_nonzero(first.mask), np.count_nonzero(second.mask))
    common = np.count_nonzero(first.mask & second.mask)
    covered = common >= DUPLICATE_COVER * smaller
    return bool(covered) or mask_overlap(first.mask, second.mask) >= DUPLICATE_OVERLAP


def _agreement(track: Track, detection: Detection) -> float:
    """Rate, from 0 to 1, how well a detection continues an object."""
    same_class = track.class_name == detection.class_name
    return (
        CLASS_WEIGHT * same_class
        + OVERLAP_WEIGHT * mask_overlap(track.last.mask, detection.mask)
        + POINTER_WEIGHT * max(0.0, _cosine(track.last.pointer, detection.pointer))
    )


def _cosine(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> float:
    scale = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / scale if scale else 0.0
