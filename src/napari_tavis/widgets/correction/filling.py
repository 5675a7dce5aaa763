"""Filling many frames of an object in the background: shown as they come, one undo step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from napari.layers import Labels

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.masks import Mask, PackedMasks
from napari_tavis.core.tasks import Cancelled, CancelToken, Progress
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.correction.prompt_layers import preview_layer
from napari_tavis.widgets.correction.repairs import count_frames
from napari_tavis.widgets.jobs import report_error

Find: TypeAlias = Callable[[Progress, CancelToken], Iterable[tuple[int, Mask, float | None]]]
"""Gives frames with their masks and scores, in a job's thread; cancelled, it raises or ends."""


@dataclass(frozen=True)
class Target:
    """What is filled.

    Parameters
    ----------
    session : AnnotationSession
        Owner of the object.
    object_id : int
        The object.
    label : str
        What the step is called in undo.
    frame : int
        The frame that is shown when the step is undone.
    total : int
        How many frames there are.
    """

    session: AnnotationSession
    object_id: int
    label: str
    frame: int
    total: int


@dataclass
class Filled:
    """What was found so far; filled in the job's thread, shown in the GUI's.

    Attributes
    ----------
    masks : PackedMasks
        By frame.
    scores : dict of int to float
        How sure the model is, 0 to 1, by frame.
    written : list of int
        The frames that the session took, at the end.
    cancelled : bool
        Whether the user stopped it before its end.
    """

    masks: PackedMasks
    scores: dict[int, float] = field(default_factory=dict)
    written: list[int] = field(default_factory=list)
    cancelled: bool = False

    @property
    def lost(self) -> list[int]:
        """The written frames in which the object is not, ascending."""
        return [frame for frame in sorted(self.written) if self.masks.encoded(frame) is None]

    def mask(self, frame: int) -> Mask | None:
        """Give the mask of a frame, or None where it was not reached yet."""
        return self.masks.get(frame)

    def describe(self, done: str, seconds: float) -> str:
        """Say in a line or two what was done.

        Parameters
        ----------
        done : str
            What was done to the frames, such as "Interpolated".
        seconds : float
            How long it took.
        """
        if not self.written:
            return "Nothing was changed."
        start = "Cancelled: kept" if self.cancelled else done
        frames = count_frames(len(self.written))
        line = f"{start} {frames} in {seconds:.1f} s; one undo takes them back."
        if not self.lost:
            return line
        rest = f" and {len(self.lost) - 1} more" if len(self.lost) > 1 else ""
        return f"{line} The object was not found in frame {self.lost[0] + 1}{rest}: look there."


class Filling:
    """Runs one filling at a time as the controller's long job.

    Cancelled, it keeps the frames it has reached; like a whole one, it is one step to undo.
    Frames that a person edits or accepts meanwhile stay as they are.

    Parameters
    ----------
    controller : AnnotationController
        Its job runner does the work.
    """

    def __init__(self, controller: AnnotationController) -> None:
        self._controller = controller
        self._preview: Labels | None = None

    def start(self, target: Target, find: Find, done: str) -> None:
        """Fill frames in the background.

        Parameters
        ----------
        target : Target
            What is filled.
        find : callable
            Gives the masks.
        done : str
            What is said to have been done, such as "Interpolated".
        """
        jobs = self._controller.jobs
        if jobs.busy:
            self._controller.said.emit("Wait for the running work, or cancel it.")
            return
        filled, began = Filled(PackedMasks(target.session.frame_size)), time.monotonic()
        jobs.start(
            lambda task: fill(target, find, filled, task.report, task),
            lambda filled: self._on_done(target, filled, done, time.monotonic() - began),
            self._on_failed,
        )
        self._show(target, filled)

    def close(self, window_stays: bool) -> None:
        """Let go of the viewer."""
        if window_stays:
            self._hide()

    def _show(self, target: Target, filled: Filled) -> None:
        """Outline the masks as they come, without taking the tool out of the user's hand."""
        layers = self._controller.viewer.layers
        active = layers.selection.active
        shape = (target.session.frame_count, *target.session.frame_size)
        self._preview = preview_layer(shape, filled.mask, f"{target.label.lower()} …")
        layers.append(self._preview)
        layers.selection.active = active
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
        nothing = isinstance(error, Cancelled)
        self._controller.said.emit(
            "Nothing was changed." if nothing else "Not done; see the error."
        )
        report_error(error)


def fill(
    target: Target, find: Find, filled: Filled, progress: Progress, cancel: CancelToken
) -> Filled:
    """Find masks and propose them to the session, in a job's thread.

    Parameters
    ----------
    target : Target
        What is filled; where it is gone at the end, nothing is written.
    find : callable
        Gives the masks.
    filled : Filled
        Filled as the masks come.
    progress, cancel
        Of the job.

    Returns
    -------
    Filled
        The same; what was found before a cancel is in it, and written.
    """
    what = f"{target.label.lower()}: frames done"
    try:
        for frame, mask, score in find(progress, cancel):
            filled.masks[frame] = mask
            if score is not None:
                filled.scores[frame] = score
            progress(len(filled.masks), target.total, what)
            cancel.check()
    except Cancelled:
        filled.cancelled = True
    session, object_id = target.session, target.object_id
    if filled.masks and any(item.object_id == object_id for item in session.objects):
        progress(0, 0, "keeping the masks")
        with session.step(target.label, frame_index=target.frame):
            filled.written = session.propose_masks(
                object_id, filled.masks, scores=filled.scores, label=target.label
            )
    return filled
