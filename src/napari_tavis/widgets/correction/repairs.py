"""Small corrections of an object, each one undo step of the session. No Qt here.

Where a function returns a string, that is a sentence for the user about what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.masks import Mask
from napari_tavis.annotation.shapes import fill_holes, interpolate_masks, remove_islands
from napari_tavis.core.errors import CorrectionError
from napari_tavis.widgets.correction.propagation import Reach, checked_frames


def next_frame(session: AnnotationSession, frame: int, reach: Reach) -> int:
    """Give the next sampled frame, or the next of the video where every frame is worked on."""
    after = [one for one in Reach(reach.every_frame).frames(session) if one > frame]
    if not after:
        raise CorrectionError("There is no frame after this one to copy to.")
    return after[0]


def copy_mask(session: AnnotationSession, object_id: int, frame: int, target: int) -> str:
    mask = session.mask(object_id, frame)
    session.set_masks(object_id, {target: mask}, label="Copy to next frame")
    return f"Copied the mask of frame {frame + 1} here."


@dataclass(frozen=True)
class Gap:
    """A stretch between two checked frames."""

    first: int
    last: int
    masks: tuple[Mask, Mask]  # in the first and in the last frame
    frames: list[int]  # to fill between them, ascending


def find_gap(session: AnnotationSession, object_id: int, frame: int, reach: Reach) -> Gap:
    """Find the nearest checked frames before and after a frame, and the frames between them."""
    checked = sorted(checked_frames(session, object_id))
    first = max((one for one in checked if one <= frame), default=None)
    last = min((one for one in checked if one > frame), default=None)
    if last is None and first == frame:  # the user stands on the later one
        first, last = max((one for one in checked if one < frame), default=None), frame
    if first is None or last is None:
        raise CorrectionError(
            "Interpolating needs an edited or accepted frame on each side: correct the object in "
            "both, then go to a frame between them."
        )
    masks = session.mask(object_id, first), session.mask(object_id, last)
    if not (masks[0].any() and masks[1].any()):
        raise CorrectionError("Interpolating needs a mask at both ends, and one of them is empty.")
    frames = [one for one in Reach(reach.every_frame).frames(session) if first < one < last]
    if not frames:
        raise CorrectionError(
            "No sampled frame lies between the two checked ones: choose 'every frame' to fill all "
            "frames between them."
        )
    return Gap(first, last, masks, frames)


def interpolate(gap: Gap) -> Iterator[tuple[int, Mask, None]]:
    """Yield each frame between the two ends with its mask, and None for its score."""
    # They stay proposals, since a person has seen the two ends only. Correcting one of them makes
    # it an end, so that interpolating again improves on both sides of it.
    for frame in gap.frames:
        share = (frame - gap.first) / (gap.last - gap.first)
        yield frame, interpolate_masks(*gap.masks, share), None


def clear_frame(session: AnnotationSession, object_id: int, frame: int) -> str:
    session.set_mask(object_id, frame, np.zeros(session.frame_size, bool), label="Clear frame")
    return "Cleared this frame: the object is not there."


def fill_frame_holes(session: AnnotationSession, object_id: int, frame: int) -> str:
    return _reshape(session, object_id, frame, fill_holes, "Fill holes", "The mask has no holes.")


def remove_frame_islands(session: AnnotationSession, object_id: int, frame: int) -> str:
    nothing = "The mask has no small islands."
    return _reshape(session, object_id, frame, remove_islands, "Remove islands", nothing)


def back_to_proposal(session: AnnotationSession, object_id: int, frame: int) -> str:
    if session.proposal_mask(object_id, frame) is None:
        return "The model proposed nothing for this object in this frame."
    session.revert(object_id, frame)
    return "Back to what the model proposed."


def count_frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


def _reshape(
    session: AnnotationSession,
    object_id: int,
    frame: int,
    change: Callable[[Mask], Mask],
    label: str,
    nothing: str,
) -> str:
    """Put a changed mask in place of an object's; report `nothing` where they are equal."""
    before = session.mask(object_id, frame)
    after = change(before)
    changed = int(np.count_nonzero(before != after))
    if not changed:
        return nothing
    session.set_mask(object_id, frame, after, label=label)
    return f"{label}: {changed} pixel{'' if changed == 1 else 's'} changed."
