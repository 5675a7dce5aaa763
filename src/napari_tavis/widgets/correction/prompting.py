"""The prompt mode: clicks and boxes on the canvas become a mask, confirmed or dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.masks import Mask
from napari_tavis.annotation.prompts import Prompts
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.widgets.controller import AnnotationController
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

LABEL = "Prompt"  # of the undo step
_SETTLE_MS = 150  # how long a frame must stay in view before it is encoded


class PromptTool(QObject):
    """Turns clicks and boxes on the canvas into masks of the chosen object.

    The mask is found off the GUI thread and outlined until it is confirmed. Prompts of other
    frames and objects wait where they were made.
    """

    changed = Signal()  # the mode, the prompts or their mask
    said = Signal(str)  # what is being done; empty when nothing is

    def __init__(self, controller: AnnotationController) -> None:
        super().__init__()
        self.book = PromptBook()
        self._controller = controller
        self._layers = PromptLayers(controller.viewer)
        self._object_id: int | None = None
        self._session: AnnotationSession | None = None  # whose prompts are in the book
        self._keep_when_found: Spot | None = None  # Enter was pressed before the mask was there
        self._clicks = LatestJob(self)
        self._preparer = FramePreparer(controller, self)
        # One change of the video sends several signals, and in between the chosen object may be
        # of another session. So look only once Qt's event loop is reached again.
        self._follow_timer = QTimer(self)
        self._follow_timer.setSingleShot(True)
        self._follow_timer.setInterval(0)
        self._follow_timer.timeout.connect(self._follow)
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
        self._preparer.said.connect(self.said)

    # -- the mode ----------------------------------------------------------------------------

    @property
    def active(self) -> bool:
        """Whether clicks on the canvas are prompts now."""
        return self._layers.are_open

    @property
    def spot(self) -> Spot | None:
        """The object and the frame that are prompted now; None outside the mode."""
        if not self.active or self._object_id is None:
            return None
        return Spot(self._object_id, self._controller.navigation.frame)

    @property
    def prompts(self) -> Prompts:
        """The unconfirmed prompts of the object in the frame shown."""
        return Prompts() if self.spot is None else self.book.prompts(self.spot)

    @property
    def computing(self) -> bool:
        return self._clicks.busy

    def toggle(self) -> None:
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
        """End the mode; prompts not confirmed wait until it begins again."""
        if not self.active:
            return
        chosen = self._object_id
        self._end()
        if self._controller.session is not None and chosen == self._controller.chosen:
            self._controller.choose(chosen)  # its layer, active again, is ready to be painted

    def close(self, window_stays: bool) -> None:
        self._follow_timer.stop()
        self._clicks.close()
        self._preparer.close()
        self._controller.viewer.layers.selection.events.active.disconnect(self._follow_soon)
        self._layers.disconnect()
        if window_stays:
            self._layers.close()

    def _end(self) -> None:
        self._object_id = self._keep_when_found = None
        self._clicks.forget()
        self._preparer.stop()
        self._layers.close()
        self.changed.emit()

    def _leave(self) -> None:
        """End the mode now rather than later: the session is about to close."""
        self._follow_timer.stop()
        self._end()
        self._session = None
        self.book.clear()
        self._controller.engine.release()  # the frames of the video that it keeps encoded

    def _aim(self, object_id: int) -> None:
        """Prompt this object from now on."""
        self._object_id = object_id
        self._layers.rename(self._controller.item(object_id).class_name)
        self._layers.activate()
        self._on_frame()

    def _follow(self) -> None:
        """Follow the chosen object; end the mode where the user has taken up another tool."""
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
        self._follow_timer.start()

    def _on_frame(self, frame: int | None = None) -> None:
        """Show the prompts of the frame that came into view."""
        if self.spot is not None:
            self._layers.show(self.spot.frame, self.prompts)
            self._preparer.request()
            self.changed.emit()

    # -- prompts -----------------------------------------------------------------------------

    def add_point(self, x: float, y: float, positive: bool) -> None:
        """Add a point on the object, or beside it; a point clicked again is removed."""
        self._put(with_point(self.prompts, x, y, positive, self._layers.reach))

    def set_box(self, corner: tuple[float, float], opposite: tuple[float, float]) -> None:
        """Set the box that the object is in; a box without an area is ignored."""
        if corner[0] != opposite[0] and corner[1] != opposite[1]:
            self._put(with_box(self.prompts, corner, opposite))
        else:
            self._show()  # takes the line away that was drawn while dragging

    def use_mask(self) -> None:
        """Refine the mask that the object has in this frame; enters the mode if need be."""
        self.start()
        session = self._controller.collect_edits()
        if session is None or self.spot is None:
            return
        mask = session.mask(*self.spot)
        if mask.any():
            self._put(replace(self.prompts, mask=mask))
        else:
            self._controller.said.emit("There is no mask in this frame to start from.")

    def remove_selected(self) -> None:
        """Remove the points selected with napari's tool; if there are none, the last prompt."""
        if not self._layers.remove_selected():
            self.remove_last()

    def remove_last(self) -> None:
        spot = self.spot
        if spot is not None and self.book.undo(spot):
            self._ask()

    def undo(self) -> None:
        """Take the last click back; where there is none, undo the last step of the session."""
        if self.spot is not None and not self.prompts.empty:
            self.remove_last()
        else:
            self._controller.undo()

    def _on_deleted(self, indices: set[int]) -> None:
        self._put_later(without_points(self.prompts, indices))

    def _on_moved(self, points: tuple[tuple[float, float], ...]) -> None:
        if len(points) == len(self.prompts.points):
            self._put_later(replace(self.prompts, points=points))

    def _put_later(self, prompts: Prompts) -> None:
        """Take prompts once napari has finished its change to the layer, which `_put` redraws."""
        QTimer.singleShot(0, self, lambda: self._put(prompts))

    def _put(self, prompts: Prompts) -> None:
        spot = self.spot
        if spot is not None:
            self.book.put(spot, prompts)
            self._ask()

    # -- the mask ----------------------------------------------------------------------------

    def confirm(self) -> None:
        """Give the object the outlined mask, as one step to undo.

        A mask that is still being computed is taken once it is there. Where this frame has no
        prompts, go to the first frame in which some wait.
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
        """Drop the prompts of this frame; where there are none, end the mode."""
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
        """Drop the prompts of this frame, and stay in the mode."""
        if self.spot is not None and not self.prompts.empty:
            self.drop()

    def settle(self) -> None:
        """Confirm the outlined mask, if there is one, since what is done next builds on it."""
        if self.spot is not None and self.book.is_answered(self.spot):
            self.confirm()

    def _mask_of(self, frame: int) -> Mask | None:
        if self._object_id is None:
            return None
        return self.book.mask(Spot(self._object_id, frame))

    def _show(self) -> None:
        """Show the prompts and the mask of this frame as they are now."""
        if self.spot is not None:
            self._layers.show(self.spot.frame, self.prompts)
        self.changed.emit()

    def _ask(self) -> None:
        """Compute the mask of the prompts of this frame."""
        spot, prompts, video = self.spot, self.prompts, self._controller.video
        self._keep_when_found = None
        self._show()
        if spot is None or video is None or prompts.empty:
            self._clicks.forget()
            return
        engine, options = self._controller.engine, self._controller.options
        sampled = self._controller.navigation.sampled
        self._preparer.stop()  # the click goes first

        def find(task: Task) -> Mask:
            found = engine.prompt(video, spot.frame, prompts, options, sampled=sampled, task=task)
            return found.mask

        self._clicks.ask(find, lambda mask: self._on_found(spot, prompts, mask), self._on_failed)
        self.changed.emit()

    def _on_found(self, spot: Spot, prompts: Prompts, mask: Mask) -> None:
        self.book.take_mask(spot, prompts, mask)
        self._layers.refresh()
        self._preparer.request()
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


class FramePreparer(QObject):
    """Has the frame in view and its neighbours encoded, so that clicks are answered quickly."""

    said = Signal(str)  # what is being done, or why it cannot be; empty when nothing is

    def __init__(self, controller: AnnotationController, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._job = LatestJob(self)
        self._job.runner.progressed.connect(self._on_progress)
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLE_MS)
        self._settled.timeout.connect(self._prepare)

    def request(self) -> None:
        """Prepare the frame in view once it has stayed there for a moment."""
        self._settled.start()

    def stop(self) -> None:
        self._settled.stop()
        self._job.forget()

    def close(self) -> None:
        self._settled.stop()
        self._job.close()

    def _prepare(self) -> None:
        controller, clip, video = self._controller, self._controller.clip, self._controller.video
        if clip is None or video is None:
            return
        engine, options = controller.engine, controller.options
        frame, sampled = controller.navigation.frame, controller.navigation.sampled
        frames = frames_to_prepare(frame, sampled, len(clip.times))
        self._job.ask(
            lambda task: engine.prepare(video, frames, options, sampled=sampled, task=task),
            lambda nothing: self.said.emit(""),
            self._on_failed,
        )

    def _on_progress(self, done: int, total: int, what: str) -> None:
        self.said.emit(what)

    def _on_failed(self, error: BaseException) -> None:
        # Quietly: nobody asked for this, and a click meets the same error and reports it.
        self.said.emit("" if isinstance(error, Cancelled) else str(error))


def frames_to_prepare(frame: int, sampled: Sequence[int], count: int) -> list[int]:
    """Give the frame shown and those that a person is likely to go to next, in that order.

    `sampled` is ascending; `count` is the number of frames of the video.
    """
    after = [one for one in sampled if one > frame][:1]
    before = [one for one in sampled if one < frame][-1:]
    beside = [one for one in (frame + 1, frame - 1) if 0 <= one < count]
    return list(dict.fromkeys([frame, *after, *before, *beside]))
