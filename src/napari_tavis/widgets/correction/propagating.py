"""Propagating an object through the video as a job of the controller."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from napari.layers import Labels

from napari_tavis.errors import TavisError
from napari_tavis.inference import Mask, PackedMasks
from napari_tavis.session import AnnotationSession
from napari_tavis.tasks import Cancelled, CancelToken, Progress
from napari_tavis.widgets.correction.encoders import FrameEncoders
from napari_tavis.widgets.correction.plan import Direction, Plan, Reach, plan_propagation
from napari_tavis.widgets.correction.prompt_layers import preview_layer
from napari_tavis.widgets.correction.repairs import count_frames
from napari_tavis.widgets.jobs import report_error
from napari_tavis.widgets.work import SegmentOptions

if TYPE_CHECKING:
    from napari_tavis.widgets.controller import AnnotationController

LABEL = "Propagate"
"""What a propagation is called in the list of steps to undo."""

LOOKING = "following the object"
"""What the progress says."""


@dataclass
class Found:
    """What a propagation has found so far; filled in the job's thread, shown in the GUI's.

    Attributes
    ----------
    masks : PackedMasks
        By frame.
    scores : dict of int to float
        How sure the model is, 0 to 1, by frame.
    cancelled : bool
        Whether the user stopped it before its end.
    """

    masks: PackedMasks
    scores: dict[int, float] = field(default_factory=dict)
    cancelled: bool = False

    @property
    def lost(self) -> list[int]:
        """The frames in which the model says that the object is not there, ascending."""
        return [frame for frame in sorted(self.masks) if self.masks.encoded(frame) is None]

    def mask(self, frame: int) -> Mask | None:
        """Give the mask of a frame, or None where it was not reached yet."""
        return self.masks.get(frame)


class Propagation:
    """Starts propagations, shows their masks as they come, and hands them to the session.

    A propagation that is cancelled keeps the frames it has reached; like a whole one, it is one
    step to undo.

    Parameters
    ----------
    controller : AnnotationController
        Knows the video, the session and the chosen object; its job runner does the work.
    encoders : FrameEncoders
        Gives the encoder of the video's frames.
    """

    def __init__(self, controller: AnnotationController, encoders: FrameEncoders) -> None:
        self._controller = controller
        self._encoders = encoders
        self._preview: Labels | None = None

    def start(self, direction: Direction, reach: Reach) -> None:
        """Propagate the chosen object from the frame shown.

        Parameters
        ----------
        direction : Direction
            Which way.
        reach : Reach
            Which frames may be written.
        """
        controller = self._controller
        session, object_id, video = controller.collect_edits(), controller.chosen, controller.video
        if session is None or object_id is None or video is None or controller.jobs.busy:
            return
        current = controller.navigation.frame
        try:
            plan = plan_propagation(session, object_id, current, direction, reach)
        except TavisError as error:
            report_error(error)
            return
        found, options = Found(PackedMasks(session.frame_size)), controller.options
        started = time.monotonic()

        def finish(found: Found) -> None:
            seconds = time.monotonic() - started
            self._on_done(session, object_id, current, found, seconds)

        controller.jobs.start(
            lambda progress, cancel: run_propagation(
                self._encoders, video, options, plan, found, progress, cancel
            ),
            finish,
            self._on_failed,
        )
        self._show(session, found.mask)

    def close(self, window_stays: bool) -> None:
        """Let go of the viewer."""
        if window_stays:
            self._hide()

    def _show(self, session: AnnotationSession, mask_of: Callable[[int], Mask | None]) -> None:
        """Outline the masks as they come, without taking the tool out of the user's hand."""
        layers = self._controller.viewer.layers
        active = layers.selection.active
        shape = (session.frame_count, *session.frame_size)
        self._preview = preview_layer(shape, mask_of, "propagating …")
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

    def _on_done(
        self, session: AnnotationSession, object_id: int, frame: int, found: Found, seconds: float
    ) -> None:
        self._hide()
        controller = self._controller
        there = any(item.object_id == object_id for item in session.objects)
        if session is not controller.session or not there:
            controller.said.emit("The object is gone: what was propagated is dropped.")
            return
        if not found.masks:
            controller.said.emit("Cancelled before the first frame: nothing was changed.")
            return

        def propose(session: AnnotationSession) -> list[int]:
            with session.step(LABEL, frame_index=frame):
                return session.propose_masks(
                    object_id, found.masks, scores=found.scores, label=LABEL
                )

        written = controller.do(propose)
        if written is not None:
            controller.said.emit(describe(found, written, seconds))

    def _on_failed(self, error: BaseException) -> None:
        self._hide()
        if isinstance(error, Cancelled):
            self._controller.said.emit("Cancelled before the first frame: nothing was changed.")
            return
        self._controller.said.emit("Not propagated; see the error.")
        report_error(error)


def describe(found: Found, written: list[int], seconds: float) -> str:
    """Say in a line or two what a propagation gave.

    Parameters
    ----------
    found : Found
        What it found.
    written : list of int
        The frames that the session took.
    seconds : float
        How long it took.
    """
    done = "Cancelled: kept" if found.cancelled else "Propagated over"
    line = f"{done} {count_frames(len(written))} in {seconds:.1f} s; one undo takes them back."
    lost = sorted(set(found.lost) & set(written))
    if not lost:
        return line
    where = f"in frame {lost[0] + 1}" + (f" and {len(lost) - 1} more" if len(lost) > 1 else "")
    return f"{line} The object was not found {where}: go there to correct it."


def run_propagation(
    encoders: FrameEncoders,
    video: Path,
    options: SegmentOptions,
    plan: Plan,
    found: Found,
    progress: Progress,
    cancel: CancelToken,
) -> Found:
    """Find the object in all frames of a plan, in a job's thread.

    Parameters
    ----------
    encoders : FrameEncoders
        Gives the encoder of the video's frames.
    video : Path
        The open video.
    options : SegmentOptions
        Names the model and the device.
    plan : Plan
        From where to where.
    found : Found
        Filled as the masks come.
    progress, cancel
        Of the job.

    Returns
    -------
    Found
        The same; what was found before a cancel is in it.
    """
    try:
        encoder = encoders.get(video, options, progress, cancel)
        from napari_tavis.inference.propagation import propagate

        total = len(plan.frames)
        progress(0, total, LOOKING)
        for frame, mask, score in propagate(encoder, plan.conditions, plan.frames, cancel=cancel):
            found.masks[frame] = mask
            found.scores[frame] = score
            progress(len(found.masks), total, LOOKING)
    except Cancelled:
        found.cancelled = True
    return found
