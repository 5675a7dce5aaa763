"""Small corrections of an object, each one undo step of the session. No Qt here.

Each function says in a sentence what it did, or that there was nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.masks import Mask
from napari_tavis.annotation.shapes import fill_holes, interpolate_masks, remove_islands
from napari_tavis.core.errors import CorrectionError
from napari_tavis.widgets.correction.plan import Reach, checked_frames


def next_frame(session: AnnotationSession, frame: int, reach: Reach) -> int:
    """Give the next frame that is worked on: sampled, or simply the next of the video.

    Raises
    ------
    CorrectionError
        If there is none.
    """
    after = [one for one in Reach(reach.every_frame).frames(session) if one > frame]
    if not after:
        raise CorrectionError("There is no frame after this one to copy to.")
    return after[0]


def copy_mask(session: AnnotationSession, object_id: int, frame: int, target: int) -> str:
    """Copy an object's mask to another frame, which is edited then."""
    mask = session.mask(object_id, frame)
    session.set_masks(object_id, {target: mask}, label="Copy to next frame")
    return f"Copied the mask of frame {frame + 1} here."


@dataclass(frozen=True)
class Gap:
    """What is interpolated.

    Parameters
    ----------
    first, last : int
        The checked frames on either side.
    masks : tuple of ndarray of bool, shape (H, W)
        The object's masks there.
    frames : list of int
        The frames between that are filled, ascending.
    """

    first: int
    last: int
    masks: tuple[Mask, Mask]
    frames: list[int]


def find_gap(session: AnnotationSession, object_id: int, frame: int, reach: Reach) -> Gap:
    """Find the nearest checked frames before and after a frame, and what lies between.

    Raises
    ------
    CorrectionError
        If there are not two such frames with a mask, or no frame between them.
    """
    checked = sorted(checked_frames(session, object_id))
    first = max((one for one in checked if one <= frame), default=None)
    last = min((one for one in checked if one > frame), default=None)
    if last is None and first == frame:  # standing on the later of two
        first, last = max((one for one in checked if one < frame), default=None), frame
    if first is None or last is None:
        raise CorrectionError(
            "Interpolating needs an edited or accepted frame before and one after: "
            "correct the object in both, then go between them."
        )
    masks = session.mask(object_id, first), session.mask(object_id, last)
    if not (masks[0].any() and masks[1].any()):
        raise CorrectionError("Interpolating needs a mask at both ends: one of them is empty.")
    frames = [one for one in Reach(reach.every_frame).frames(session) if first < one < last]
    if not frames:
        raise CorrectionError(
            "No frame lies between the two edited ones: choose 'every frame' to fill all of them."
        )
    return Gap(first, last, masks, frames)


def interpolate(gap: Gap) -> Iterator[tuple[int, Mask, None]]:
    """Give the masks between two checked ones, with their frames and no scores.

    They are proposals: a person has looked at the two ends only, and correcting one between and
    interpolating again uses it.
    """
    for frame in gap.frames:
        share = (frame - gap.first) / (gap.last - gap.first)
        yield frame, interpolate_masks(*gap.masks, share), None


def clear_frame(session: AnnotationSession, object_id: int, frame: int) -> str:
    """Say that the object is not in a frame."""
    session.set_mask(object_id, frame, np.zeros(session.frame_size, bool), label="Clear frame")
    return "Cleared this frame: the object is not there."


def fill_frame_holes(session: AnnotationSession, object_id: int, frame: int) -> str:
    """Fill the holes of an object's mask in a frame."""
    return _reshape(session, object_id, frame, fill_holes, "Fill holes", "The mask has no holes.")


def remove_frame_islands(session: AnnotationSession, object_id: int, frame: int) -> str:
    """Remove the small pieces apart from an object's mask in a frame."""
    nothing = "The mask has no small islands."
    return _reshape(session, object_id, frame, remove_islands, "Remove islands", nothing)


def back_to_proposal(session: AnnotationSession, object_id: int, frame: int) -> str:
    """Give an object in a frame the mask back that the model proposed there."""
    if session.proposal_mask(object_id, frame) is None:
        return "The model proposed nothing for this object in this frame."
    session.revert(object_id, frame)
    return "Back to what the model proposed."


def count_frames(count: int) -> str:
    """Say how many frames."""
    return "1 frame" if count == 1 else f"{count} frames"


def _reshape(
    session: AnnotationSession,
    object_id: int,
    frame: int,
    change: Callable[[Mask], Mask],
    label: str,
    nothing: str,
) -> str:
    """Replace a mask by a changed one; say so where it does not change."""
    before = session.mask(object_id, frame)
    after = change(before)
    changed = int(np.count_nonzero(before != after))
    if not changed:
        return nothing
    session.set_mask(object_id, frame, after, label=label)
    return f"{label}: {changed} pixel{'' if changed == 1 else 's'} changed."
