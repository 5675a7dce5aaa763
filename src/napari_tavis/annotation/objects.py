"""The parts of a session: an object, and what is known of it in one frame."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from napari_tavis.annotation.blobs import EMPTY, Blob, BlobDamaged
from napari_tavis.annotation.masks import MaskDamaged, PackedMasks
from napari_tavis.annotation.proposals import ObjectKind, Proposal
from napari_tavis.core.vocabulary import RGB

DEFAULT_THRESHOLD = 0.5  # the probability at which the model cuts its own masks

# What reading a picture raises that is damaged, or on a disk that refuses.
UNREADABLE = (OSError, BlobDamaged, MaskDamaged)


class FrameStatus(StrEnum):
    """How far a person has gone with an object in a frame."""

    PROPOSED = "proposed"  # the model's mask; nobody has looked at it
    EDITED = "edited"  # a person has painted it, or erased it
    ACCEPTED = "accepted"  # a person has found it right

    @property
    def by_person(self) -> bool:
        """Whether a person stands behind it, so that the model may not replace it."""
        return self is not FrameStatus.PROPOSED


class ObjectState(StrEnum):
    """Whether an object takes part."""

    ACTIVE = "active"
    REJECTED = "rejected"  # a person found that it does not sound: kept in reach, never exported


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """What is known of one object in one frame.

    `mask` is a 1-bit PNG, `EMPTY` where there is nothing. While the frame is proposed, it is what
    the model cut; the object's threshold may cut something else out of `logits`.
    """

    status: FrameStatus
    mask: Blob = EMPTY
    score: float | None = None  # the model's, 0 to 1, where the model made it
    # What the model proposed, once a person stands behind `mask`; None if it proposed nothing.
    proposal: Blob | None = None
    logits: Blob | None = None  # what the proposal was cut out of, where that was kept

    @property
    def empty(self) -> bool:
        """Whether there is nothing in the mask; known without reading it."""
        return self.mask is EMPTY

    @property
    def png(self) -> bytes | None:
        """The mask as a 1-bit PNG, read from the disk if need be; None where it is empty."""
        return None if self.empty else self.mask.read()

    @property
    def proposed(self) -> Blob | None:
        """What the model proposed here, as it cut it; None if it proposed nothing."""
        return self.proposal if self.status.by_person else self.mask

    @property
    def blobs(self) -> list[Blob]:
        """All of its pictures that are kept."""
        found = (self.mask, self.proposal, self.logits)
        return [blob for blob in found if blob is not None and blob is not EMPTY]

    def by_person(self, status: FrameStatus, mask: Blob) -> FrameRecord:
        """Give the record of a mask that a person stands behind; the proposal stays in reach."""
        return replace(self, status=status, mask=mask, proposal=self.proposed)

    def as_proposed(self) -> FrameRecord | None:
        """Give the record without what a person did; None if the model proposed nothing."""
        mask = self.proposed
        if mask is None:
            return None
        return replace(self, status=FrameStatus.PROPOSED, mask=mask, proposal=None)


@dataclass(frozen=True, eq=False)
class Sampling:
    """Which frames the model saw, and which model that was."""

    frame_indices: npt.NDArray[np.int64]  # (T,)
    frame_times: npt.NDArray[np.float64]  # (T,), presentation times in seconds
    model_name: str = ""  # empty if there was none

    def same_as(self, other: Sampling) -> bool:
        return (
            self.model_name == other.model_name
            and np.array_equal(self.frame_indices, other.frame_indices)
            and np.array_equal(self.frame_times, other.frame_times)
        )


@dataclass
class SessionObject:
    """One object of a session. Change it through the session only.

    Besides objects there is the "scene", the mask of everything that sounds, and "background", a
    query that the model called so: kept in reach, never exported, not shown by default.
    """

    object_id: int  # from 1; never used again in this session
    class_name: str
    color: RGB  # of its class: red, green and blue, 0 to 255
    score: float  # how sure the model is, 0 to 1; 1 where a person made the object
    kind: ObjectKind = "object"
    named_by_person: bool = False  # a person gave it its class, so that a new run keeps it
    state: ObjectState = ObjectState.ACTIVE
    # Probability, 0 to 1, at which its proposed masks are cut out of their logits.
    threshold: float = DEFAULT_THRESHOLD
    frames: dict[int, FrameRecord] = field(default_factory=dict)

    @property
    def takes_part(self) -> bool:
        """Whether it is shown, accepted with the others, and exported."""
        return self.state is ObjectState.ACTIVE and self.kind != "background"

    def bare(self) -> SessionObject:
        """Give a copy without frames."""
        return replace(self, frames={})


def proposed_records(proposal: Proposal, size: tuple[int, int]) -> dict[int, FrameRecord]:
    """Make the records of a proposal by video frame; empty masks are left out.

    Masks of another size than the video's frames are a `ValueError`.
    """
    masks = proposal.masks
    packed = masks if isinstance(masks, PackedMasks) else PackedMasks(size, masks)
    if packed.size != size:
        raise ValueError(f"masks of {packed.size} where the frames are {size}")
    records = {}
    for frame in packed:
        png, logits = packed.encoded(frame), proposal.logits.get(frame)
        if png is not None:
            records[int(frame)] = FrameRecord(
                FrameStatus.PROPOSED,
                Blob.of(png),
                proposal.frame_scores.get(frame),
                logits=None if logits is None else Blob.of(logits),
            )
    return records
