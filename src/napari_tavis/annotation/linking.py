"""Linking what the queries found in each frame into objects over time.

A query slot is not an identity: nothing ties the second query of one frame to the second of the
next. What ties two detections together is their class, where their masks lie, and SAM 2's object
pointer. Each frame's detections are assigned to the objects seen so far, all at once, so that the
agreement is greatest; a detection that fits no object starts a new one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from napari_tavis.annotation.masks import Mask, mask_overlap

SMALLEST_AREA = 0.001  # share of the frame below which a mask is dropped
# Intersection over union from which two queries of one class are one object.
DUPLICATE_OVERLAP = 0.5
# Share of the smaller mask inside the larger one, from which they are one, too.
DUPLICATE_COVER = 0.8
# Intersection over union from which a background query only repeats an object.
REPEATED_OVERLAP = 0.8
# What an equal class, the masks' overlap and the pointers' cosine are worth.
CLASS_WEIGHT, OVERLAP_WEIGHT, POINTER_WEIGHT = 0.4, 0.4, 0.2
# Agreement from which two detections can be one object. The class nearly suffices: at one frame
# per second, what moves does not overlap itself. Without the class, the masks must nearly agree.
LINK_THRESHOLD = 0.42


@dataclass(frozen=True)
class Detection:
    """What one query found in one frame."""

    frame_index: int
    class_name: str  # its most probable class
    score: float  # class probability times predicted mask quality, 0 to 1
    mask: Mask  # (h, w), at the model's size, which suffices for comparing
    pointer: npt.NDArray[np.float32]  # (C,), SAM 2's object pointer
    png: bytes = b""  # its mask at the video's size, encoded; empty where nobody needs it
    logits: bytes = b""  # that it was cut out of, encoded; empty where nobody needs them


@dataclass
class Track:
    """One object over time; its dicts are by video frame."""

    last: Detection  # where it was seen last
    # Sum of the scores with which each class was seen.
    votes: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    pngs: dict[int, bytes] = field(default_factory=dict)  # its masks at the video's size, encoded
    logits: dict[int, bytes] = field(default_factory=dict)  # that these were cut out of, encoded
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
        self.last = detection
        self.votes[detection.class_name] += detection.score
        self.pngs[detection.frame_index] = detection.png
        self.logits[detection.frame_index] = detection.logits
        self.scores[detection.frame_index] = detection.score


class Linker:
    """Links detections into objects, a frame at a time; it keeps one plain mask per object."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []

    @property
    def tracks(self) -> list[Track]:
        """The objects so far, in the order they came."""
        return list(self._tracks)

    def add_frame(self, detections: Iterable[Detection]) -> None:
        """Link all detections of the next frame."""
        found = merge_duplicates(drop_small(detections))
        agreement = np.array(
            [[_agreement(track, detection) for detection in found] for track in self._tracks]
        ).reshape(len(self._tracks), len(found))
        agreement[agreement < LINK_THRESHOLD] = 0.0
        linked = {column: self._tracks[row] for row, column in best_pairs(agreement)}
        for number, detection in enumerate(found):
            track = linked.get(number)
            if track is None:
                track = Track(detection)
                self._tracks.append(track)
            track.add(detection)


def best_pairs(agreement: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pair rows with columns, each once at most, so that the sum of their agreement is greatest.

    A row and a column that do not agree at all (0) are not paired.
    """
    from scipy.optimize import linear_sum_assignment  # takes half a second to import

    pairs = zip(*linear_sum_assignment(agreement, maximize=True), strict=True)
    return [(int(row), int(column)) for row, column in pairs if agreement[row, column] > 0]


def drop_small(detections: Iterable[Detection]) -> list[Detection]:
    """Drop masks under `SMALLEST_AREA`, empty ones among them."""
    return [item for item in detections if item.mask.any() and item.mask.mean() >= SMALLEST_AREA]


def merge_duplicates(detections: Sequence[Detection]) -> list[Detection]:
    """Merge the detections of one frame that have one class and one place.

    They come best first; of those that are one object, the best stands for all.
    """
    kept: list[Detection] = []
    for item in sorted(detections, key=lambda item: item.score, reverse=True):
        if not any(_is_duplicate(item, better) for better in kept):
            kept.append(item)
    return kept


def drop_repeated(background: Iterable[Detection], objects: Sequence[Detection]) -> list[Detection]:
    """Drop what the model takes for background, and shows as an object in the same frame anyway."""
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
