"""What a change changed: one `Diff` serves undo, the disk and observers alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from napari_tavis.annotation.blobs import Blob
from napari_tavis.annotation.objects import FrameRecord, Sampling, SessionObject

MOST_STEPS = 200
MOST_BYTES = 64 << 20  # on the disk
MOST_FRAMES = 150_000  # that one step may change: written, they take no more than `MOST_BYTES`

ChangeKind: TypeAlias = Literal[
    "mask",
    "status",
    "state",
    "threshold",
    "added",
    "removed",
    "renamed",
    "replaced",
    "undone",
    "marked",
    "saved",
]


@dataclass
class Diff:
    """The parts of a session that a change touched, each as (before, after).

    None stands for a record or an object that did not exist, or no longer does.
    """

    # By (object number, frame index).
    frames: dict[tuple[int, int], tuple[FrameRecord | None, FrameRecord | None]] = field(
        default_factory=dict
    )
    # By object number, without frames.
    objects: dict[int, tuple[SessionObject | None, SessionObject | None]] = field(
        default_factory=dict
    )
    vocabulary: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    sampling: tuple[Sampling, Sampling] | None = None  # which frames the model saw

    def __bool__(self) -> bool:
        return bool(self.frames or self.objects or self.vocabulary or self.sampling)

    @property
    def object_ids(self) -> frozenset[int]:
        return frozenset(self.objects) | {object_id for object_id, _ in self.frames}

    @property
    def frame_indices(self) -> set[int]:
        return {frame for _, frame in self.frames}

    def reversed(self) -> Diff:
        """Give the change that takes this one back."""
        return Diff(
            {key: (after, before) for key, (before, after) in self.frames.items()},
            {key: (after, before) for key, (before, after) in self.objects.items()},
            self.vocabulary and (self.vocabulary[1], self.vocabulary[0]),
            self.sampling and (self.sampling[1], self.sampling[0]),
        )

    def blobs(self) -> Iterator[Blob]:
        """Give the pictures that it names, before and after."""
        for pair in self.frames.values():
            for record in pair:
                if record is not None:
                    yield from record.blobs

    def note_frame(
        self, object_id: int, frame: int, before: FrameRecord | None, after: FrameRecord | None
    ) -> None:
        """Note that a frame's record changed."""
        key = (object_id, frame)
        first = self.frames[key][0] if key in self.frames else before
        if first is after:  # back to where it was: nothing changed
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
        first = self.vocabulary[0] if self.vocabulary else before
        self.vocabulary = None if first == after else (first, after)

    def note_sampling(self, before: Sampling, after: Sampling) -> None:
        first = self.sampling[0] if self.sampling else before
        self.sampling = None if first is after else (first, after)

    def extend(self, later: Diff) -> None:
        """Add a change that came after this one, as if they were one."""
        for (object_id, frame), (old, new) in later.frames.items():
            self.note_frame(object_id, frame, old, new)
        for object_id, (before, after) in later.objects.items():
            self.note_object(object_id, before, after)
        if later.vocabulary:
            self.note_vocabulary(*later.vocabulary)
        if later.sampling:
            self.note_sampling(*later.sampling)


@dataclass(frozen=True)
class SessionChange:
    """One change of a session, as its observers get it.

    Its kind is "mask" or "status" of an object in a frame; "state" or "threshold" of an object; an
    object "added", "removed" or "renamed"; all objects "replaced" by a new run of the model; a step
    "undone" or redone; the session "marked" (done, time worked, exports) or "saved".
    """

    kind: ChangeKind
    object_id: int | None = None  # None for all objects
    frame_index: int | None = None  # None for all frames
    # What exactly changed; empty where the session was marked or saved.
    diff: Diff = field(default_factory=Diff, compare=False, repr=False)


@dataclass(frozen=True)
class HistoryStep:
    """A step that was undone or redone."""

    label: str  # what it was, for a person: "Paint"
    object_ids: frozenset[int]  # the objects concerned, which may exist no longer
    frame_index: int | None  # to show; None where no single frame is concerned


@dataclass(eq=False)
class Step:
    """A step as it is kept."""

    number: int  # ascending
    label: str
    frame_index: int | None  # to show when it is undone
    diff: Diff | None  # what it changed; None while that is only on the disk
    size: int = 0  # bytes that it takes on the disk; 0 until it is there
    joins: bool = False  # a step of its kind right after is one with it
    saved: bool = False  # the disk has it as it is

    def continues_with(self, label: str, diff: Diff) -> bool:
        """Say whether a step right after is one with this one."""
        known = self.diff
        same = self.label == label and known is not None and known.object_ids == diff.object_ids
        return self.joins and same

    def described(self, diff: Diff) -> HistoryStep:
        """Describe it to the user."""
        frames = diff.frame_indices
        lone = next(iter(frames)) if len(frames) == 1 else None
        frame = lone if self.frame_index is None else self.frame_index
        return HistoryStep(self.label, diff.object_ids, frame)


Load: TypeAlias = Callable[[Step], Diff]  # reads the change of a step from the disk


class History:
    """The steps that can be undone and redone, bounded in number and in bytes on the disk.

    It only keeps them; whoever asks for a step applies its `Diff`. The last step is kept however
    large it is. `done` and `undone` are in the order in which they were done; `forgotten` is how
    many steps before them are no longer kept.
    """

    def __init__(
        self,
        done: list[Step] | None = None,
        undone: list[Step] | None = None,
        forgotten: int = 0,
        *,
        most_steps: int = MOST_STEPS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._done = done or []
        self._undone = (undone or [])[::-1]  # the next to be redone comes last
        self.forgotten = forgotten
        self._most_steps = most_steps
        self._most_bytes = most_bytes
        self._next = max((step.number for step in self.steps), default=0) + 1

    @property
    def steps(self) -> list[Step]:
        """All steps, in the order in which they were done."""
        return self._done + self._undone[::-1]

    @property
    def position(self) -> int:
        """Number of the last step that is done; 0 if there is none."""
        return self._done[-1].number if self._done else 0

    @property
    def numbers(self) -> set[int]:
        return {step.number for step in self.steps}

    @property
    def undo_label(self) -> str | None:
        """What would be undone."""
        return self._done[-1].label if self._done else None

    @property
    def redo_label(self) -> str | None:
        """What would be redone."""
        return self._undone[-1].label if self._undone else None

    def push(
        self, label: str, diff: Diff, frame_index: int | None = None, *, joins: bool = False
    ) -> None:
        """Add a step that was done; what was undone before it can no longer be redone.

        Parameters
        ----------
        diff : Diff
            What it changed; must not be changed afterwards.
        frame_index : int, optional
            The frame to show when it is undone.
        joins : bool
            Make it one with the step before if that has the same label and objects: a slider
            is one step, however long it is dragged.
        """
        self._undone.clear()
        if len(diff.frames) > MOST_FRAMES:
            self.forgotten += len(self._done) + 1
            self._done.clear()
            return
        last = self._done[-1] if self._done else None
        if joins and last and last.continues_with(label, diff):
            assert last.diff is not None
            joined = Diff()
            joined.extend(last.diff)
            joined.extend(diff)
            last.diff = joined  # a new one, as the saving thread may be writing the old one
            last.saved = False
            if not last.diff:
                self._done.pop()
            return
        self._done.append(Step(self._next, label, frame_index, diff, joins=joins))
        self._next += 1
        while len(self._done) > self._most_steps:
            self._forget_oldest()

    def undo(self, load: Load) -> tuple[Diff, HistoryStep] | None:
        """Give the change that takes the last step back, which can be redone from now on.

        What `load` raises for a step that is only on the disk is passed on.
        """
        if not self._done:
            return None
        step = self._done[-1]
        diff = _loaded(step, load)
        self._undone.append(self._done.pop())
        return diff.reversed(), step.described(diff)

    def redo(self, load: Load) -> tuple[Diff, HistoryStep] | None:
        """Give the last step that was undone, which can be undone from now on."""
        if not self._undone:
            return None
        step = self._undone[-1]
        diff = _loaded(step, load)
        self._done.append(self._undone.pop())
        return diff, step.described(diff)

    def forget(self, *, back: bool) -> None:
        """Forget the steps on one side, as the next of them cannot be read."""
        if back:
            self.forgotten += len(self._done)
        (self._done if back else self._undone).clear()

    def load_all(self, load: Load, *, back: bool) -> None:
        """Read the steps of one side; from one that cannot be read on, they are forgotten."""
        steps = self._done if back else self._undone
        for at in reversed(range(len(steps))):
            try:
                _loaded(steps[at], load)
            except (OSError, ValueError):
                self.forgotten += at + 1 if back else 0
                del steps[: at + 1]
                return

    def to_save(self) -> list[tuple[Step, Diff]]:
        """Give the steps that the disk does not have, and mark them as saved."""
        unsaved = (step for step in self.steps if not step.saved)
        fresh = [(step, step.diff) for step in unsaved if step.diff is not None]
        for step, _ in fresh:
            step.saved = True
        return fresh

    def trim(self) -> None:
        """Forget the oldest steps that take too much of the disk."""
        size = sum(step.size for step in self.steps)
        while size > self._most_bytes and len(self._done) > 1:
            size -= self._forget_oldest().size

    def _forget_oldest(self) -> Step:
        self.forgotten += 1
        return self._done.pop(0)


def _loaded(step: Step, load: Load) -> Diff:
    if step.diff is None:
        step.diff = load(step)
    return step.diff
