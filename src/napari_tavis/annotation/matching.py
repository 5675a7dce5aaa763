"""Which object of a session a new proposal continues: by class and overlap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from napari_tavis.annotation.linking import best_pairs
from napari_tavis.annotation.masks import Mask, decode_mask, mask_overlap
from napari_tavis.annotation.objects import UNREADABLE, SessionObject
from napari_tavis.annotation.proposals import Proposal

_FRAMES_COMPARED = 16  # per pair: enough to decide, and bounded for a long video
_COARSE_SIDE = 200  # pixels per side, roughly, at which masks are compared
_APART = 0.05  # overlap below which two objects of one class that are seen together are two objects
_RENAMED_OVERLAP = 0.3  # from which an object that a person renamed is recognised without its class
_SAME_CLASS = 1.0  # what an equal class is worth, next to an overlap of 0 to 1


def match_proposals(
    objects: Sequence[SessionObject], proposals: Sequence[Proposal], size: tuple[int, int]
) -> dict[int, int]:
    """Find the object that each proposal of a new run continues.

    A proposal and an object can belong together if they have the same class and do not lie apart
    where both are seen, or if the object was named by a person and they overlap well. Among
    those pairs the assignment with the most agreement is taken. The result has object numbers
    by position of the proposal; a proposal of a new object is not in it.
    """
    side = max(1, min(size) // _COARSE_SIDE)
    new = [_CoarseMasks(proposal.masks, side) for proposal in proposals]
    old = [_CoarseMasks(_SavedMasks(item, size), side) for item in objects]
    agreement = np.zeros((len(proposals), len(objects)))
    for row, proposal in enumerate(proposals):
        for column, item in enumerate(objects):
            overlap = _mean_overlap(new[row], old[column])
            agreement[row, column] = _agreement(proposal, item, overlap)
    return {row: objects[column].object_id for row, column in best_pairs(agreement)}


def _agreement(proposal: Proposal, item: SessionObject, overlap: float | None) -> float:
    """Rate a pair: 0 where it cannot be one object, more the better it fits."""
    if proposal.kind != item.kind and not _may_be_restored(proposal, item):
        return 0.0
    if item.kind == "scene":
        return _SAME_CLASS
    if proposal.class_name == item.class_name:
        apart = overlap is not None and overlap < _APART
        return 0.0 if apart else _SAME_CLASS + (overlap or 0.0)
    if item.named_by_person and overlap is not None and overlap >= _RENAMED_OVERLAP:
        return overlap
    return 0.0


def _may_be_restored(proposal: Proposal, item: SessionObject) -> bool:
    """Say whether an object may be what a person made of a background query."""
    return proposal.kind == "background" and item.kind == "object" and item.named_by_person


class _SavedMasks(Mapping[int, Mask]):
    """An object's mask in each frame where it is not empty, read when asked for."""

    def __init__(self, item: SessionObject, size: tuple[int, int]) -> None:
        self._frames = {f: record for f, record in item.frames.items() if not record.empty}
        self._size = size

    def __getitem__(self, frame: int) -> Mask:
        try:
            return decode_mask(self._frames[frame].mask.read(), self._size)
        except UNREADABLE:
            return np.zeros(self._size, dtype=bool)  # reported where it is shown

    def __iter__(self) -> Iterator[int]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)


class _CoarseMasks:
    """Masks by frame at a fraction of their size, each decoded once, when it is asked for."""

    def __init__(self, masks: Mapping[int, Mask], side: int) -> None:
        self.frames = frozenset(masks)
        self._masks = masks
        self._side = side
        self._coarse: dict[int, Mask] = {}

    def __getitem__(self, frame: int) -> Mask:
        if frame not in self._coarse:
            self._coarse[frame] = self._masks[frame][:: self._side, :: self._side].copy()
        return self._coarse[frame]


def _mean_overlap(new: _CoarseMasks, old: _CoarseMasks) -> float | None:
    """Give the mean overlap where both have a mask, or None where they never meet."""
    common = sorted(new.frames & old.frames)
    if not common:
        return None
    step = -(-len(common) // _FRAMES_COMPARED)
    return float(np.mean([mask_overlap(new[frame], old[frame]) for frame in common[::step]]))
