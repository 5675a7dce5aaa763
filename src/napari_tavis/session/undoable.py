"""A session whose changes are steps that can be undone and redone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from napari_tavis.session.changes import SessionChange
from napari_tavis.session.diff import Diff
from napari_tavis.session.errors import SessionError
from napari_tavis.session.history import History, HistoryStep
from napari_tavis.session.marks import Marks
from napari_tavis.session.pending import Pending
from napari_tavis.session.state import SessionState
from napari_tavis.session.view import SessionView


@dataclass
class _OpenStep:
    """What a thread has changed since it began a step."""

    clearings: int
    diff: Diff = field(default_factory=Diff)


class UndoableSession(SessionView):
    """The part of `AnnotationSession` that keeps account of changes: for undo, and for saving.

    Every change goes through `_edit`.
    """

    def __init__(self, video: Path, directory: Path, state: SessionState) -> None:
        super().__init__(video, directory, state)
        self._history = History()
        self._pending = Pending()
        self._revision = 0
        self._open_steps = threading.local()

    @property
    def read_only(self) -> bool:
        """Whether nothing can be changed; `warnings` says why."""
        return False

    @property
    def undo_label(self) -> str | None:
        """What `undo` would take back; None if there is nothing."""
        return self._history.undo_label

    @property
    def redo_label(self) -> str | None:
        """What `redo` would do again; None if there is nothing."""
        return self._history.redo_label

    def undo(self) -> HistoryStep | None:
        """Take the last step back; give what it was, or None if there is nothing to undo."""
        return self._travel(back=True)

    def redo(self) -> HistoryStep | None:
        """Do the step again that was undone last; give what it was, or None."""
        return self._travel(back=False)

    @contextmanager
    def step(self, label: str, frame_index: int | None = None) -> Iterator[None]:
        """Make one step of all that this thread changes inside.

        What other threads change meanwhile is theirs. If the body fails, what it did before is a
        step all the same. A step within a step is part of it.

        Parameters
        ----------
        label : str
            What the step is called in undo.
        frame_index : int, optional
            The frame to show when it is undone.
        """
        if getattr(self._open_steps, "step", None) is not None:
            yield
            return
        step = self._open_steps.step = _OpenStep(self._history.clearings)
        try:
            yield
        finally:
            self._open_steps.step = None
            with self._lock:
                if step.diff and step.clearings == self._history.clearings:
                    self._history.push(label, step.diff, frame_index)

    def _travel(self, back: bool) -> HistoryStep | None:
        """Undo or redo a step."""
        if getattr(self._open_steps, "step", None) is not None:
            raise RuntimeError("undo or redo within a step")
        with self._edit(None) as state:
            found = self._history.undo() if back else self._history.redo()
            if found is None:
                return None
            diff, step = found
            state.apply(diff)
        lone = next(iter(step.object_ids)) if len(step.object_ids) == 1 else None
        came_or_went = any(None in pair for pair in diff.objects.values())
        self.changed.emit(SessionChange("undone", None if came_or_went else lone))
        return step

    @contextmanager
    def _edit(
        self, label: str | None, frame_index: int | None = None, *, joins: bool = False
    ) -> Iterator[SessionState]:
        """Change the state: as a whole or, if that fails, not at all.

        Parameters
        ----------
        label : str or None
            What the step is called; None if it is none that can be undone.
        frame_index : int, optional
            The frame to show when it is undone.
        joins : bool
            Whether it is one with a step of its kind right before.
        """
        self._require_writable()
        with self._lock:
            try:
                yield self._state
            except BaseException:
                self._state.apply(self._state.diff.reversed())
                self._state.take_diff()
                raise
            diff = self._state.take_diff()
            if diff:
                self._pending.add(diff)
                self._state.marks.edits += 1
                self._revision += 1
            open_step: _OpenStep | None = getattr(self._open_steps, "step", None)
            if not diff or label is None:
                return
            if open_step is not None:
                open_step.diff.extend(diff)
            else:
                self._history.push(label, diff, frame_index, joins=joins)

    @contextmanager
    def _marking(self) -> Iterator[Marks]:
        """Change the notes on the session, which is no step."""
        self._require_writable()
        with self._lock:
            yield self._state.marks
            self._revision += 1
        self.changed.emit(SessionChange("marked"))

    def _require_writable(self) -> None:
        if self.read_only:
            raise SessionError(
                f"{self.directory} is open for reading only here, so nothing was changed: close "
                f"it where else it is open, and open it again."
            )
