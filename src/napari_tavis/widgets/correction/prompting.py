"""The prompt mode: clicks and boxes on the canvas become a mask, confirmed or dropped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.masks import Mask
from napari_tavis.annotation.prompts import Prompts
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.correction.encoding_ahead import EncodingAhead
from napari_tavis.widgets.correction.latest_job import LatestJob
from napari_tavis.widgets.correction.prompt_book import (
    PromptBook,
    Spot,
    with_box,
    with_point,
    without_points,
)
from napari_tavis.widgets.correction.prompt_layers import PromptLayers
from napari_tavis.widgets.jobs import report_error

LABEL = "Prompt"
"""What a confirmed prompt is called in the list of steps to undo."""


class PromptTool(QObject):
    """Turns what is clicked on the canvas into masks of the chosen object.

    The mask is found off the GUI thread and shown as an outline until it is confirmed. Prompts
    of other frames and objects wait where they were made.

    Parameters
    ----------
    controller : AnnotationController
        Knows the video, the session and the chosen object.

    Attributes
    ----------
    changed : Signal
        Emitted when the mode, the prompts or their mask have changed.
    said : Signal
        Emitted with what is being done; empty when nothing is.
    """

    changed = Signal()
    said = Signal(str)

    def __init__(self, controller: AnnotationController) -> None:
        super().__init__()
        self.book = PromptBook()
        self._controller = controller
        self._layers = PromptLayers(controller.viewer)
        self._object_id: int | None = None
        self._session: AnnotationSession | None = None
        self._keep_when_found: Spot | None = None
        self._clicks = LatestJob(self)
        self._ahead = EncodingAhead(controller, self)
        self._followed = QTimer(self)
        self._followed.setSingleShot(True)
        self._followed.setInterval(0)
        self._followed.timeout.connect(self._follow)
        self._connect()

    def _connect(self) -> None:
        controller, layers = self._controller, self._layers
        layers.clicked.connect(self.add_point)
        layers.boxed.connect(self.set_box)
        layers.deleted.connect(self._on_deleted)
        layers.moved.connect(self._on_moved)
        layers.removed.connect(self._follow_soon)
        controller.chosen_changed.connect(self._follow_soon)
        controller.changed.connect(self._follow_soon)
        controller.leaving.connect(self._leave)
        controller.navigation.moved.connect(self._on_frame)
        controller.viewer.layers.selection.events.active.connect(self._follow_soon)
        self._clicks.runner.progressed.connect(self._on_progress)
        self._clicks.runner.busy_changed.connect(self._on_busy)
        self._ahead.said.connect(self.said)

    # -- the mode ----------------------------------------------------------------------------

    @property
    def active(self) -> bool:
        """Whether clicks on the canvas are prompts now."""
        return self._layers.are_open

    @property
    def spot(self) -> Spot | None:
        """The object and the frame that are prompted now."""
        if not self.active or self._object_id is None:
            return None
        return Spot(self._object_id, self._controller.navigation.frame)

    @property
    def prompts(self) -> Prompts:
        """What is said of the object in the frame shown, and not confirmed yet."""
        return Prompts() if self.spot is None else self.book.prompts(self.spot)

    @property
    def computing(self) -> bool:
        """Whether a mask is being found now."""
        return self._clicks.busy

    def toggle(self) -> None:
        """Begin or end the mode."""
        if self.active:
            self.stop()
        else:
            self.start()

    def start(self) -> None:
        """Let clicks on the canvas prompt the chosen object."""
        session, chosen = self._controller.session, self._controller.chosen
        if session is None or chosen is None or self.active:
            return
        if session is not self._session:
            self._session = session
            self.book.clear()
        self._layers.open(
            (session.frame_count, *session.frame_size),
            self._mask_of,
            {
                "Enter": self.confirm,
                "Escape": self.drop,
                "Backspace": self.remove_selected,
                "Control-Z": self.undo,
            },
        )
        self._aim(chosen)

    def stop(self) -> None:
        """End the mode; prompts that are not confirmed wait for its next beginning."""
        if not self.active:
            return
        chosen = self._object_id
        self._end()
        if self._controller.session is not None and chosen == self._controller.chosen:
            self._controller.choose(chosen)

    def close(self, window_stays: bool) -> None:
        """End the work and the mode for good."""
        self._followed.stop()
        self._clicks.close()
        self._ahead.close()
        self._controller.viewer.layers.selection.events.active.disconnect(self._follow_soon)
        self._layers.disconnect()
        if window_stays:
            self._layers.close()

    def _end(self) -> None:
        self._object_id = self._keep_when_found = None
        self._clicks.forget()
        self._ahead.stop()
        self._layers.close()
        self.changed.emit()

    def _leave(self) -> None:
        """End all of it at once: the session goes."""
        self._followed.stop()
        self._end()
        self._session = None
        self.book.clear()
        self._controller.engine.release()

    def _aim(self, object_id: int) -> None:
        """Prompt an object from now on."""
        self._object_id = object_id
        self._layers.rename(self._controller.item(object_id).class_name)
        self._layers.activate()
        self._on_frame()

    def _follow(self) -> None:
        """Go with the chosen object; end where the user has gone on to another tool."""
        controller = self._controller
        if controller.session is not self._session and self._session is not None:
            self._session = None
            self.book.clear()
        if not self.active:
            return
        layer = controller.viewer.layers.selection.active
        if self._session is None or controller.chosen is None:
            self._end()
        elif controller.chosen != self._object_id:
            self._aim(controller.chosen)
        elif not self._layers.are_complete or not (layer is None or self._layers.own(layer)):
            self._end()

    def _follow_soon(self, what: Any = None) -> None:
        """Follow when all that belongs to one change has happened."""
        self._followed.start()

    def _on_frame(self, frame: int | None = None) -> None:
        """Show the prompts of the frame that came into view."""
        if self.spot is not None:
            self._layers.show(self.spot.frame, self.prompts)
            self._ahead.request()
            self.changed.emit()

    # -- what is said ------------------------------------------------------------------------

    def add_point(self, x: float, y: float, positive: bool) -> None:
        """Say that the object is at a place, or is not; a point clicked again is removed."""
        self._say(with_point(self.prompts, x, y, positive, self._layers.reach))

    def set_box(self, corner: tuple[float, float], opposite: tuple[float, float]) -> None:
        """Say that the object is in a box; a mere line is none."""
        if corner[0] != opposite[0] and corner[1] != opposite[1]:
            self._say(with_box(self.prompts, corner, opposite))
        else:
            self._show()

    def use_mask(self) -> None:
        """Refine the mask that the object has in this frame; begins the mode where it is off."""
        self.start()
        session = self._controller.collect_edits()
        if session is None or self.spot is None:
            return
        mask = session.mask(*self.spot)
        if mask.any():
            self._say(replace(self.prompts, mask=mask))
        else:
            self._controller.said.emit("There is no mask in this frame to begin from.")

    def remove_selected(self) -> None:
        """Remove the points selected with napari's tool; where none is, the last thing said."""
        if not self._layers.remove_selected():
            self.remove_last()

    def remove_last(self) -> None:
        """Take the last click, box or mask back."""
        spot = self.spot
        if spot is not None and self.book.undo(spot):
            self._ask()

    def undo(self) -> None:
        """Take the last click back; where there is none, the last step of the session."""
        if self.spot is not None and not self.prompts.empty:
            self.remove_last()
        else:
            self._controller.undo()

    def _on_deleted(self, indices: set[int]) -> None:
        self._say_later(without_points(self.prompts, indices))

    def _on_moved(self, points: tuple[tuple[float, float], ...]) -> None:
        if len(points) == len(self.prompts.points):
            self._say_later(replace(self.prompts, points=points))

    def _say_later(self, prompts: Prompts) -> None:
        """Say something new once napari has ended what it does to the layer."""
        QTimer.singleShot(0, self, lambda: self._say(prompts))

    def _say(self, prompts: Prompts) -> None:
        spot = self.spot
        if spot is not None:
            self.book.put(spot, prompts)
            self._ask()

    # -- the mask ----------------------------------------------------------------------------

    def confirm(self) -> None:
        """Give the object the mask that is shown, as one step to undo.

        Where a mask is still being found, it is taken as soon as it is. Where nothing was said
        in this frame, the next frame is shown in which something waits.
        """
        spot = self.spot
        if spot is None:
            return
        if self.prompts.empty:
            waiting = self.book.frames(spot.object_id)
            if waiting:
                self._controller.navigation.go_to(waiting[0])
            return
        if not self.book.is_answered(spot):
            self._keep_when_found = spot
            return
        mask = self.book.mask(spot)
        assert mask is not None
        self.book.drop(spot)
        self._controller.do(lambda session: session.set_mask(*spot, mask, label=LABEL))
        self._show()

    def drop(self) -> None:
        """Forget what was said in this frame; where that is nothing, end the mode."""
        spot = self.spot
        if spot is None:
            return
        if self.prompts.empty:
            self.stop()
            return
        self.book.drop(spot)
        self._clicks.forget()
        self._show()

    def forget_here(self) -> None:
        """Forget what was said in this frame, and stay in the mode."""
        if self.spot is not None and not self.prompts.empty:
            self.drop()

    def settle(self) -> None:
        """Confirm the mask that is shown, if one is: what is done next builds on it."""
        if self.spot is not None and self.book.is_answered(self.spot):
            self.confirm()

    def _mask_of(self, frame: int) -> Mask | None:
        """Give the mask found in a frame, for the preview."""
        if self._object_id is None:
            return None
        return self.book.mask(Spot(self._object_id, frame))

    def _show(self) -> None:
        """Show the prompts and the mask of this frame as they are now."""
        if self.spot is not None:
            self._layers.show(self.spot.frame, self.prompts)
        self.changed.emit()

    def _ask(self) -> None:
        """Find the mask of what is said now."""
        spot, prompts, video = self.spot, self.prompts, self._controller.video
        self._keep_when_found = None
        self._show()
        if spot is None or video is None or prompts.empty:
            self._clicks.forget()
            return
        engine, options = self._controller.engine, self._controller.options
        sampled = self._controller.navigation.sampled
        self._ahead.stop()

        def find(task: Task) -> Mask:
            found = engine.prompt(video, spot.frame, prompts, options, sampled=sampled, task=task)
            return found.mask

        self._clicks.ask(find, lambda mask: self._on_found(spot, prompts, mask), self._on_failed)
        self.changed.emit()

    def _on_found(self, spot: Spot, prompts: Prompts, mask: Mask) -> None:
        self.book.take_mask(spot, prompts, mask)
        self._layers.refresh()
        self._ahead.request()
        if self._keep_when_found == spot == self.spot and self.book.is_answered(spot):
            self.confirm()
        self.changed.emit()

    def _on_failed(self, error: BaseException) -> None:
        if not isinstance(error, Cancelled):
            self._keep_when_found = None
            report_error(error)
        self.changed.emit()

    def _on_progress(self, done: int, total: int, what: str) -> None:
        self.said.emit(what)

    def _on_busy(self, busy: bool) -> None:
        if not busy:
            self.said.emit("")
