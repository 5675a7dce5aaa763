"""A strip of the video's length: the sampled frames, their status, and the frame shown."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_tavis.annotation import FrameStatus

# Of a mark, by the chosen object's status there.
STATUS_COLORS: dict[FrameStatus | None, str] = {
    None: "#8c8c8c",
    FrameStatus.PROPOSED: "#4aa3df",
    FrameStatus.EDITED: "#f0a030",
    FrameStatus.ACCEPTED: "#4cc26a",
}

_MARGIN = 8
_SNAP = 6  # a click is meant for a mark so many pixels away


class FrameStrip(QWidget):
    """Marks the sampled frames along the video's length; a click shows the frame there.

    Attributes
    ----------
    clicked : Signal
        Emitted with the frame index that the user asks for.
    """

    clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._count = 0
        self._current = 0
        self._sampled: list[int] = []
        self._status: dict[int, FrameStatus] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "The video's length. Tall marks: sampled frames; short ones: other frames with a "
            "mask of the selected object. Grey: no mask, blue: proposed, orange: edited, green: "
            "accepted. Click to go there."
        )

    def sizeHint(self) -> QSize:  # noqa: N802
        """Give the height of two lines of marks."""
        return QSize(200, 26)

    def show_frames(
        self, count: int, current: int, sampled: list[int], status: Mapping[int, FrameStatus]
    ) -> None:
        """Mark frames of a video of `count` (0 for none), with the chosen object's status."""
        self._count, self._current = count, current
        self._sampled, self._status = sampled, dict(status)
        self.update()

    def frame_at(self, x: float) -> int:
        """Give the frame at so many pixels from the left; near a mark, the marked one."""
        marks = set(self._sampled) | set(self._status)
        if marks:
            nearest = min(marks, key=lambda frame: abs(self._x(frame) - x))
            if abs(self._x(nearest) - x) <= _SNAP:
                return nearest
        share = (x - _MARGIN) / max(self.width() - 2 * _MARGIN, 1)
        return round(min(max(share, 0.0), 1.0) * max(self._count - 1, 0))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Ask for the frame under the mouse."""
        if self._count and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(self.frame_at(event.position().x()))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the length, the marks, and the frame shown."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle = self.height() / 2 + 3
        painter.setBrush(self.palette().mid())
        width = self.width() - 2 * _MARGIN
        painter.drawRoundedRect(QRectF(_MARGIN, middle - 1.5, width, 3), 1.5, 1.5)
        if not self._count:
            return
        for frame in sorted(set(self._status) | set(self._sampled)):
            half = 7 if frame in self._sampled else 4
            painter.setBrush(QColor(STATUS_COLORS[self._status.get(frame)]))
            painter.drawRoundedRect(QRectF(self._x(frame) - 2, middle - half, 4, 2 * half), 1, 1)
        painter.setBrush(self.palette().windowText())
        x, top = self._x(self._current), middle - 9
        corners = [QPointF(x - 5, top - 6), QPointF(x + 5, top - 6), QPointF(x, top)]
        painter.drawPolygon(QPolygonF(corners))

    def _x(self, frame: int) -> float:
        width = self.width() - 2 * _MARGIN
        return _MARGIN + width * frame / max(self._count - 1, 1)
