"""Which object of a session a new proposal is: by class and overlap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from napari_tavis.inference.masks import decode_mask, mask_overlap
from napari_tavis.inference.proposals import Proposal
from napari_tavis.session.objects import SessionObject

_FRAMES_COMPARED = 16
"""Frames looked at per pair: enough to tell, and bounded for a long video."""
_APART = 0.05
"""Below this overlap, two objects of one class that are seen together are two objects."""
_RENAMED_OVERLAP = 0.3
"""Overlap from which an object that a person renamed is known again without its class."""
_SAME_CLASS = 1.0
"""What an equal class is worth, next to an overlap of 0 to 1."""


def match_proposals(
    objects: Sequence[SessionObject], proposals: Sequence[Proposal], size: tuple[int, int]
) -> dict[int, int]:
    """Find the object that each proposal of a new run continues.

    A proposal and an object can belong together if they have the same class and do not lie apart
    where both are seen, or if the object was named by a person and they overlap well. Among
    those pairs the assignment with the most agreement is taken.

    Parameters
    ----------
    objects : sequence of SessionObject
        The objects of the session.
    proposals : sequence of Proposal
        What the model proposes now.
    size : tuple of int
        Height and width of the video's frames.

    Returns
    -------
    dict of int to int
        Object number by position of the proposal; a proposal of a new object is not in it.
    """
    agreement = np.zeros((len(proposals), len(objects)))
    for row, proposal in enumerate(proposals):
        for column, item in enumerate(objects):
            agreement[row, column] = _agreement(proposal, item, size)
    rows, columns = linear_sum_assignment(agreement, maximize=True)
    return {
        int(row): objects[column].object_id
        for row, column in zip(rows, columns, strict=True)
        if agreement[row, column] > 0
    }


def _agreement(proposal: Proposal, item: SessionObject, size: tuple[int, int]) -> float:
    """Rate a pair: 0 where it cannot be one object, more the better it fits."""
    if proposal.kind != item.kind:
        return 0.0
    if item.kind == "scene":
        return _SAME_CLASS
    overlap = _mean_overlap(proposal, item, size)
    if proposal.class_name == item.class_name:
        apart = overlap is not None and overlap < _APART
        return 0.0 if apart else _SAME_CLASS + (overlap or 0.0)
    renamed = item.named_by_person and overlap is not None and overlap >= _RENAMED_OVERLAP
    return overlap if renamed and overlap is not None else 0.0


def _mean_overlap(proposal: Proposal, item: SessionObject, size: tuple[int, int]) -> float | None:
    """Give the mean overlap where both have a mask, or None where they never meet."""
    seen = {frame: record.png for frame, record in item.frames.items() if record.png}
    common = sorted(seen.keys() & set(proposal.masks))
    if not common:
        return None
    step = -(-len(common) // _FRAMES_COMPARED)
    overlaps = [
        mask_overlap(proposal.masks[frame], decode_mask(seen[frame], size))
        for frame in common[::step]
    ]
    return float(np.mean(overlaps))
