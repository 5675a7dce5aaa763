"""All that the section "Correct" can do, for its buttons and its keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from napari_tavis.annotation import AnnotationSession
from napari_tavis.core.errors import TavisError
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.correction import repairs
from napari_tavis.widgets.correction.encoders import FrameEncoders
from napari_tavis.widgets.correction.filling import Filling, Target
from napari_tavis.widgets.correction.plan import Direction, Reach, plan_propagation
from napari_tavis.widgets.correction.prompting import PromptTool
from napari_tavis.widgets.correction.propagating import LABEL, follow
from napari_tavis.widgets.jobs import report_error

Repair: TypeAlias = Callable[[AnnotationSession, int, int], str]
"""Changes an object in a frame, and says what it did."""


class Corrector:
    """Prompts, propagates and repairs the chosen object in the frame shown.

    Parameters
    ----------
    controller : AnnotationController
        Knows the video, the session and the chosen object.

    Attributes
    ----------
    prompts : PromptTool
        The prompt mode.
    reach : Reach
        Which frames are worked on; as the user chose.
    """

    def __init__(self, controller: AnnotationController) -> None:
        self._controller = controller
        self._encoders = FrameEncoders(
            controller.loaded_model, lambda: controller.navigation.sampled
        )
        self.prompts: PromptTool = PromptTool(controller, self._encoders)
        self._filling = Filling(controller)
        self.reach: Reach = Reach()
        controller.closing.connect(self.close)

    def propagate(self, direction: Direction) -> None:
        """Follow the object through the video; a mask that is shown unconfirmed is kept first."""
        self.prompts.settle()
        controller = self._controller
        session, object_id = controller.collect_edits(), controller.chosen
        frame, video, options = controller.navigation.frame, controller.video, controller.options
        if session is None or object_id is None or video is None:
            return
        try:
            plan = plan_propagation(session, object_id, frame, direction, self.reach)
        except TavisError as error:
            report_error(error)
            return
        self._filling.start(
            Target(session, object_id, LABEL, frame, len(plan.frames)),
            lambda progress, cancel: follow(self._encoders, video, options, plan, progress, cancel),
            "Propagated over",
        )

    def interpolate(self) -> None:
        """Fill the frames between the two checked ones around this frame."""
        self.prompts.settle()
        controller, frame = self._controller, self._controller.navigation.frame
        session, object_id = controller.collect_edits(), controller.chosen
        if session is None or object_id is None:
            return
        try:
            gap = repairs.find_gap(session, object_id, frame, self.reach)
        except TavisError as error:
            report_error(error)
            return
        self._filling.start(
            Target(session, object_id, "Interpolate", frame, len(gap.frames)),
            lambda progress, cancel: repairs.interpolate(gap),
            "Interpolated",
        )

    def copy_to_next(self) -> None:
        """Copy the mask to the next frame that is worked on, and go there."""
        self.prompts.settle()
        controller, target = self._controller, -1

        def copy(session: AnnotationSession, object_id: int, frame: int) -> str:
            nonlocal target
            target = repairs.next_frame(session, frame, self.reach)
            return repairs.copy_mask(session, object_id, frame, target)

        if self._repair(copy):
            controller.navigation.go_to(target)

    def fill_holes(self) -> None:
        """Fill the holes of the mask in this frame."""
        self.prompts.settle()
        self._repair(repairs.fill_frame_holes)

    def remove_islands(self) -> None:
        """Remove small pieces of the mask in this frame."""
        self.prompts.settle()
        self._repair(repairs.remove_frame_islands)

    def clear_frame(self) -> None:
        """Say that the object is not in this frame."""
        self.prompts.forget_here()
        self._repair(repairs.clear_frame)

    def back_to_proposal(self) -> None:
        """Take the model's mask back in this frame."""
        self.prompts.forget_here()
        self._repair(repairs.back_to_proposal)

    def close(self, window_stays: bool = True) -> None:
        """End all work, and let go of the viewer.

        Parameters
        ----------
        window_stays : bool
            Whether the viewer's window is still there.
        """
        self.prompts.close(window_stays)
        self._filling.close(window_stays)
        self._encoders.close()

    def _repair(self, repair: Repair) -> bool:
        """Change the chosen object in the frame shown, and say what was done."""
        object_id, frame = self._controller.chosen, self._controller.navigation.frame
        if object_id is None:
            return False
        sentence = self._controller.do(lambda session: repair(session, object_id, frame))
        if sentence is not None:
            self._controller.said.emit(sentence)
        return sentence is not None
