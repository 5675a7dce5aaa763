"""Fills many frames of an object in the background: shown as they come, undone in one step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from napari.layers import Labels

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.masks import Mask, PackedMasks
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.correction.preview import preview_layer
from napari_tavis.widgets.correction.repairs import count_frames

# Yields (frame, mask, score) in a job's thread. When cancelled it may raise or just stop.
Find: TypeAlias = Callable[[Task], Iterable[tuple[int, Mask, float | None]]]


@dataclass(frozen=True)
class Target:
    """The object to fill."""

    session: AnnotationSession
    object_id: int
    label: str  # of the undo step
    frame: int  # shown when the step is undone
    total: int  # frames to fill


@dataclass
class Filled:
    """What was found so far: written by the job's thread, read by the GUI's for the preview."""

    masks: PackedMasks  # by frame
    scores: dict[int, float] = field(default_factory=dict)  # by frame, 0 to 1
    written: list[int] = field(default_factory=list)  # frames the session took, set at the end
    cancelled: bool = False

    @property
    def lost(self) -> list[int]:
        """The written frames in which the object was not found, ascending."""
        return [frame for frame in sorted(self.written) if self.masks.encoded(frame) is None]

    def mask(self, frame: int) -> Mask | None:
        """Give the mask of a frame, or None if the frame has not been reached."""
        return self.masks.get(frame)

    def describe(self, done: str, seconds: float) -> str:
        """Report the outcome in a line or two; `done` is a phrase such as "Propagated over"."""
        if not self.written:
            return "Nothing was changed."
        start = "Cancelled: kept" if self.cancelled else done
        frames = count_frames(len(self.written))
        line = f"{start} {frames} in {seconds:.1f} s; one undo takes them back."
        if not self.lost:
            return line
        rest = f" and {len(self.lost) - 1} more" if len(self.lost) > 1 else ""
        return f"{line} The object was not found in frame {self.lost[0] + 1}{rest}: please check."


class Filling:
    """Runs one filling at a time as the controller's long job.

    A cancelled filling keeps the frames it reached. Either way the result is one undo step, and
    frames that a person edits or accepts in the meantime stay as they are.
    """

    def __init__(self, controller: AnnotationController) -> None:
        self._controller = controller
        self._preview: Labels | None = None

    def start(self, target: Target, find: Find, done: str) -> None:
        jobs = self._controller.jobs
        if jobs.busy:
            self._controller.said.emit("Wait for the running work, or cancel it.")
            return
        filled, began = Filled(PackedMasks(target.session.frame_size)), time.monotonic()
        jobs.start(
            lambda task: fill(target, find, filled, task),
            lambda filled: self._on_done(target, filled, done, time.monotonic() - began),
            self._on_failed,
        )
        self._show(target, filled)

    def close(self, window_stays: bool) -> None:
        if window_stays:
            self._hide()

    def _show(self, target: Target, filled: Filled) -> None:
        """Outline the masks as they come."""
        layers = self._controller.viewer.layers
        active = layers.selection.active
        shape = (target.session.frame_count, *target.session.frame_size)
        self._preview = preview_layer(shape, filled.mask, f"{target.label.lower()} …")
        layers.append(self._preview)
        layers.selection.active = active  # napari activates what is added: keep the user's tool
        self._controller.jobs.progressed.connect(self._refresh)

    def _refresh(self, done: int, total: int, what: str) -> None:
        if self._preview is not None:
            self._preview.refresh()

    def _hide(self) -> None:
        preview, self._preview = self._preview, None
        layers = self._controller.viewer.layers
        if preview is not None:
            self._controller.jobs.progressed.disconnect(self._refresh)
            if preview in layers:
                layers.remove(preview)

    def _on_done(self, target: Target, filled: Filled, done: str, seconds: float) -> None:
        self._hide()
        controller = self._controller
        if target.session is controller.session and filled.written:
            controller.refresh([target.object_id])
        controller.said.emit(filled.describe(done, seconds))

    def _on_failed(self, error: BaseException) -> None:
        self._hide()
        self._controller.tell_failure(error, cancelled="Nothing was changed.")


def fill(target: Target, find: Find, filled: Filled, task: Task) -> Filled:
    """Find masks and propose them to the session, in a job's thread.

    What was found before a cancel is written too. Nothing is written to an object that was
    deleted in the meantime.
    """
    what = f"{target.label.lower()}: frames done"
    try:
        for frame, mask, score in find(task):
            filled.masks[frame] = mask
            if score is not None:
                filled.scores[frame] = score
            task.report(len(filled.masks), target.total, what)
            task.check()
    except Cancelled:
        filled.cancelled = True
    session, object_id = target.session, target.object_id
    if filled.masks and any(item.object_id == object_id for item in session.objects):
        task.report(0, 0, "keeping the masks")
        with session.step(target.label, frame_index=target.frame):
            filled.written = session.propose_masks(
                object_id, filled.masks, scores=filled.scores, label=target.label
            )
    return filled
