"""The parts of a session: an object, and what is known of it in one frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from napari_tavis.inference.masks import Mask, PackedMasks, encode_mask
from napari_tavis.inference.proposals import ObjectKind, Proposal
from napari_tavis.session.colors import RGB


class FrameStatus(StrEnum):
    """How far a person has gone with an object in a frame."""

    PROPOSED = "proposed"
    """The model's mask; nobody has looked at it."""
    EDITED = "edited"
    """A person has painted it, or rubbed it out."""
    ACCEPTED = "accepted"
    """A person has found it right."""

    @property
    def by_person(self) -> bool:
        """Whether a person stands behind it, so that the model may not replace it."""
        return self is not FrameStatus.PROPOSED


@dataclass(frozen=True)
class FrameRecord:
    """What is known of one object in one frame.

    Parameters
    ----------
    status : FrameStatus
        How far a person has gone with it.
    png : bytes or None
        The mask as a 1-bit PNG; None where it is empty.
    score : float or None
        The model's score of it, 0 to 1, where the model made it.
    """

    status: FrameStatus
    png: bytes | None
    score: float | None = None


@dataclass
class SessionObject:
    """One object of a session. Change it through the session only.

    Parameters
    ----------
    object_id : int
        Its number, from 1; never used again in this session.
    class_name : str
        Its class.
    color : tuple of int
        Its class's red, green and blue, 0 to 255.
    score : float
        How sure the model is, 0 to 1; 1 where a person made the object.
    kind : {"object", "scene"}
        An object, or the mask of everything that sounds.
    named_by_person : bool
        Whether a person gave it its class, so that a new run of the model keeps it.
    frames : dict of int to FrameRecord
        What is known of it, by video frame index.
    """

    object_id: int
    class_name: str
    color: RGB
    score: float
    kind: ObjectKind = "object"
    named_by_person: bool = False
    frames: dict[int, FrameRecord] = field(default_factory=dict)


def record_mask(mask: Mask, status: FrameStatus, score: float | None = None) -> FrameRecord:
    """Make the record of a mask; an empty one takes no file."""
    return FrameRecord(status, encode_mask(mask) if mask.any() else None, score)


def proposed_records(proposal: Proposal, size: tuple[int, int]) -> dict[int, FrameRecord]:
    """Make the records of a proposal.

    Parameters
    ----------
    proposal : Proposal
        What the model proposes.
    size : tuple of int
        Height and width of the video's frames.

    Returns
    -------
    dict of int to FrameRecord
        By video frame index; empty masks are left out.
    """
    masks = proposal.masks
    packed = masks if isinstance(masks, PackedMasks) else PackedMasks(size, masks)
    if packed.size != size:
        raise ValueError(f"masks of {packed.size} where the frames are {size}")
    return {
        int(frame): FrameRecord(FrameStatus.PROPOSED, png, proposal.frame_scores.get(frame))
        for frame in packed
        if (png := packed.encoded(frame)) is not None
    }
