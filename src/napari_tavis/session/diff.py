"""What one change of a session changed: enough to take it back, and to write it down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from napari_tavis.session.objects import FrameRecord, SessionObject

_ENTRY_BYTES = 400
"""Memory of one changed frame, roughly, besides its mask."""


@dataclass
class Diff:
    """The parts of a session that a change touched, as they were before and are after it.

    Parameters
    ----------
    frames : dict
        (before, after) by (object number, frame index); None where there was or is no record.
    objects : dict
        (before, after) by object number, without frames; None where there was or is no object.
    vocabulary : tuple or None
        (before, after), if it changed.
    """

    frames: dict[tuple[int, int], tuple[FrameRecord | None, FrameRecord | None]] = field(
        default_factory=dict
    )
    objects: dict[int, tuple[SessionObject | None, SessionObject | None]] = field(
        default_factory=dict
    )
    vocabulary: tuple[tuple[str, ...], tuple[str, ...]] | None = None

    def __bool__(self) -> bool:
        return bool(self.frames or self.objects or self.vocabulary)

    @property
    def object_ids(self) -> frozenset[int]:
        """The objects it touched."""
        return frozenset(self.objects) | {object_id for object_id, _ in self.frames}

    @property
    def frame_indices(self) -> set[int]:
        """The frames it touched."""
        return {frame for _, frame in self.frames}

    @property
    def memory(self) -> int:
        """Bytes that keeping it takes, roughly: what it replaced, where no disk has that."""
        return sum(
            _ENTRY_BYTES + (sum(blob.held for blob in before.blobs) if before else 0)
            for before, _ in self.frames.values()
        )

    def reversed(self) -> Diff:
        """Give the change that takes this one back."""
        return Diff(
            {key: (after, before) for key, (before, after) in self.frames.items()},
            {key: (after, before) for key, (before, after) in self.objects.items()},
            self.vocabulary and (self.vocabulary[1], self.vocabulary[0]),
        )

    def note_frame(
        self, object_id: int, frame: int, before: FrameRecord | None, after: FrameRecord | None
    ) -> None:
        """Note that a frame's record changed."""
        key = (object_id, frame)
        first = self.frames[key][0] if key in self.frames else before
        if first is after:
            self.frames.pop(key, None)
        else:
            self.frames[key] = (first, after)

    def note_object(
        self, object_id: int, before: SessionObject | None, after: SessionObject | None
    ) -> None:
        """Note that an object came, went, or changed apart from its frames."""
        first = self.objects[object_id][0] if object_id in self.objects else before
        if first == after:
            self.objects.pop(object_id, None)
        else:
            self.objects[object_id] = (first, after)

    def note_vocabulary(self, before: tuple[str, ...], after: tuple[str, ...]) -> None:
        """Note that the vocabulary changed."""
        first = self.vocabulary[0] if self.vocabulary else before
        self.vocabulary = None if first == after else (first, after)

    def extend(self, later: Diff) -> None:
        """Add a change that came after this one, as if they were one."""
        for (object_id, frame), (old, new) in later.frames.items():
            self.note_frame(object_id, frame, old, new)
        for object_id, (before, after) in later.objects.items():
            self.note_object(object_id, before, after)
        if later.vocabulary:
            self.note_vocabulary(*later.vocabulary)

    def removed_objects(self) -> Iterator[int]:
        """Give the objects that are no more."""
        return (object_id for object_id, (_, after) in self.objects.items() if after is None)
