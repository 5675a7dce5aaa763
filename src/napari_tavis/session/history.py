"""Undo and redo: what was changed, in the order it was."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from napari_tavis.session.diff import Diff

MOST_STEPS = 200
MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class HistoryStep:
    """A step that was undone or redone.

    Parameters
    ----------
    label : str
        What it was, for a person: "Paint".
    object_ids : frozenset of int
        The objects concerned; one of them may exist no more.
    frame_index : int or None
        The frame to show; None where no single one is concerned.
    """

    label: str
    object_ids: frozenset[int]
    frame_index: int | None


@dataclass
class _Step:
    label: str
    frame_index: int | None
    diff: Diff
    memory: int
    joins: bool

    def continues_with(self, label: str, diff: Diff) -> bool:
        same = self.label == label and self.diff.object_ids == diff.object_ids
        return self.joins and same

    def told(self) -> HistoryStep:
        frames = self.diff.frame_indices
        lone = next(iter(frames)) if len(frames) == 1 else None
        frame = lone if self.frame_index is None else self.frame_index
        return HistoryStep(self.label, self.diff.object_ids, frame)


class History:
    """The steps that can be undone and redone, bounded in number and memory.

    It only keeps them; whoever asks for a step applies its `Diff`. The last step is kept whatever
    it takes.

    Attributes
    ----------
    clearings : int
        How often it was cleared: a step that was begun before belongs to another time.
    """

    def __init__(self, most_steps: int = MOST_STEPS, most_bytes: int = MOST_BYTES) -> None:
        self._most_steps = most_steps
        self._most_bytes = most_bytes
        self._done: deque[_Step] = deque()
        self._undone: list[_Step] = []
        self.clearings = 0

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
        """Take a step that was done; what was undone before it cannot be redone any more.

        Parameters
        ----------
        label : str
            What it was.
        diff : Diff
            What it changed; must not be changed any more.
        frame_index : int, optional
            The frame to show when it is undone.
        joins : bool
            Make it one with the step before if that is of the same label and objects: a slider
            is one step, however long it is dragged.
        """
        self._undone.clear()
        last = self._done[-1] if self._done else None
        if last and joins and last.continues_with(label, diff):
            last.diff.extend(diff)
            if not last.diff:
                self._done.pop()
            return
        self._done.append(_Step(label, frame_index, diff, diff.memory, joins))
        self._trim()

    def undo(self) -> tuple[Diff, HistoryStep] | None:
        """Give the change that takes the last step back, which can be redone from now on."""
        if not self._done:
            return None
        step = self._done.pop()
        self._undone.append(step)
        return step.diff.reversed(), step.told()

    def redo(self) -> tuple[Diff, HistoryStep] | None:
        """Give the last step that was undone, which can be undone from now on."""
        if not self._undone:
            return None
        step = self._undone.pop()
        self._done.append(step)
        return step.diff, step.told()

    def clear(self) -> None:
        """Forget everything."""
        self._done.clear()
        self._undone.clear()
        self.clearings += 1

    def _trim(self) -> None:
        memory = sum(step.memory for step in self._done)
        while len(self._done) > 1 and (
            len(self._done) > self._most_steps or memory > self._most_bytes
        ):
            memory -= self._done.popleft().memory
