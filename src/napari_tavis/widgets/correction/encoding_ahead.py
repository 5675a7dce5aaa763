"""Encodes the frame in view and its neighbours in the background, for quick first clicks."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QObject, QTimer, Signal

from napari_tavis.core.tasks import Cancelled
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.correction.latest_job import LatestJob

_SETTLE_MS = 150
"""How long a frame must stay in view before it is encoded."""


class EncodingAhead(QObject):
    """Makes frames ready before they are clicked in.

    Parameters
    ----------
    controller : AnnotationController
        Knows the video, its sampled frames and the engine.
    parent : QObject, optional
        Qt's parent.

    Attributes
    ----------
    said : Signal
        Emitted with what is being done, or why it cannot be; empty when nothing is.
    """

    said = Signal(str)

    def __init__(self, controller: AnnotationController, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._job = LatestJob(self)
        self._job.runner.progressed.connect(self._on_progress)
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLE_MS)
        self._settled.timeout.connect(self._encode)

    def request(self) -> None:
        """Encode the frame in view and its neighbours once it stays in view for a moment."""
        self._settled.start()

    def stop(self) -> None:
        """Leave the rest of what was asked for."""
        self._settled.stop()
        self._job.forget()

    def close(self) -> None:
        """Stop for good."""
        self._settled.stop()
        self._job.close()

    def _encode(self) -> None:
        controller, clip, video = self._controller, self._controller.clip, self._controller.video
        if clip is None or video is None:
            return
        engine, options = controller.engine, controller.options
        frame, sampled = controller.navigation.frame, controller.navigation.sampled
        frames = frames_to_encode(frame, sampled, len(clip.times))
        self._job.ask(
            lambda task: engine.prepare(video, frames, options, sampled=sampled, task=task),
            lambda nothing: self.said.emit(""),
            self._on_failed,
        )

    def _on_progress(self, done: int, total: int, what: str) -> None:
        self.said.emit(what)

    def _on_failed(self, error: BaseException) -> None:
        """Say why frames cannot be made ready, quietly: a click will tell it as an error."""
        self.said.emit("" if isinstance(error, Cancelled) else str(error))


def frames_to_encode(frame: int, sampled: Sequence[int], count: int) -> list[int]:
    """Give the frame shown and those a person is likely to look at next, in this order.

    Parameters
    ----------
    frame : int
        The frame shown.
    sampled : sequence of int
        The sampled frames, ascending.
    count : int
        Frames of the video.
    """
    after = [one for one in sampled if one > frame][:1]
    before = [one for one in sampled if one < frame][-1:]
    beside = [one for one in (frame + 1, frame - 1) if 0 <= one < count]
    return list(dict.fromkeys([frame, *after, *before, *beside]))
