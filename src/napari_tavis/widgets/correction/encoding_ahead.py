"""Encodes the frame in view and its neighbours in the background, for quick first clicks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Signal

from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.widgets.correction.encoders import FrameEncoders, frames_to_encode
from napari_tavis.widgets.correction.latest_job import LatestJob

if TYPE_CHECKING:
    from napari_tavis.widgets.controller import AnnotationController

_SETTLE_MS = 150
"""How long a frame must stay in view before it is encoded."""


class EncodingAhead(QObject):
    """Makes frames ready before they are clicked in.

    Parameters
    ----------
    controller : AnnotationController
        Knows the video, its sampled frames and the model.
    encoders : FrameEncoders
        Gives the encoder of the video's frames.
    parent : QObject, optional
        Qt's parent.

    Attributes
    ----------
    said : Signal
        Emitted with what is being done, or why it cannot be; empty when nothing is.
    """

    said = Signal(str)

    def __init__(
        self,
        controller: AnnotationController,
        encoders: FrameEncoders,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._controller = controller
        self._encoders = encoders
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
        controller, video = self._controller, self._controller.video
        if controller.clip is None or video is None:
            return
        frame, options = controller.navigation.frame, controller.options
        frames = frames_to_encode(frame, controller.navigation.sampled, len(controller.clip.times))

        def encode(task: Task) -> None:
            encoder = self._encoders.get(video, options, task.report, task)
            if not encoder.is_ready(frame):
                task.report(0, 0, "getting this frame ready")
                encoder.encode_ahead([frame], task)
            task.report(1, 1, "")
            encoder.encode_ahead(frames, task)

        self._job.ask(encode, lambda nothing: self.said.emit(""), self._on_failed)

    def _on_progress(self, done: int, total: int, what: str) -> None:
        self.said.emit(what)

    def _on_failed(self, error: BaseException) -> None:
        """Say why frames cannot be made ready, quietly: a click will tell it as an error."""
        self.said.emit("" if isinstance(error, Cancelled) else str(error))
