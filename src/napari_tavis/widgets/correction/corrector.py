"""Everything the section "Correct" can do, for its buttons and its keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from napari_tavis.annotation import AnnotationSession
from napari_tavis.core.errors import TavisError
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.correction import repairs
from napari_tavis.widgets.correction.filling import Filling, Target
from napari_tavis.widgets.correction.prompting import PromptTool
from napari_tavis.widgets.correction.propagation import Direction, Reach, plan_propagation
from napari_tavis.widgets.jobs import report_error

# Changes an object in a frame, and gives a sentence about what it did.
Repair: TypeAlias = Callable[[AnnotationSession, int, int], str]


class Corrector:
    """Prompts, propagates and repairs the chosen object in the frame shown."""

    def __init__(self, controller: AnnotationController) -> None:
        self._controller = controller
        self.prompts: PromptTool = PromptTool(controller)
        self._filling = Filling(controller)
        self.reach: Reach = Reach()  # the frames to work on, as the user chose
        controller.closing.connect(self.close)

    def propagate(self, direction: Direction) -> None:
        """Follow the object through the video, starting from the mask in the frame shown."""
        self.prompts.settle()  # an outline not confirmed yet is what the user sees, so it counts
        controller = self._controller
        session, object_id = controller.collect_edits(), controller.chosen
        frame, sampled = controller.navigation.frame, controller.navigation.sampled
        # Taken here: the lambda below runs in another thread, and the form may change meanwhile.
        engine, video, options = controller.engine, controller.video, controller.options
        if session is None or object_id is None or video is None:
            return
        try:
            plan = plan_propagation(session, object_id, frame, direction, self.reach)
        except TavisError as error:
            report_error(error)
            return
        self._filling.start(
            Target(session, object_id, "Propagate", frame, len(plan.frames)),
            lambda task: engine.follow(
                video, plan.conditions, plan.frames, options, sampled=sampled, task=task
            ),
            "Propagated over",
        )

    def interpolate(self) -> None:
        """Fill the frames between the nearest checked ones before and after the frame shown."""
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
            lambda task: repairs.interpolate(gap),
            "Interpolated",
        )

    def copy_to_next(self) -> None:
        """Copy the mask to the next frame within reach, and go there."""
        self.prompts.settle()
        controller, target = self._controller, -1

        def copy(session: AnnotationSession, object_id: int, frame: int) -> str:
            nonlocal target
            target = repairs.next_frame(session, frame, self.reach)
            return repairs.copy_mask(session, object_id, frame, target)

        if self._repair(copy):
            controller.navigation.go_to(target)

    def fill_holes(self) -> None:
        self.prompts.settle()
        self._repair(repairs.fill_frame_holes)

    def remove_islands(self) -> None:
        self.prompts.settle()
        self._repair(repairs.remove_frame_islands)

    def clear_frame(self) -> None:
        """Mark the object as absent from this frame."""
        self.prompts.forget_here()
        self._repair(repairs.clear_frame)

    def back_to_proposal(self) -> None:
        """Restore the mask that the model proposed in this frame."""
        self.prompts.forget_here()
        self._repair(repairs.back_to_proposal)

    def close(self, window_stays: bool = True) -> None:
        """End all work; the layers are removed only where the window stays open."""
        self.prompts.close(window_stays)
        self._filling.close(window_stays)
        self._controller.engine.release()

    def _repair(self, repair: Repair) -> bool:
        """Change the chosen object in the frame shown; return whether that worked."""
        object_id, frame = self._controller.chosen, self._controller.navigation.frame
        if object_id is None:
            return False
        sentence = self._controller.do(lambda session: repair(session, object_id, frame))
        if sentence is not None:
            self._controller.said.emit(sentence)
        return sentence is not None
